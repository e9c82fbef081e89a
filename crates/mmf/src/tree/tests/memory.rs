//! Memory for trees, and a variable in it whose every commit is accounted for.

use std::cell::Cell as Shared;
use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, ErrorKind, Result};
use crate::format::tree::CollectionKind;
use crate::tree::{
    Checks, Collection, CollectionId, Detached, Draft, Progress, Replaced, Settings, Sink, Source,
    Space, View, hang, read_value, step, verify,
};
use crate::value::Value;

/// The seed of the checks.
pub(super) const SEED: u64 = 77;

/// Where a list of what is taken apart begins.
pub(super) const LIST: u64 = 8;

/// Words, in which blocks are allocated one behind the other and never twice.
pub(super) struct Memory {
    pub(super) words: Vec<u64>,
    /// Bytes of each block that is in use, by its offset.
    pub(super) blocks: BTreeMap<u64, u64>,
    pub(super) reads: Shared<u64>,
    pub(super) writes: u64,
}

impl Memory {
    pub(super) fn new() -> Self {
        // The first line is no block's.
        let (words, blocks) = (vec![0; 8], BTreeMap::new());
        Self { words, blocks, reads: Shared::new(0), writes: 0 }
    }

    fn index(&self, offset: u64, count: usize) -> Result<usize> {
        let index = (offset / 8) as usize;
        match offset.is_multiple_of(8) && index.saturating_add(count) <= self.words.len() {
            true => Ok(index),
            false => Err(Error::damaged(offset, "outside the file")),
        }
    }
}

impl Source for Memory {
    fn word(&self, offset: u64) -> Result<u64> {
        self.reads.set(self.reads.get() + 1);
        Ok(self.words[self.index(offset, 1)?])
    }

    fn words(&self, offset: u64, words: &mut [u64]) -> Result<()> {
        self.reads.set(self.reads.get() + words.len() as u64);
        let index = self.index(offset, words.len())?;
        words.copy_from_slice(&self.words[index..index + words.len()]);
        Ok(())
    }

    fn bytes(&self, offset: u64, bytes: &mut [u8]) -> Result<()> {
        self.reads.set(self.reads.get() + bytes.len() as u64 / 8);
        let index = self.index(offset, bytes.len().div_ceil(8))?;
        for (piece, word) in bytes.chunks_mut(8).zip(&self.words[index..]) {
            piece.copy_from_slice(&word.to_le_bytes()[..piece.len()]);
        }
        Ok(())
    }

    fn extent(&self) -> u64 {
        self.words.len() as u64 * 8
    }
}

/// What a draft writes, for memory that is read meanwhile.
pub(super) struct Written {
    next: u64,
    pub(super) blocks: BTreeMap<u64, u64>,
    words: Vec<u64>,
    first: u64,
}

impl Written {
    pub(super) fn behind(memory: &Memory) -> Self {
        let first = memory.extent().next_multiple_of(16);
        Self { next: first, blocks: BTreeMap::new(), words: Vec::new(), first }
    }

    pub(super) fn store(self, memory: &mut Memory) {
        memory.words.resize((self.first / 8) as usize, 0);
        memory.words.extend(self.words);
        memory.blocks.extend(self.blocks);
    }
}

impl Sink for Written {
    fn allocate(&mut self, bytes: u64) -> Result<u64> {
        let offset = self.next;
        self.next += bytes.next_multiple_of(16);
        self.blocks.insert(offset, bytes);
        // What nobody fills is no sound word.
        self.words.resize(((self.next - self.first) / 8) as usize, u64::MAX);
        Ok(offset)
    }

    fn fill(&mut self, offset: u64, words: &[u64]) -> Result<()> {
        let index = ((offset - self.first) / 8) as usize;
        self.words[index..index + words.len()].copy_from_slice(words);
        Ok(())
    }

    fn fill_bytes(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        let index = ((offset - self.first) / 8) as usize;
        for (piece, word) in bytes.chunks(8).zip(&mut self.words[index..]) {
            let mut whole = [0; 8];
            whole[..piece.len()].copy_from_slice(piece);
            *word = u64::from_le_bytes(whole);
        }
        Ok(())
    }
}

impl Space for Memory {
    fn read(&self, offset: u64) -> Result<u64> {
        self.word(offset)
    }

    fn write(&mut self, offset: u64, word: u64) -> Result<()> {
        let index = self.index(offset, 1)?;
        self.words[index] = word;
        self.writes += 1;
        Ok(())
    }

    fn free(&mut self, offset: u64) -> Result<()> {
        let bytes = self.blocks.remove(&offset);
        let bytes = bytes.ok_or_else(|| Error::damaged(offset, "no block to be freed"))?;
        let index = self.index(offset, (bytes / 8) as usize)?;
        self.words[index..index + (bytes / 8) as usize].fill(u64::MAX);
        self.writes += 1;
        Ok(())
    }
}

/// A variable that is a collection.
pub(super) struct Variable {
    pub(super) memory: Memory,
    pub(super) kind: CollectionKind,
    pub(super) root: Vec<u64>,
    pub(super) settings: Settings,
    /// Blocks and bytes that the last commit wrote.
    pub(super) written: (usize, u64),
}

pub(super) fn load(memory: &Memory, kind: CollectionKind, root: &[u64]) -> Result<Collection> {
    Collection::load(kind, root, 8, memory.extent())
}

/// Offsets of all blocks of a collection, which is sound.
pub(super) fn reachable(
    memory: &Memory,
    collection: &Collection,
    settings: Settings,
) -> Result<BTreeSet<u64>> {
    let mut found = BTreeSet::new();
    let checks = settings.checks.map_or(Checks::Absent, Checks::Seeded);
    verify(memory, collection, checks, &mut |offset, bytes| {
        assert!(found.insert(offset), "the block at {offset} is reached twice");
        match memory.blocks.get(&offset) {
            Some(known) if *known == bytes => Ok(()),
            known => Err(Error::damaged(offset, &format!("{bytes} bytes, in use: {known:?}"))),
        }
    })?;
    Ok(found)
}

impl Variable {
    pub(super) fn new(kind: CollectionKind) -> Self {
        let settings = Settings { birth: 5, checks: Some(SEED) };
        let root = vec![0; kind.root_words()];
        Self { memory: Memory::new(), kind, root, settings, written: (0, 0) }
    }

    pub(super) fn from_value(value: &Value) -> Self {
        let kind = match value {
            Value::Map(_) => CollectionKind::Map,
            _ => CollectionKind::List,
        };
        let mut variable = Self::new(kind);
        let mut draft = Draft::new(&variable.memory);
        let id = draft.create_from(value).expect("a value that can be a collection");
        let mut sink = Written::behind(&variable.memory);
        variable.root = draft.write(id, variable.settings, &mut sink).expect("written");
        drop(draft);
        sink.store(&mut variable.memory);
        variable
    }

    pub(super) fn collection(&self) -> Collection {
        load(&self.memory, self.kind, &self.root).expect("a sound root")
    }

    pub(super) fn view(&self) -> View<'_, Memory> {
        View::new(&self.memory)
    }

    pub(super) fn value(&self) -> Value {
        read_value(self.view(), &self.collection()).expect("a sound collection")
    }

    /// Edits in a draft and makes that the root. Nothing is freed.
    pub(super) fn edit<T>(
        &mut self,
        edit: impl FnOnce(&mut Draft<'_, Memory>, CollectionId) -> Result<T>,
    ) -> Result<T> {
        let collection = self.collection();
        let mut draft = Draft::new(&self.memory);
        let id = draft.open(collection);
        let done = edit(&mut draft, id)?;
        let mut sink = Written::behind(&self.memory);
        self.root = draft.write(id, self.settings, &mut sink)?;
        drop(draft);
        self.written = (sink.blocks.len(), sink.blocks.values().sum());
        sink.store(&mut self.memory);
        Ok(done)
    }

    /// As `edit`, and verifies that exactly what is not needed any more is told, and exactly what
    /// is new is written.
    pub(super) fn edit_accounted<T>(
        &mut self,
        edit: impl FnOnce(&mut Draft<'_, Memory>, CollectionId) -> Result<T>,
    ) -> T {
        let before = reachable(&self.memory, &self.collection(), self.settings).expect("sound");
        let first_new = self.memory.extent();
        let (mut replaced, mut detached) = (Vec::<Replaced>::new(), Vec::<Detached>::new());
        let done = self
            .edit(|draft, id| {
                let done = edit(draft, id)?;
                replaced.extend_from_slice(draft.replaced());
                detached.extend_from_slice(draft.detached());
                Ok(done)
            })
            .expect("an edit of a sound collection");
        let after = reachable(&self.memory, &self.collection(), self.settings).expect("sound");
        let mut gone = BTreeSet::new();
        for block in replaced {
            assert!(gone.insert(block.offset), "{block:?} is told twice");
            assert_eq!(block.birth, self.settings.birth);
        }
        // Taking the detached apart in a copy of the memory frees exactly what is beneath.
        let mut copy = Memory::new();
        copy.words.clone_from(&self.memory.words);
        copy.blocks.clone_from(&self.memory.blocks);
        for part in detached {
            assert_eq!(part.birth, self.settings.birth);
            hang(&mut copy, LIST, part.part, part.offset).expect("detached once");
        }
        take_apart(&mut copy);
        let freed = self.memory.blocks.keys().filter(|offset| !copy.blocks.contains_key(offset));
        for offset in freed {
            assert!(gone.insert(*offset), "the block at {offset} is told twice");
        }
        assert_eq!(gone, before.difference(&after).copied().collect());
        let written = self.memory.blocks.range(first_new..).map(|(offset, _)| *offset);
        assert_eq!(written.collect::<BTreeSet<_>>(), after.difference(&before).copied().collect());
        done
    }
}

/// Takes apart what hangs in a list, and returns the most words that a step changed.
pub(super) fn take_apart(memory: &mut Memory) -> u64 {
    let mut most = 0;
    loop {
        memory.writes = 0;
        let progress = step(memory, LIST).expect("what is taken apart is sound");
        most = most.max(memory.writes);
        if progress == Progress::Done {
            return most;
        }
    }
}

pub(super) fn is_damage<T>(result: Result<T>) -> bool {
    result.err().is_some_and(|error| error.kind() == ErrorKind::Damaged)
}
