use proptest::prelude::*;

use crate::error::Result;
use crate::format::tree::{CollectionKind, Part};
use crate::tree::{
    Checks, Draft, Item, Key, Progress, Side, Step, View, hang, read_value, step, verify,
};
use crate::value::{Value, ValueType};

use super::memory::{LIST, Memory, SEED, Variable, Written, is_damage, load, reachable};
use super::nested::any_collection;

/// Reads and changes everything that can be reached, and gives up at each error.
fn use_it(memory: &Memory, kind: CollectionKind, root: &[u64]) -> Result<()> {
    let collection = load(memory, kind, root)?;
    let view = View::new(memory);
    let _ = read_value(view, &collection);
    let _ = verify(memory, &collection, Checks::Seeded(SEED), &mut |_, _| Ok(()));
    let key = Key::text("ab")?;
    let item = Item::Value(ValueType::Text, b"text that needs a block");
    let _ = view.reach(&collection, &[Step::Position(collection.len() / 2), Step::Position(0)]);
    let _ = view.get(&collection, &key);
    let _ = view.position_of(&collection, &key);
    let positions = [0, collection.len() / 2, collection.len().saturating_sub(1)];
    for number in 0..10 {
        let mut draft = Draft::new(memory);
        let id = draft.open(collection);
        let position = positions[number % 3];
        let _ = match number {
            0 => draft.insert(id, &key, item).map(drop),
            1 => draft.remove(id, &key).map(drop),
            2 => draft.push(id, Side::Back, item),
            3 => draft.pop(id, Side::Front).map(drop),
            4 => draft.insert_at(id, position, item),
            5 => draft.remove_at(id, position).map(drop),
            6 => draft.remove_range(id, (collection.len() / 3, collection.len() / 3 * 2)),
            7 => draft.clear(id),
            8 => draft.set(id, position, item).map(drop),
            _ => draft.enter(id, &Step::Position(position)).and_then(|entered| match entered {
                Some(entered) => draft.clear(entered),
                None => Ok(()),
            }),
        };
        let _ = draft.pop(id, Side::Back);
        let settings = crate::tree::Settings { birth: 1, checks: Some(1) };
        let _ = draft.write(id, settings, &mut Written::behind(memory));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn damage_ends_in_an_error_or_a_value_soon(
        value in any_collection(),
        damage in proptest::collection::vec((any::<u32>(), 0..5_u8, any::<u64>()), 1..12),
        in_root in proptest::option::of((0..5_usize, any::<u64>())),
    ) {
        let mut variable = Variable::from_value(&value);
        let length = variable.memory.words.len();
        for (place, how, word) in damage {
            // The first line holds nothing of the collection.
            let place = 8 + place as usize % (length.max(9) - 8);
            if place >= length {
                continue;
            }
            let other = variable.memory.words[8 + word as usize % (length - 8)];
            let damaged = &mut variable.memory.words[place];
            match how {
                0 => *damaged = word,
                1 => *damaged ^= 1 << (word % 64),
                2 => *damaged = other,
                3 => *damaged = ((word % length as u64) / 2) << 28,
                _ => *damaged = word % 70,
            }
        }
        if let Some((place, word)) = in_root {
            let words = variable.root.len();
            variable.root[place % words] ^= word;
        }
        variable.memory.reads.set(0);
        let _ = use_it(&variable.memory, variable.kind, &variable.root);
        // Each element is met by a way from the top; nothing is met more often than it fits.
        prop_assert!(variable.memory.reads.get() < 1000 + length as u64 * 3000);
        let top = (variable.root[1] >> 28) * 16;
        let _ = hang(&mut variable.memory, LIST, Part::Node, top);
        let mut steps = 0;
        while let Ok(Progress::More) = step(&mut variable.memory, LIST) {
            steps += 1;
            prop_assert!(steps <= length);
        }
    }

    #[test]
    fn every_damaged_bit_fails_its_check(
        value in any_collection(),
        place in any::<prop::sample::Index>(),
        bit in 0..64_u32,
    ) {
        let mut variable = Variable::from_value(&value);
        reachable(&variable.memory, &variable.collection(), variable.settings)?;
        if variable.memory.blocks.is_empty() {
            return Ok(());
        }
        let (offset, bytes) = variable.memory.blocks.iter().nth(
            place.index(variable.memory.blocks.len())
        ).map(|(offset, bytes)| (*offset, *bytes)).unwrap_or_default();
        // Bytes behind a block's content are not covered.
        let word = place.index((bytes / 8) as usize);
        variable.memory.words[(offset / 8) as usize + word] ^= 1_u64 << bit;
        let collection = variable.collection();
        let checks = Checks::Seeded(SEED);
        let verified = verify(&variable.memory, &collection, checks, &mut |_, _| Ok(()));
        prop_assert!(is_damage(verified), "word {} of the block at {}", word, offset);
    }
}

/// A tree whose nodes all name the same node below claims elements beyond number.
#[test]
fn one_node_in_many_places_is_not_walked_for_ever() {
    let list = Value::List((0..4000).map(Value::from).collect());
    let mut variable = Variable::from_value(&list);
    let top = (variable.collection().tree.top >> 28 << 1) as usize;
    let first = variable.memory.words[top + 4];
    let cells = ((variable.memory.words[top] >> 16) & 0xff) as usize;
    let count = variable.memory.words[top + 4 + cells];
    for cell in 0..cells {
        variable.memory.words[top + 4 + cell] = first;
        variable.memory.words[top + 4 + cells + cell] = count;
    }
    variable.memory.words[top + 3] = count * cells as u64;
    variable.root[0] = count * cells as u64;
    let collection = variable.collection();
    assert!(read_value(variable.view(), &collection).is_ok());
    let verified = verify(&variable.memory, &collection, Checks::Absent, &mut |_, _| Ok(()));
    assert!(is_damage(verified));
    // The same claimed by a root beyond what fits is refused at once.
    variable.root[0] = variable.memory.words.len() as u64;
    assert!(is_damage(load(&variable.memory, CollectionKind::List, &variable.root)));
}
