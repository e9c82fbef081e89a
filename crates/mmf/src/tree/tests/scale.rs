//! A million elements.

use crate::error::Result;
use crate::format::tree::{CollectionKind, KEYED_CELLS, KeyType, POSITION_CELLS, node_words};
use crate::tree::{Item, Key, OwnedKey};
use crate::value::ValueType;

use super::memory::{Variable, reachable};

const COUNT: u64 = 1_000_000;

/// Distinct numbers in no order: the multiplier is odd.
fn scattered(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn key_bytes(number: u64) -> [u8; 8] {
    scattered(number).to_be_bytes()
}

#[test]
fn a_map_of_a_million() -> Result<()> {
    let mut map = Variable::new(CollectionKind::Map);
    let mut keys: Vec<_> = (0..COUNT)
        .map(|number| OwnedKey { bytes: key_bytes(number).to_vec(), key_type: KeyType::Bytes })
        .collect();
    keys.sort();
    let null = Item::Value(ValueType::Null, &[]);
    let pairs: Vec<_> = keys.into_iter().map(|key| (key, null)).collect();
    map.edit(|draft, id| draft.build_map(id, &pairs))?;
    let collection = map.collection();
    assert_eq!((collection.len(), collection.tree.level), (COUNT, 4));
    // In words, not in nodes: 4 levels of about 5 keys and a child, and the leaf's cell.
    let most_reads = 5 * (1 + 6) + 4 + 4;
    for number in (0..COUNT).step_by(997) {
        let bytes = key_bytes(number);
        map.memory.reads.set(0);
        let view = map.view();
        assert!(view.contains(&collection, &Key::new(&bytes, KeyType::Bytes)?)?);
        assert!(map.memory.reads.get() <= most_reads, "{} words read", map.memory.reads.get());
    }
    let largest = node_words(true, KEYED_CELLS) as u64 * 8;
    for number in (COUNT..COUNT + 3000).step_by(10) {
        let bytes = key_bytes(number);
        let key = Key::new(&bytes, KeyType::Bytes)?;
        map.edit(|draft, id| draft.insert(id, &key, null))?;
        assert!(map.written.0 <= 11 && map.written.1 <= 11 * largest, "{:?}", map.written);
        let bytes = key_bytes(number - COUNT);
        let key = Key::new(&bytes, KeyType::Bytes)?;
        map.edit(|draft, id| draft.remove(id, &key))?;
        assert!(map.written.0 <= 10 && map.written.1 <= 10 * largest, "{:?}", map.written);
    }
    assert_eq!(map.collection().len(), COUNT);
    reachable(&map.memory, &map.collection(), map.settings)?;
    map.edit(|draft, id| draft.clear(id))?;
    assert_eq!(map.written.0, 0);
    Ok(())
}

#[test]
fn a_list_of_a_million() -> Result<()> {
    let mut list = Variable::new(CollectionKind::List);
    let null = Item::Value(ValueType::Null, &[]);
    let items = vec![null; COUNT as usize];
    list.edit(|draft, id| draft.splice(id, (0, 0), &items))?;
    assert_eq!((list.collection().len(), list.collection().tree.level), (COUNT, 3));
    let largest = node_words(false, POSITION_CELLS) as u64 * 8;
    for number in 0..300 {
        let position = scattered(number) % COUNT;
        list.edit(|draft, id| draft.insert_at(id, position, null))?;
        assert!(list.written.0 <= 8 && list.written.1 <= 8 * largest, "{:?}", list.written);
        let position = scattered(number + 1000) % COUNT;
        list.edit(|draft, id| draft.remove_at(id, position))?;
        assert!(list.written.0 <= 8 && list.written.1 <= 8 * largest, "{:?}", list.written);
    }
    // What a splice takes out is detached whole, so that only its edges and the new are written.
    list.edit(|draft, id| {
        draft.splice(id, (100_000, 900_000), &items[..1000])?;
        assert!(draft.replaced().len() <= 16 && draft.detached().len() <= 6 * POSITION_CELLS);
        Ok(())
    })?;
    assert!(list.written.0 <= 1000 / POSITION_CELLS + 14, "{:?}", list.written);
    assert_eq!(list.collection().len(), 201_000);
    reachable(&list.memory, &list.collection(), list.settings)?;
    Ok(())
}
