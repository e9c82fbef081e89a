//! What a reader wants of a value, and where it goes.

use crate::error::Result;
use crate::format::block::{Descriptor, VALUE_HEADER, ValueHeader};
use crate::record::Glimpse;
use crate::segment::{SMALL_COPY, Segment, outside};
use crate::sync::Ordering;

/// Takes what it wants of a value.
pub(crate) trait Wanted {
    /// Copies it. It may be torn: it counts only if the glimpse still holds afterwards.
    fn copy(&mut self, value: Unverified<'_>) -> Result<()>;

    /// Takes what it wants of a counter, whose number is no payload that could be copied.
    fn copy_number(&mut self, header: ValueHeader, number: [u8; 8]);

    /// The payload that was copied, if it was wanted.
    fn payload(&self) -> &[u8] {
        &[]
    }
}

/// A value that may be replaced at any moment.
#[derive(Clone, Copy)]
pub(crate) struct Unverified<'a> {
    pub(super) segment: &'a Segment,
    pub(super) glimpse: Glimpse<'a>,
    pub(super) descriptor: Descriptor,
}

impl Unverified<'_> {
    #[inline(always)]
    fn payload_offset(self) -> u64 {
        self.descriptor.offset() + VALUE_HEADER
    }

    #[inline(always)]
    fn small_length(self) -> Option<usize> {
        self.descriptor.small_length().map(|length| length as usize)
    }

    fn header(self) -> Result<ValueHeader> {
        let words = self.segment.words::<2>(self.descriptor.offset())?;
        Ok(ValueHeader::decode(words.each_ref().map(|word| word.load(Ordering::Relaxed))))
    }

    /// Copies a payload of any length.
    #[inline(always)]
    fn copy_any(self, buffer: &mut Vec<u8>) -> Result<()> {
        let Self { segment, glimpse, descriptor } = self;
        copy_any(segment, glimpse, descriptor, buffer)
    }
}

#[inline(never)]
fn copy_any(
    segment: &Segment,
    glimpse: Glimpse<'_>,
    descriptor: Descriptor,
    buffer: &mut Vec<u8>,
) -> Result<()> {
    let value = Unverified { segment, glimpse, descriptor };
    let length = match value.small_length() {
        Some(length) => length,
        None => {
            let length = value.header()?.length as usize;
            // Before memory is asked for: a torn header's length may be anything.
            if !glimpse.still_holds() {
                return Err(outside(descriptor.offset()));
            }
            length
        }
    };
    segment.copy_to_vector(value.payload_offset(), length, buffer)
}

/// Type and version alone.
pub(crate) struct Nothing;

impl Wanted for Nothing {
    #[inline(always)]
    fn copy(&mut self, _value: Unverified<'_>) -> Result<()> {
        Ok(())
    }

    fn copy_number(&mut self, _header: ValueHeader, _number: [u8; 8]) {}
}

/// The two words in front of the payload.
#[derive(Default)]
pub(crate) struct Header(pub(crate) ValueHeader);

impl Wanted for Header {
    fn copy(&mut self, value: Unverified<'_>) -> Result<()> {
        self.0 = value.header()?;
        Ok(())
    }

    fn copy_number(&mut self, header: ValueHeader, _number: [u8; 8]) {
        self.0 = header;
    }
}

/// The payload, on the stack when it is small.
pub(crate) struct Payload {
    small: [u8; SMALL_COPY],
    /// Bytes of `small` in use; none when the payload is in `large`.
    small_length: Option<usize>,
    large: Vec<u8>,
}

impl Payload {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self { small: [0; SMALL_COPY], small_length: Some(0), large: Vec::new() }
    }
}

impl Wanted for Payload {
    #[inline(always)]
    fn copy(&mut self, value: Unverified<'_>) -> Result<()> {
        match value.small_length() {
            Some(length) if length <= SMALL_COPY => {
                self.small_length = Some(length);
                value.segment.copy_small(value.payload_offset(), length, &mut self.small)
            }
            _ => {
                self.small_length = None;
                value.copy_any(&mut self.large)
            }
        }
    }

    fn copy_number(&mut self, _header: ValueHeader, number: [u8; 8]) {
        self.small_length = Some(number.len());
        self.small[..number.len()].copy_from_slice(&number);
    }

    #[inline(always)]
    fn payload(&self) -> &[u8] {
        match self.small_length {
            Some(length) => &self.small[..length],
            None => &self.large,
        }
    }
}

/// The payload, in the caller's buffer.
impl Wanted for Vec<u8> {
    #[inline(always)]
    fn copy(&mut self, value: Unverified<'_>) -> Result<()> {
        match value.small_length() {
            Some(length) if length <= SMALL_COPY => {
                value.segment.copy_small_to_vector(value.payload_offset(), length, self)
            }
            _ => value.copy_any(self),
        }
    }

    fn copy_number(&mut self, _header: ValueHeader, number: [u8; 8]) {
        self.clear();
        self.extend_from_slice(&number);
    }

    #[inline(always)]
    fn payload(&self) -> &[u8] {
        self
    }
}
