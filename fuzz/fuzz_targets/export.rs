//! Text as a value of an export, of each type: an error, or a value that survives being written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mmf::{FromValue, Value, ValueType};

// The command has no library; these two files need nothing else of it.
#[path = "../../crates/mmf-cli/src/hexadecimal.rs"]
mod hexadecimal;
#[path = "../../crates/mmf-cli/src/exchange/notation.rs"]
mod notation;

fuzz_target!(|data: &[u8]| {
    let Some((number, text)) = data.split_first() else { return };
    let Ok(text) = str::from_utf8(text) else { return };
    // Structures have most of the code, and get most of the inputs.
    let value_type = match ValueType::ALL.get(usize::from(*number)) {
        Some(value_type) => *value_type,
        None => ValueType::Structure,
    };
    let encoded = match notation::read(value_type, text) {
        Ok(encoded) => encoded,
        Err(flaw) => {
            assert!(flaw.offset <= text.len(), "{flaw:?}");
            return;
        }
    };
    let value = Value::decode(encoded.value_type(), encoded.as_bytes())
        .expect("what was encoded can be decoded");
    let mut written = String::new();
    notation::write(encoded.value_type(), &value, &mut written);
    let again = notation::read(encoded.value_type(), &written).expect("what was written can be read");
    assert_eq!(again.as_bytes(), encoded.as_bytes(), "{text} became {written}");
});
