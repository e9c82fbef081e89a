//! What pushes and pops write.

use crate::format::tree::{CollectionKind, POSITION_CELLS, node_words};
use crate::tree::{Item, Side};
use crate::value::{Value, ValueType};

use super::memory::Variable;

const NULL: Item<'_> = Item::Value(ValueType::Null, &[]);

/// Pushes or pops, each a commit of its own; returns the nodes that each has written.
fn run(list: &mut Variable, steps: &[(bool, Side)]) -> Vec<usize> {
    let step = |(is_push, side): &(bool, Side)| {
        let edited = list.edit(|draft, id| match is_push {
            true => draft.push(id, *side, NULL),
            false => draft.pop(id, *side).map(drop),
        });
        edited.expect("a sound list");
        // No commit writes more than an end leaf and a way through the tree with what it splits.
        assert!(list.written.0 <= 8, "{:?}", list.written);
        assert!(list.written.1 <= 8 * node_words(false, POSITION_CELLS) as u64 * 8);
        list.written.0
    };
    steps.iter().map(step).collect()
}

#[test]
fn alternating_pushes_and_pops_are_cheap_at_any_boundary() {
    for first in [Side::Front, Side::Back] {
        let mut list = Variable::from_value(&Value::List(vec![Value::Null; 4000]));
        for _ in 0..2 * POSITION_CELLS {
            run(&mut list, &[(true, first)]);
            for group in 1..4 {
                let steps: Vec<_> =
                    (0..60 * group).map(|index| (index / group % 2 == 0, first)).collect();
                let root = list.root.clone();
                let written = run(&mut list, &steps);
                let nodes: usize = written.iter().sum();
                // One node for each, and for two of them at most a way through the tree besides.
                assert!(nodes <= steps.len() + 14, "{nodes} nodes for {} steps", steps.len());
                list.root = root;
            }
        }
    }
}

#[test]
fn growing_and_shrinking_at_an_end_is_cheap() {
    let other = |side| if side == Side::Front { Side::Back } else { Side::Front };
    for side in [Side::Front, Side::Back] {
        let count = 6000;
        for end in [side, other(side)] {
            let mut list = Variable::new(CollectionKind::List);
            let pushes = run(&mut list, &vec![(true, side); count]);
            assert!(pushes.iter().sum::<usize>() < count * 6 / 5);
            let pops = run(&mut list, &vec![(false, end); count]);
            assert!(pops.iter().sum::<usize>() < count * 6 / 5);
            assert_eq!(list.root, [0; 5]);
        }
        // A queue: in at one end, out at the other.
        let mut queue = Variable::from_value(&Value::List(vec![Value::Null; 500]));
        let steps: Vec<_> = (0..count)
            .map(|index| (index % 2 == 0, if index % 2 == 0 { side } else { other(side) }))
            .collect();
        assert!(run(&mut queue, &steps).iter().sum::<usize>() < count * 6 / 5);
        assert_eq!(queue.collection().len(), 500);
    }
}
