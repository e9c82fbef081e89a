//! What the trees ask of the memory they stand in.

use crate::error::Result;

/// Reads published words: relaxed loads, every place checked to be inside the file.
pub(crate) trait Source {
    /// The word at `offset`, which is verified.
    fn word(&self, offset: u64) -> Result<u64>;

    /// Copies words from `offset` on.
    fn words(&self, offset: u64, words: &mut [u64]) -> Result<()>;

    /// Copies bytes from `offset` on.
    fn bytes(&self, offset: u64, bytes: &mut [u8]) -> Result<()>;

    /// Bytes of the file: nothing that is sound has more elements or payload than fit.
    fn extent(&self) -> u64;
}

/// Takes what a draft writes. What is allocated is reached by nobody before the root is published.
pub(crate) trait Sink {
    /// A block of at least `bytes`; its offset is a multiple of 16.
    fn allocate(&mut self, bytes: u64) -> Result<u64>;

    /// Fills words of an allocated block.
    fn fill(&mut self, offset: u64, words: &[u64]) -> Result<()>;

    /// Fills bytes of an allocated block.
    fn fill_bytes(&mut self, offset: u64, bytes: &[u8]) -> Result<()>;
}

/// Memory in which something is taken apart: reads see what was written before.
pub(crate) trait Space {
    /// The word at `offset`, which is verified.
    fn read(&self, offset: u64) -> Result<u64>;

    /// Changes a word.
    fn write(&mut self, offset: u64, word: u64) -> Result<()>;

    /// Gives a block back.
    fn free(&mut self, offset: u64) -> Result<()>;
}
