use proptest::prelude::*;

use crate::error::ErrorKind;
use crate::format::tree::{
    CollectionKind, INLINE_KEY, KeyType, LONGEST_KEY, first_key_word, inline_key, inline_key_word,
};
use crate::tree::{Draft, Item, Key, OwnedKey};
use crate::value::{Value, ValueType};

use super::memory::{Memory, Variable};

/// Keys that often share their beginnings, their bytes, or all but their types.
pub(super) fn any_key() -> impl Strategy<Value = OwnedKey> {
    let bytes = prop_oneof![
        proptest::collection::vec(prop_oneof![Just(0_u8), Just(255), Just(b'a')], 0..20),
        (0_u8..3, 0_usize..40).prop_map(|(last, length)| {
            let mut bytes = vec![b'x'; length];
            bytes.push(last);
            bytes
        }),
        (0..3_u8, 290..300_usize).prop_map(|(byte, length)| vec![byte; length]),
    ];
    (bytes, 0..3_u64).prop_map(|(bytes, key_type)| {
        let key_type = KeyType::from_number(key_type).expect("a type");
        OwnedKey { bytes, key_type }
    })
}

proptest! {
    #[test]
    fn words_are_ordered_as_the_keys(left in any_key(), right in any_key()) {
        let words = |key: &OwnedKey| {
            let second = inline_key_word(&key.bytes, key.key_type)?;
            Some([first_key_word(&key.bytes), second])
        };
        if let (Some(left_words), Some(right_words)) = (words(&left), words(&right)) {
            prop_assert_eq!(left_words.cmp(&right_words), left.cmp(&right));
            let (bytes, length, key_type) = inline_key(left_words).expect("a key");
            prop_assert_eq!((&bytes[..length], key_type), (&left.bytes[..], left.key_type));
        } else {
            prop_assert!(left.bytes.len().max(right.bytes.len()) > INLINE_KEY);
        }
    }

    #[test]
    fn a_map_has_its_keys_in_their_order(
        mut keys in proptest::collection::vec(any_key(), 1..150),
        wanted in proptest::collection::vec(any_key(), 20),
    ) {
        let mut map = Variable::new(CollectionKind::Map);
        for part in keys.chunks(7) {
            map.edit_accounted(|draft, id| {
                for key in part {
                    draft.insert(id, &key.as_key()?, Item::Value(ValueType::Null, &[]))?;
                    assert!(draft.view().contains(&draft.collection(id)?, &key.as_key()?)?);
                }
                Ok(())
            });
        }
        keys.sort();
        keys.dedup();
        let view = map.view();
        let found: Vec<_> =
            view.all(&map.collection()).map(|cell| view.key_of(&cell?)).collect::<Result<_, _>>()?;
        prop_assert_eq!(&found, &keys);
        for key in wanted {
            let position = view.position_of(&map.collection(), &key.as_key()?)?;
            prop_assert_eq!(position, keys.partition_point(|other| *other < key) as u64);
            let is_there = view.contains(&map.collection(), &key.as_key()?)?;
            prop_assert_eq!(is_there, keys.binary_search(&key).is_ok());
        }
    }
}

#[test]
fn values_are_keys_and_come_back() {
    let keys = [
        Value::from("text"),
        Value::from(vec![1_u8, 2]),
        Value::from(-7),
        Value::Null,
        Value::from(vec![Value::from("a list as key"), Value::from(2.5)]),
    ];
    for key in keys {
        assert_eq!(OwnedKey::of(&key).expect("a key").to_value().expect("a value"), key);
    }
}

#[test]
fn keys_have_a_longest() {
    let bytes = vec![b'k'; LONGEST_KEY + 1];
    let error = Key::new(&bytes, KeyType::Bytes).expect_err("too long");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    let memory = Memory::new();
    let mut draft = Draft::new(&memory);
    let id = draft.create(CollectionKind::Map);
    let key = Key::new(&bytes[1..], KeyType::Bytes).expect("long enough");
    let item = Item::Value(ValueType::Text, b"what stands under the longest key");
    assert_eq!(draft.insert(id, &key, item).expect("inserted"), None);
    assert!(draft.view().contains(&draft.collection(id).expect("there"), &key).expect("read"));
    let error = draft.push(id, crate::tree::Side::Back, item).expect_err("no list");
    assert_eq!(error.kind(), ErrorKind::WrongType);
}
