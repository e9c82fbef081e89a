//! Valid encodings with some bytes changed, and random bytes: the same ones in each run.

use crate::value::{FromValue, ToValue, Value, ValueType};

/// Inputs of each kind.
const INPUTS: u64 = 40_000;

/// Numbers of a xorshift generator: the tests of values need no more.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

/// A value of some depth, of every type that a structure can hold.
fn value(random: &mut Random, depth: usize) -> Value {
    let inner = |random: &mut Random| value(random, depth - 1);
    match random.below(if depth == 0 { 8 } else { 11 }) {
        0 => Value::Null,
        1 => Value::Bool(true),
        2 => Value::from(random.next() as i64 >> random.below(64)),
        3 => Value::from(random.next()),
        4 => Value::F64(f64::from_bits(random.next())),
        5 => Value::Text("Kältekammer".chars().take(random.below(12)).collect()),
        6 => Value::Bytes(vec![random.next() as u8; random.below(40)]),
        7 => Value::Opaque { language: "perl".into(), data: vec![1; random.below(30)] },
        8 | 9 => Value::List((0..random.below(6)).map(|_| inner(random)).collect()),
        _ => {
            let entries = random.below(6) as u64;
            Value::Map((0..entries).map(|key| (Value::from(key), inner(random))).collect())
        }
    }
}

/// A few bytes changed, inserted, removed, repeated or cut off.
fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        // Heads of items, and lengths, more often than what stands in between.
        let byte = match random.below(3) {
            0 => [0x1b, 0x3b, 0x5b, 0x5f, 0x7b, 0x7f, 0x9b, 0x9f, 0xbb, 0xbf, 0xd8, 0xf9, 0xff]
                [random.below(13)],
            _ => random.next() as u8,
        };
        match random.below(5) {
            0 => bytes.insert(at, byte),
            1 => bytes.truncate(at),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 => bytes.extend_from_within(at..),
            _ if at < bytes.len() => bytes[at] = byte,
            _ => bytes.push(byte),
        }
        bytes.truncate(4096);
    }
}

/// Decodes; what comes out must survive being encoded. Returns whether it was a value.
fn survives(seed: u64, value_type: ValueType, payload: &[u8]) -> bool {
    let Ok(value) = Value::decode(value_type, payload) else { return false };
    // Bounded by the input: a claimed length is not believed.
    let printed = value.to_json().len();
    assert!(printed <= payload.len() * 16 + 64, "seed {seed}: {printed} bytes from {payload:?}");
    let encoded = value.encode().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    let again = Value::decode(encoded.value_type(), encoded.as_bytes())
        .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    let twice = again.encode().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    assert_eq!(encoded.as_bytes(), twice.as_bytes(), "seed {seed}");
    true
}

#[test]
fn mutated_structures_are_values_or_errors() {
    let mut values = 0;
    for seed in 1..=INPUTS {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let value = Value::List(vec![value(&mut random, 4)]);
        let mut bytes = value.encode().unwrap().as_bytes().to_vec();
        assert!(survives(seed, ValueType::Structure, &bytes), "seed {seed}: {value:?}");
        mutate(&mut random, &mut bytes);
        values += u64::from(survives(seed, ValueType::Structure, &bytes));
    }
    // Some mutations hit what may be anything, the others must be refused.
    assert!((INPUTS / 20..INPUTS / 10 * 9).contains(&values), "{values} of {INPUTS}");
}

#[test]
fn random_payloads_are_values_or_errors() {
    let mut values = 0;
    for seed in 1..=INPUTS {
        let mut random = Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let value_type = ValueType::ALL[random.below(ValueType::ALL.len())];
        let length = [0, 1, 8, random.below(64), random.below(1000)][random.below(5)];
        let payload: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        values += u64::from(survives(seed, value_type, &payload));
    }
    assert!(values > INPUTS / 10, "{values} of {INPUTS}");
}
