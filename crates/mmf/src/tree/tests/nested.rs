use proptest::prelude::*;

use crate::error::{ErrorKind, Result};
use crate::format::tree::{CollectionKind, STRUCTURE_DEPTH};
use crate::tree::{CollectionId, Draft, Item, OwnedKey, Side, Step};
use crate::value::{Encoded, ToValue, Value, ValueType};

use super::memory::{Memory, Variable};

/// Lists and maps in lists and maps, some of several levels.
pub(super) fn any_collection() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Value::from),
        (0..40_usize).prop_map(|length| Value::from("t".repeat(length))),
        Just(Value::Null),
    ];
    let element = leaf.prop_recursive(3, 300, 80, |inner| {
        prop_oneof![list_of(inner.clone(), 90), map_of(inner, 50)]
    });
    prop_oneof![list_of(element.clone(), 90), map_of(element, 70)]
}

fn list_of(element: impl Strategy<Value = Value>, most: usize) -> impl Strategy<Value = Value> {
    proptest::collection::vec(element, 0..most).prop_map(Value::List)
}

fn map_of(element: impl Strategy<Value = Value>, most: usize) -> impl Strategy<Value = Value> {
    proptest::collection::btree_map("[ab]{0,3}|[a-c]{16,18}", element, 0..most).prop_map(
        |entries| {
            Value::Map(entries.into_iter().map(|(key, value)| (Value::from(key), value)).collect())
        },
    )
}

/// An element to be put somewhere: a collection is made first.
fn with_item<T>(
    draft: &mut Draft<'_, Memory>,
    value: &Value,
    put: impl FnOnce(&mut Draft<'_, Memory>, Item<'_>) -> Result<T>,
) -> Result<T> {
    if let Value::List(_) | Value::Map(_) = value {
        let id = draft.create_from(value)?;
        return put(draft, Item::Nested(id));
    }
    let encoded: Encoded<'_> = value.encode()?;
    put(draft, Item::Value(encoded.value_type(), encoded.as_bytes()))
}

/// Goes into collections as `way` says, and changes the one it comes to like its model.
fn change(
    draft: &mut Draft<'_, Memory>,
    id: CollectionId,
    model: &mut Value,
    (way, what, new): (&[u16], u8, &Value),
) -> Result<()> {
    let pick = |length: usize| {
        let first = way.first().filter(|_| length > 0)?;
        Some(usize::from(*first) % length)
    };
    match model {
        Value::Map(entries) => {
            if let Some(index) = pick(entries.len())
                && let (key, value @ (Value::Map(_) | Value::List(_))) = &mut entries[index]
            {
                let key = OwnedKey::of(key)?;
                let entered = draft.enter(id, &Step::Key(key.as_key()?))?;
                let entered = entered.expect("the key is there");
                return change(draft, entered, value, (&way[1..], what, new));
            }
            let index = pick(entries.len());
            let key = match index {
                Some(index) if what % 3 > 0 => entries[index].0.clone(),
                _ => Value::from(format!("new {what}")),
            };
            let owned = OwnedKey::of(&key)?;
            entries.retain(|(other, _)| *other != key);
            if what % 3 == 2 {
                draft.remove(id, &owned.as_key()?)?;
            } else {
                let words = owned.as_key()?;
                with_item(draft, new, |draft, item| draft.insert(id, &words, item))?;
                entries.push((key, new.clone()));
            }
        }
        Value::List(items) => {
            let length = items.len();
            if let Some(index) = pick(length)
                && let value @ (Value::Map(_) | Value::List(_)) = &mut items[index]
            {
                let entered = draft.enter(id, &Step::Position(index as u64))?;
                let entered = entered.expect("the position is there");
                return change(draft, entered, value, (&way[1..], what, new));
            }
            match pick(length) {
                Some(index) if what % 3 == 1 => {
                    with_item(draft, new, |draft, item| draft.set(id, index as u64, item))?;
                    items[index] = new.clone();
                }
                Some(index) if what % 3 == 2 => {
                    draft.remove_range(id, (index as u64, length.min(index + 2) as u64))?;
                    items.drain(index..length.min(index + 2));
                }
                _ => {
                    with_item(draft, new, |draft, item| draft.push(id, Side::Back, item))?;
                    items.push(new.clone());
                }
            }
        }
        _ => {}
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn changes_within_do_what_their_model_does(
        start in any_collection(),
        changes in proptest::collection::vec(
            (proptest::collection::vec(any::<u16>(), 4), any::<u8>(), any_collection()),
            1..12,
        ),
        per_draft in 1..5_usize,
    ) {
        let mut model = start.clone();
        let mut variable = Variable::from_value(&start);
        prop_assert_eq!(&variable.value(), &model);
        let first = variable.root.clone();
        for part in changes.chunks(per_draft) {
            variable.edit_accounted(|draft, id| {
                part.iter().try_for_each(|(way, what, new)| {
                    change(draft, id, &mut model, (way, *what, new))
                })
            });
            prop_assert_eq!(&variable.value(), &model);
        }
        variable.root = first;
        prop_assert_eq!(variable.value(), start);
    }
}

#[test]
fn paths_lead_to_elements() -> Result<()> {
    let inner = Value::from(vec![Value::from(1), Value::from(2)]);
    let map = Value::from(vec![(Value::from("numbers"), inner), (Value::from("one"), 1.into())]);
    let variable = Variable::from_value(&Value::from(vec![Value::Null, map]));
    let (view, list) = (variable.view(), variable.collection());
    let numbers = Step::Key(crate::tree::Key::text("numbers")?);
    let one = Step::Key(crate::tree::Key::text("one")?);
    let [first, second] = [Step::Position(0), Step::Position(1)];
    let cell = view.reach(&list, &[second, numbers, second])?.expect("there");
    assert_eq!(view.payload_of(&cell)?, (ValueType::I64, 2_i64.to_le_bytes().to_vec()));
    assert_eq!(view.reach(&list, &[Step::Position(2), one])?, None);
    assert_eq!(view.reach(&list, &[second, numbers, Step::Position(2)])?, None);
    let kind = |path: &[Step<'_>]| view.reach(&list, path).map_err(|error| error.kind());
    assert_eq!(kind(&[first, first]), Err(ErrorKind::WrongType));
    assert_eq!(kind(&[second, one, first]), Err(ErrorKind::WrongType));
    assert_eq!(kind(&[one]), Err(ErrorKind::WrongType));
    assert_eq!(kind(&[]), Err(ErrorKind::InvalidArgument));
    Ok(())
}

fn nested_lists(levels: usize) -> Value {
    (1..levels).fold(Value::List(Vec::new()), |inner, _| Value::List(vec![inner]))
}

#[test]
fn the_depth_is_bounded() {
    let mut variable = Variable::from_value(&nested_lists(STRUCTURE_DEPTH));
    assert_eq!(variable.value(), nested_lists(STRUCTURE_DEPTH));
    let kind = |error: crate::error::Error| error.kind();
    let refused = variable.edit(|draft, id| {
        let mut id = id;
        while let Some(inner) = draft.enter(id, &Step::Position(0))? {
            id = inner;
        }
        let new = draft.create(CollectionKind::Map);
        draft.push(id, Side::Back, Item::Nested(new))
    });
    assert_eq!(refused.map_err(kind), Err(ErrorKind::Encoding));
    let refused = variable.edit(|draft, _| draft.create_from(&nested_lists(STRUCTURE_DEPTH + 1)));
    assert_eq!(refused.map_err(kind), Err(ErrorKind::Encoding));
    let refused = variable.edit(|draft, id| {
        let new = draft.create_from(&nested_lists(STRUCTURE_DEPTH))?;
        draft.push(id, Side::Back, Item::Nested(new))
    });
    assert_eq!(refused.map_err(kind), Err(ErrorKind::Encoding));
}

#[test]
fn a_collection_is_one_element_and_never_its_own() {
    let mut variable = Variable::new(CollectionKind::List);
    variable.edit_accounted(|draft, id| {
        let inner = draft.create(CollectionKind::List);
        draft.push(id, Side::Back, Item::Nested(inner))?;
        for (parent, child) in [(id, inner), (inner, id), (inner, inner)] {
            let error = draft.push(parent, Side::Back, Item::Nested(child)).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        }
        let middle = draft.create(CollectionKind::List);
        let lower = draft.create(CollectionKind::List);
        draft.push(middle, Side::Back, Item::Nested(lower))?;
        let error = draft.push(lower, Side::Back, Item::Nested(middle)).expect_err("a circle");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        draft.push(inner, Side::Back, Item::Nested(middle))?;
        draft.pop(id, Side::Back)?;
        let error = draft.push(inner, Side::Back, Item::Nested(inner)).expect_err("gone");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        Ok(())
    });
    assert_eq!(variable.value(), Value::List(Vec::new()));
}

#[test]
fn counters_inside_become_integers_and_keys_are_unique() {
    let value = Value::from(vec![Value::Counter(4)]);
    assert_eq!(Variable::from_value(&value).value(), Value::from(vec![Value::from(4)]));
    let twice = Value::from(vec![(Value::from("k"), Value::Null), (Value::from("k"), 1.into())]);
    let memory = Memory::new();
    let error = Draft::new(&memory).create_from(&twice).expect_err("twice");
    assert_eq!(error.kind(), ErrorKind::Encoding);
    let error = Draft::new(&memory).create_from(&Value::Null).expect_err("no collection");
    assert_eq!(error.kind(), ErrorKind::WrongType);
}
