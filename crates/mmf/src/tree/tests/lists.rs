use proptest::prelude::*;

use crate::error::ErrorKind;
use crate::format::tree::{CollectionKind, POSITION_CELLS};
use crate::tree::{Direction, Draft, Item, Side};
use crate::value::{FromValue, Value, ValueType};

use super::memory::{Memory, Variable, load};

/// Every tenth element stands in a block.
fn payload(number: u64) -> (ValueType, Vec<u8>) {
    match number % 10 {
        0 => (ValueType::Text, format!("the text of element {number}").into_bytes()),
        _ => (ValueType::I64, (number as i64).to_le_bytes().to_vec()),
    }
}

fn value(number: u64) -> Value {
    let (value_type, bytes) = payload(number);
    Value::decode(value_type, &bytes).expect("a value")
}

fn with_items<T>(numbers: std::ops::Range<u64>, run: impl FnOnce(&[Item<'_>]) -> T) -> T {
    let payloads: Vec<_> = numbers.map(payload).collect();
    let items: Vec<_> =
        payloads.iter().map(|(value_type, bytes)| Item::Value(*value_type, bytes)).collect();
    run(&items)
}

fn contents(variable: &Variable, root: &[u64]) -> Vec<Value> {
    let list = load(&variable.memory, CollectionKind::List, root).expect("a root");
    let value = crate::tree::read_value(variable.view(), &list).expect("a sound list");
    value.as_list().expect("a list").to_vec()
}

/// Changes a list and its model alike.
fn change(
    draft: &mut Draft<'_, Memory>,
    id: crate::tree::CollectionId,
    model: &mut Vec<Value>,
    (what, at, number): (u8, u64, u64),
) -> crate::error::Result<()> {
    let length = model.len() as u64;
    let at = at % (length + 1);
    let (value_type, bytes) = payload(number);
    let item = Item::Value(value_type, &bytes);
    match what {
        0..8 => {
            draft.push(id, Side::Back, item)?;
            model.push(value(number));
        }
        8..16 => {
            draft.push(id, Side::Front, item)?;
            model.insert(0, value(number));
        }
        16..22 => assert_eq!(draft.pop(id, Side::Back)?.is_some(), model.pop().is_some()),
        22..28 => {
            let old = draft.pop(id, Side::Front)?;
            assert_eq!(old.is_some(), !model.is_empty());
            model.drain(..1.min(model.len()));
        }
        28..34 => {
            draft.insert_at(id, at, item)?;
            model.insert(at as usize, value(number));
        }
        34..40 if at < length => {
            draft.remove_at(id, at)?;
            model.remove(at as usize);
        }
        40..44 if at < length => {
            draft.set(id, at, item)?;
            model[at as usize] = value(number);
        }
        44..50 => {
            let to = length.min(at + number % 150);
            let new = number..number + number % 170;
            with_items(new.clone(), |items| draft.splice(id, (at, to), items))?;
            model.splice(at as usize..to as usize, new.map(value));
        }
        50 => {
            draft.truncate(id, at)?;
            model.truncate(at as usize);
        }
        51 if number % 4 == 0 => {
            draft.clear(id)?;
            model.clear();
        }
        _ => {}
    }
    assert_eq!(draft.collection(id)?.len(), model.len() as u64, "{what} {at} {number}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn lists_do_what_their_model_does(
        start in 0..6000_u64,
        changes in proptest::collection::vec((0..52_u8, 0..100_000_u64, 0..1000_u64), 1..150),
        per_draft in 1..20_usize,
    ) {
        let mut model: Vec<_> = (0..start).map(value).collect();
        let mut variable = Variable::from_value(&Value::List(model.clone()));
        let mut roots = vec![(variable.root.clone(), model.clone())];
        for part in changes.chunks(per_draft) {
            let before = variable.memory.words.clone();
            variable.edit_accounted(|draft, id| {
                part.iter().try_for_each(|one| change(draft, id, &mut model, *one))
            });
            prop_assert!(before == variable.memory.words[..before.len()]);
            prop_assert_eq!(contents(&variable, &variable.root), &model[..]);
            if roots.len() < 8 {
                roots.push((variable.root.clone(), model.clone()));
            }
        }
        for (root, model) in roots {
            prop_assert_eq!(contents(&variable, &root), model);
        }
    }
}

#[test]
fn lists_of_every_size_around_the_boundaries() {
    let most = POSITION_CELLS as u64;
    let sizes = (0..2 * most + 3).step_by(3).chain(most - 2..most + 3);
    for size in sizes.chain(most * most - 1..most * most + 2) {
        for position in [0, 1, size / 2, size.saturating_sub(1), size] {
            let position = position.min(size);
            let mut model: Vec<_> = (0..size).map(value).collect();
            let mut list = Variable::from_value(&Value::List(model.clone()));
            let (value_type, bytes) = payload(7);
            let item = Item::Value(value_type, &bytes);
            list.edit_accounted(|draft, id| draft.insert_at(id, position, item));
            model.insert(position as usize, value(7));
            assert_eq!(list.value(), Value::List(model.clone()));
            list.edit_accounted(|draft, id| draft.remove_at(id, position / 2));
            model.remove(position as usize / 2);
            assert_eq!(list.value(), Value::List(model));
        }
    }
}

#[test]
fn slices_are_read_in_both_directions() {
    let list = Variable::from_value(&Value::List((0..1000).map(value).collect()));
    let view = list.view();
    let slice = |range, direction| -> Vec<_> {
        let cells = view.cells(&list.collection(), range, direction);
        let payload = |cell| view.payload_of(&cell).expect("a payload");
        cells.map(|cell| payload(cell.expect("sound"))).collect()
    };
    let expected: Vec<_> = (300..700).map(payload).collect();
    assert_eq!(slice((300, 700), Direction::Forward), expected);
    let mut backward = slice((300, 700), Direction::Backward);
    backward.reverse();
    assert_eq!(backward, expected);
    assert_eq!(slice((990, 5000), Direction::Forward).len(), 10);
    assert!(slice((700, 300), Direction::Forward).is_empty());
}

#[test]
fn positions_beyond_the_end_are_refused() {
    let mut list = Variable::from_value(&Value::List((0..100).map(value).collect()));
    let item = Item::Value(ValueType::Null, &[]);
    // What is refused changes nothing, and the draft goes on.
    list.edit_accounted(|draft, id| {
        let nested = Item::Nested(id);
        let errors = [
            draft.set(id, 100, item).err(),
            draft.remove_at(id, 100).err(),
            draft.insert_at(id, 101, item).err(),
            draft.splice(id, (3, 2), &[item]).err(),
            draft.splice(id, (2, 3), &[nested]).err(),
            draft.push(id, Side::Back, nested).err(),
            draft.remove_range(id, (99, 101)).err(),
        ];
        for error in errors {
            assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::InvalidArgument));
        }
        draft.push(id, Side::Back, item)
    });
    assert_eq!(list.collection().len(), 101);
}
