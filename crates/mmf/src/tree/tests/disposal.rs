use proptest::prelude::*;

use crate::format::tree::{CollectionKind, ROOT_HEADER};
use crate::tree::{Checks, Draft, Item, Progress, Sink, hang, step, verify};
use crate::value::{Value, ValueType};

use super::memory::{LIST, Memory, Variable, Written, is_damage, load, take_apart};
use super::nested::any_collection;

/// Puts a root into a block of its own, as that of a collection in a collection.
fn store_root(variable: &mut Variable) -> u64 {
    let mut sink = Written::behind(&variable.memory);
    let words: Vec<_> = [5, 0].into_iter().chain(variable.root.iter().copied()).collect();
    assert_eq!(words.len(), ROOT_HEADER + variable.kind.root_words());
    let offset = sink.allocate(words.len() as u64 * 8).expect("allocated");
    sink.fill(offset, &words).expect("filled");
    sink.store(&mut variable.memory);
    offset
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn everything_is_given_back_in_small_steps(
        first in any_collection(),
        second in any_collection(),
    ) {
        let mut variable = Variable::from_value(&first);
        let root = store_root(&mut variable);
        hang(&mut variable.memory, LIST, variable.kind.into(), root)?;
        step(&mut variable.memory, LIST)?;
        // Another comes while the first is under way.
        let mut draft = Draft::new(&variable.memory);
        let id = draft.create_from(&second)?;
        let mut sink = Written::behind(&variable.memory);
        let words = draft.write(id, variable.settings, &mut sink)?;
        let kind = draft.collection(id)?.kind();
        drop(draft);
        sink.store(&mut variable.memory);
        let mut other = Variable { root: words, kind, ..variable };
        let root = store_root(&mut other);
        hang(&mut other.memory, LIST, kind.into(), root)?;
        let most = take_apart(&mut other.memory);
        prop_assert!(most <= 60, "a step made {} changes", most);
        prop_assert_eq!(other.memory.blocks.len(), 0);
    }
}

#[test]
fn what_is_in_two_places_is_damage_and_not_an_endless_walk() {
    let values = (0..300).map(|number| Value::from(format!("element number {number}")));
    let mut variable = Variable::from_value(&Value::List(values.collect()));
    let root = store_root(&mut variable);
    hang(&mut variable.memory, LIST, variable.kind.into(), root).expect("hung");
    step(&mut variable.memory, LIST).expect("sound");
    let again = (0..10_000).find_map(|_| {
        let first = variable.memory.words[(LIST / 8) as usize];
        let offset = (first >> 28) * 16;
        hang(&mut variable.memory, LIST, crate::format::tree::Part::Node, offset).err()
    });
    assert!(again.is_some());
    let mut steps = 0;
    while let Ok(Progress::More) = step(&mut variable.memory, LIST) {
        steps += 1;
        assert!(steps < 10_000);
    }
}

#[test]
fn a_collection_under_way_is_no_collection() {
    let mut variable = Variable::from_value(&Value::List(vec![Value::from("a long text"); 100]));
    let top = variable.collection().tree.top >> 28 << 4;
    hang(&mut variable.memory, LIST, crate::format::tree::Part::Node, top).expect("hung");
    step(&mut variable.memory, LIST).expect("sound");
    let collection = load(&variable.memory, CollectionKind::List, &variable.root).expect("a root");
    assert!(is_damage(verify(&variable.memory, &collection, Checks::Absent, &mut |_, _| Ok(()))));
}

#[test]
fn a_large_clear_is_one_detached_node() {
    let entries: Vec<_> =
        (0..5000_u64).map(|number| (Value::from(number), Value::from(number))).collect();
    let mut variable = Variable::from_value(&Value::from(entries));
    variable.edit_accounted(|draft, id| {
        draft.insert(id, &crate::tree::Key::text("x")?, Item::Value(ValueType::Null, &[]))?;
        draft.clear(id)
    });
    assert_eq!(variable.root, [0; 3]);
    let memory = Memory::new();
    let mut draft = Draft::new(&memory);
    let id = draft.create(CollectionKind::Map);
    draft.clear(id).expect("nothing to clear");
    assert!(draft.detached().is_empty() && draft.replaced().is_empty());
}
