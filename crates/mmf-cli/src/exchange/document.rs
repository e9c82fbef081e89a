//! A whole export, read and verified before anything is stored.

use std::io::{BufRead, Read};

use mmf::Encoded;

use super::line::{self, Line};
use super::notation::Flaw;

/// Bytes of the shared memory that every variable takes: its record.
pub const RECORD: u64 = 64;
/// Most bytes of a name or a value that are in the record itself.
const IN_RECORD: usize = 16;
/// What may stand in front of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// A stored byte takes at most this many of a line: an empty byte string in a list takes one and
/// is written `{"$bytes":"0x"},`.
const WIDEST: u64 = 16;
/// Bytes of a line beside its value: names take six times their length when they are escaped.
const BESIDE: u64 = 64 << 10;

/// A variable that was read and verified.
#[derive(Debug)]
pub struct Held {
    /// Number of its line, from 1.
    pub line: u64,
    /// Its name.
    pub name: String,
    /// Its value, ready to be stored.
    pub value: Encoded<'static>,
}

impl Held {
    /// The least that it takes of a namespace, in bytes.
    pub fn least(&self) -> u64 {
        let outside = |length: usize| if length > IN_RECORD { length as u64 } else { 0 };
        RECORD + outside(self.name.len()) + outside(self.value.as_bytes().len())
    }
}

/// Reads an export of variables for a namespace of `capacity` bytes.
///
/// Holds what was read: at most the capacity, some 100 bytes a variable, and one line, which is
/// refused beyond 16 times the capacity.
///
/// # Errors
///
/// A text that names the line.
pub fn read(input: impl BufRead, capacity: u64) -> Result<Vec<Held>, String> {
    let mut lines = Lines { input, number: 0, longest: capacity * WIDEST + BESIDE, line: vec![] };
    match lines.next()? {
        None => return Err("it is empty".to_owned()),
        Some((number, text)) => line::read_first(text).map_err(|flaw| told(number, &flaw))?,
    }
    let mut held: Vec<Held> = Vec::new();
    let mut total = 0;
    loop {
        let Some((number, text)) = lines.next()? else {
            let last = lines.number;
            let end = line::END;
            return Err(format!("it is not whole: {end} is missing behind line {last}"));
        };
        match line::read(text).map_err(|flaw| told(number, &flaw))? {
            Line::End => break,
            Line::Variable { name, value } => held.push(Held { line: number, name, value }),
        }
        total += held.last().map_or(0, Held::least);
        if total > capacity {
            return Err(format!(
                "line {number}: with it the variables take at least {total} bytes, and the \
                 capacity of the namespace is {capacity}: give it more"
            ));
        }
    }
    match lines.next()? {
        Some((number, _)) => Err(format!("line {number}: something follows {}", line::END)),
        None => refuse_duplicates(&held).map(|()| held),
    }
}

fn told(line: u64, flaw: &Flaw) -> String {
    format!("line {line}, column {}: {}", flaw.offset + 1, flaw.reason)
}

/// Refuses a name that has two lines.
fn refuse_duplicates(held: &[Held]) -> Result<(), String> {
    let mut order: Vec<&Held> = held.iter().collect();
    // Stable: of equal names the one of the earlier line comes first.
    order.sort_by(|left, right| left.name.cmp(&right.name));
    let twice = order.windows(2).filter(|pair| pair[0].name == pair[1].name);
    match twice.min_by_key(|pair| pair[1].line) {
        None => Ok(()),
        Some(pair) => {
            let (first, again, name) = (pair[0].line, pair[1].line, &pair[1].name);
            Err(format!("line {again}: variable {name:?} has line {first} already"))
        }
    }
}

/// The lines of the input that are not blank.
struct Lines<R> {
    input: R,
    number: u64,
    longest: u64,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// The next line and its number.
    fn next(&mut self) -> Result<Option<(u64, &str)>, String> {
        loop {
            self.line.clear();
            let next = self.number + 1;
            let read = self.input.by_ref().take(self.longest + 1).read_until(b'\n', &mut self.line);
            let read = read.map_err(|error| format!("line {next}: it cannot be read: {error}"))?;
            if read == 0 {
                return Ok(None);
            }
            if self.line.len() as u64 > self.longest {
                let longest = self.longest;
                return Err(format!(
                    "line {next}: it has more than {longest} bytes, and so does not fit into the \
                     namespace"
                ));
            }
            self.number = next;
            if next == 1 && self.line.starts_with(BYTE_ORDER_MARK) {
                self.line.drain(..BYTE_ORDER_MARK.len());
            }
            if !self.line.iter().all(u8::is_ascii_whitespace) {
                break;
            }
        }
        let number = self.number;
        match str::from_utf8(&self.line) {
            Ok(text) => Ok(Some((number, text))),
            Err(error) => {
                let column = error.valid_up_to() + 1;
                Err(format!("line {number}, column {column}: it is not UTF-8 text"))
            }
        }
    }
}
