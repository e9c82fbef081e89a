use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::error::ErrorKind;
use crate::format::tree::{CollectionKind, KEYED_CELLS};
use crate::tree::{Direction, Item, Key, Old, OwnedKey, Payload, Source};
use crate::value::{FromValue, ToValue, Value, ValueType};

use super::memory::{Memory, Variable, load, reachable};

type Model = BTreeMap<OwnedKey, Value>;

/// Keys of which some are long, so that they are few enough to be met again.
fn key(number: u64) -> OwnedKey {
    let text = match number % 5 {
        0 => format!("a long key that stands in a block {number:05}"),
        _ => format!("{number:05}"),
    };
    OwnedKey::of(&Value::from(text)).expect("a key")
}

fn element(number: u64) -> Value {
    match number % 3 {
        0 => Value::from(number),
        1 => Value::from(format!("the text of {number} stands in a block")),
        _ => Value::from(vec![number as u8; (number % 8) as usize]),
    }
}

fn old_value(old: Old, memory: &Memory) -> Value {
    let Old::Value(value_type, payload) = old else { panic!("a collection: {old:?}") };
    let bytes = match payload {
        Payload::Bytes(bytes) => bytes,
        Payload::Published { offset, length } => {
            let mut bytes = vec![0; length as usize];
            memory.bytes(offset, &mut bytes).expect("published");
            bytes
        }
    };
    Value::decode(value_type, &bytes).expect("a value")
}

fn contents(variable: &Variable, root: &[u64]) -> Vec<(OwnedKey, Value)> {
    let view = variable.view();
    let map = load(&variable.memory, CollectionKind::Map, root).expect("a root");
    let entry = |cell| {
        let cell = cell?;
        let (value_type, payload) = view.payload_of(&cell)?;
        Ok((view.key_of(&cell)?, Value::decode(value_type, &payload)?))
    };
    view.all(&map).map(entry).collect::<crate::error::Result<_>>().expect("a sound map")
}

/// Changes a map and its model alike: one draft.
fn change(variable: &mut Variable, model: &mut Model, changes: &[(u8, u64)]) {
    let before = variable.memory.words.clone();
    let olds = variable.edit_accounted(|draft, id| {
        let mut olds = Vec::new();
        for (what, number) in changes {
            let (key, value) = (key(*number), element(number + u64::from(*what)));
            let encoded = value.encode()?;
            let item = Item::Value(encoded.value_type(), encoded.as_bytes());
            let length = draft.collection(id)?.len();
            match what {
                0..60 => {
                    let old = draft.insert(id, &key.as_key()?, item)?;
                    olds.push((old, model.insert(key, value)));
                }
                60..96 => {
                    let old = draft.remove(id, &key.as_key()?)?;
                    olds.push((old, model.remove(&key)));
                }
                96..98 if length > 0 => {
                    let position = number % length;
                    let key = model.keys().nth(position as usize).expect("there").clone();
                    olds.push((Some(draft.remove_at(id, position)?), model.remove(&key)));
                }
                98 if length > 0 => {
                    let from = number % length;
                    let to = length.min(from + 40);
                    draft.remove_range(id, (from, to))?;
                    let keys: Vec<_> = model.keys().cloned().collect();
                    let gone = &keys[from as usize..to as usize];
                    gone.iter().for_each(|key| drop(model.remove(key)));
                }
                _ if *number % 8 == 0 => {
                    draft.clear(id)?;
                    model.clear();
                }
                _ => {}
            }
            assert_eq!(draft.collection(id)?.len(), model.len() as u64);
        }
        Ok(olds)
    });
    assert_eq!(before, variable.memory.words[..before.len()], "published words changed");
    for (old, expected) in olds {
        assert_eq!(old.map(|old| old_value(old, &variable.memory)), expected);
    }
    let expected: Vec<_> = model.clone().into_iter().collect();
    assert_eq!(contents(variable, &variable.root), expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn maps_do_what_their_model_does(
        start in 0..400_u64,
        changes in proptest::collection::vec((0..100_u8, 0..400_u64), 1..300),
        per_draft in 1..20_usize,
    ) {
        let mut model: Model = (0..start).map(|number| (key(number), element(number))).collect();
        let entries = model.iter().map(|(key, value)| (key.to_value(), value.clone()));
        let entries: Result<Vec<_>, _> = entries.map(|(key, value)| Ok((key?, value))).collect();
        let mut variable = Variable::from_value(&Value::Map(entries.map_err(
            |error: crate::error::Error| TestCaseError::fail(error.to_string()),
        )?));
        let mut roots = vec![(variable.root.clone(), model.clone())];
        for part in changes.chunks(per_draft) {
            change(&mut variable, &mut model, part);
            roots.push((variable.root.clone(), model.clone()));
        }
        for (root, model) in roots {
            prop_assert_eq!(contents(&variable, &root), model.into_iter().collect::<Vec<_>>());
        }
    }
}

#[test]
fn maps_of_every_size_around_the_boundaries() {
    let most = KEYED_CELLS as u64;
    let sizes = (0..2 * most + 3).chain(most * most / 2..most * most / 2 + 3);
    for size in sizes.chain(most * most - 1..most * most + 2) {
        let entries: Vec<_> =
            (0..size).map(|number| (Value::from(number * 2), Value::from(number))).collect();
        let built = Variable::from_value(&Value::from(entries));
        assert_eq!(built.collection().len(), size);
        for position in [0, 1, size / 3, size / 2, size.saturating_sub(1), size] {
            let mut grown = Variable::new(CollectionKind::Map);
            grown.root.clone_from(&built.root);
            grown.memory.words.clone_from(&built.memory.words);
            grown.memory.blocks.clone_from(&built.memory.blocks);
            let key = OwnedKey::of(&Value::from(position * 2 + 1)).expect("a key");
            let item = Item::Value(ValueType::Null, &[]);
            grown.edit_accounted(|draft, id| draft.insert(id, &key.as_key()?, item));
            assert_eq!(grown.collection().len(), size + 1);
            let first = grown.value().as_map().expect("a map")[0].0.clone();
            let first = OwnedKey::of(&first).expect("a key");
            grown.edit_accounted(|draft, id| draft.remove(id, &first.as_key()?));
            assert_eq!(grown.collection().len(), size);
        }
    }
}

#[test]
fn a_map_shrinks_to_nothing_from_either_end_and_from_within() {
    let entries: Vec<_> =
        (0..2000_u64).map(|number| (Value::from(number), Value::from(number))).collect();
    for order in 0..3 {
        let mut variable = Variable::from_value(&Value::from(entries.clone()));
        while variable.collection().len() > 0 {
            let length = variable.collection().len();
            let position = [0, length - 1, length / 2][order];
            let edit =
                |draft: &mut crate::tree::Draft<'_, Memory>, id| draft.remove_at(id, position);
            match length % 50 {
                0 => drop(variable.edit_accounted(edit)),
                _ => drop(variable.edit(edit).expect("removed")),
            }
        }
        assert_eq!(variable.root, [0; 3]);
    }
}

#[test]
fn walks_go_both_ways_from_any_key() {
    let entries: Vec<_> =
        (0..500).map(|number| (Value::from(format!("{number:03}")), Value::Null)).collect();
    let map = Variable::from_value(&Value::from(entries));
    let view = map.view();
    let keys = |range, direction| -> Vec<_> {
        let cells = view.cells(&map.collection(), range, direction);
        cells.map(|cell| view.key_of(&cell.expect("sound")).expect("a key")).collect()
    };
    let from = view.position_of(&map.collection(), &Key::text("1234").expect("a key"));
    let from = from.expect("a position");
    let up = keys((from, u64::MAX), Direction::Forward);
    assert_eq!((up.len(), &up[0].bytes[..]), (376, &b"124"[..]));
    let down = keys((0, from), Direction::Backward);
    assert_eq!((down.len(), &down[0].bytes[..]), (124, &b"123"[..]));
    assert!(down.iter().rev().chain(&up).is_sorted());
    assert_eq!(view.nth(&map.collection(), 500).expect("sound"), None);
}

#[test]
fn a_draft_that_is_dropped_or_written_twice_leaves_no_trace() {
    let entries: Vec<_> =
        (0..100_u64).map(|number| (Value::from(number), Value::from(number))).collect();
    let mut variable = Variable::from_value(&Value::from(entries));
    let (words, root) = (variable.memory.words.clone(), variable.root.clone());
    let mut roots = Vec::new();
    variable
        .edit(|draft, id| {
            draft.remove_at(id, 50)?;
            for _ in 0..2 {
                let mut sink = super::memory::Written::behind(draft.source);
                let settings = crate::tree::Settings { birth: 1, checks: None };
                roots.push(draft.write(id, settings, &mut sink)?);
            }
            Err::<(), _>(crate::error::Error::new(ErrorKind::TimedOut, "given up"))
        })
        .expect_err("given up");
    assert_eq!(roots[0], roots[1]);
    assert_eq!((&variable.memory.words, &variable.root), (&words, &root));
    reachable(&variable.memory, &variable.collection(), variable.settings).expect("sound");
}

#[test]
fn a_map_is_built_of_ordered_keys_only() {
    let mut variable = Variable::new(CollectionKind::Map);
    let null = Item::Value(ValueType::Null, &[]);
    for keys in [[2, 1], [1, 1]] {
        let pairs = keys.map(|number| (key(number), null));
        let error = variable.edit(|draft, id| draft.build_map(id, &pairs)).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
}
