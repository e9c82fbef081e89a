//! Models of adds in place: what setters, deleters, lockers, readers and waiters see of them, and
//! they of those (`docs/protocols.md`, section 1).

use loom::sync::Arc;
use loom::thread;

use super::{context, get, model, patience, set};
use crate::format::block::{Descriptor, VALUE_HEADER};
use crate::format::counter::{Added, COUNTER_PAYLOAD};
use crate::format::header::NAMESPACE_LOCK;
use crate::format::seat::HeldMode;
use crate::lock::{LockRequest, acquire, release};
use crate::record::Record;
use crate::record::staged::{NAME, PLACE, VARIABLE, block, seat_of, vacate};
use crate::seat::ANY;
use crate::segment::Segment;
use crate::sync::{AtomicU64, Ordering};
use crate::value::ValueType;
use crate::variable::Context;
use crate::variable::counter::InPlace;
use crate::variable::wait::announce;
use crate::variable::write::{Locked, Locking};

/// A namespace whose variable is a counter at 10, version 1.
fn counter(autolock: bool) -> Arc<Context> {
    let context = context(autolock);
    let descriptor = Descriptor::new(block(0), ValueType::Counter.tag(), COUNTER_PAYLOAD);
    context.registry.segment().word(VARIABLE + 16).unwrap().store(descriptor.0, Ordering::Relaxed);
    context
}

/// The word that is added to.
fn added(segment: &Segment) -> &AtomicU64 {
    segment.word(block(0) + VALUE_HEADER + COUNTER_PAYLOAD).unwrap()
}

/// One try to add in place; the number, if it was made.
fn try_add(context: &Context, number: u32, amount: i64) -> Option<i64> {
    let seat = seat_of(context.registry.segment(), number);
    let target = context.target(NAME).unwrap();
    let glimpse = target.find(context.registry.segment()).unwrap()?;
    match context.add_in_place(&seat, &glimpse, amount).unwrap() {
        InPlace::Added { sum, .. } => Some(sum),
        InPlace::Busy(_) | InPlace::Refused => None,
    }
}

/// The publish lock, with nobody inside an add.
fn lock<'a>(context: &'a Context, number: u32) -> Locked<'a> {
    let segment = context.registry.segment();
    let record = Record::at(segment, VARIABLE).unwrap();
    let seat = seat_of(segment, number);
    let locking = context.lock_record(&seat, record, record.identity(), &mut patience()).unwrap();
    let Locking::Locked(locked) = locking else { panic!("nobody else unlinks it") };
    locked
}

#[test]
fn loom_add_two_adders_lose_nothing() {
    model(|| {
        let context = counter(true);
        let other = {
            let context = Arc::clone(&context);
            thread::spawn(move || try_add(&context, 2, 5))
        };
        let one = try_add(&context, 1, -1).expect("nobody stands in the way");
        let five = other.join().unwrap().expect("nobody stands in the way");
        assert!((one, five) == (9, 14) || (one, five) == (14, 15), "{one} and {five}");
        assert_eq!(get(&context), (3, 14));
        vacate(context.registry.segment());
    });
}

/// A refilled block keeps what its new owner wrote, and no add is lost by the way.
#[test]
fn loom_add_and_set_see_each_other() {
    model(|| {
        let context = counter(false);
        let adder = {
            let context = Arc::clone(&context);
            thread::spawn(move || try_add(&context, 2, 5))
        };
        let segment = context.registry.segment();
        set(&context, &seat_of(segment, 1), 20);
        // The old block is the setter's by now.
        assert_eq!(seat_of(segment, 1).magazine(PLACE), block(0));
        let before = Added(added(segment).load(Ordering::Relaxed));
        added(segment).store(1 << 60, Ordering::Relaxed);
        let sum = adder.join().unwrap();
        assert_eq!(added(segment).load(Ordering::Relaxed), 1 << 60, "an add to another's block");
        let count = u64::from(sum.is_some());
        assert_eq!((before.count(), before.sum()), (count, 5 * count as i64));
        // The next version behind all that anybody has seen, in the other place.
        assert_eq!(get(&context), (2 + 2 * count, 20));
        vacate(segment);
    });
}

#[test]
fn loom_add_and_delete_see_each_other() {
    model(|| {
        let context = counter(false);
        let adder = {
            let context = Arc::clone(&context);
            thread::spawn(move || try_add(&context, 2, 5))
        };
        let segment = context.registry.segment();
        let locked = lock(&context, 1);
        let version = locked.version;
        context.take_away(&seat_of(segment, 1), &locked, PLACE + 1).unwrap();
        let before = Added(added(segment).load(Ordering::Relaxed));
        added(segment).store(1 << 60, Ordering::Relaxed);
        let sum = adder.join().unwrap();
        assert_eq!(added(segment).load(Ordering::Relaxed), 1 << 60, "an add to another's block");
        assert_eq!(before.count(), u64::from(sum.is_some()));
        assert_eq!(version, 1 + before.count());
        let record = Record::at(segment, VARIABLE).unwrap();
        assert!(record.publish().version() > version, "a version comes again");
        vacate(segment);
    });
}

/// Nothing is added while somebody holds a lock.
fn stays_out(lock: u64, is_variable: bool, mode: HeldMode) {
    model(move || {
        let context = counter(true);
        let adder = {
            let context = Arc::clone(&context);
            thread::spawn(move || try_add(&context, 2, 5))
        };
        let segment = context.registry.segment();
        let record = Record::at(segment, VARIABLE).unwrap();
        let request = LockRequest {
            registry: &context.registry,
            seat: seat_of(segment, 1),
            lock,
            variable: is_variable.then(|| (record, record.identity())),
            mode,
        };
        acquire(&request, &mut patience()).unwrap();
        let first = added(segment).load(Ordering::Relaxed);
        let second = added(segment).load(Ordering::Relaxed);
        assert_eq!(first, second, "an add under somebody's lock");
        release(&context.registry, &request.seat, lock).unwrap();
        let sum = adder.join().unwrap();
        assert_eq!(Added(added(segment).load(Ordering::Relaxed)).count(), u64::from(sum.is_some()));
        vacate(segment);
    });
}

#[test]
fn loom_add_stays_out_of_the_namespace_lock() {
    stays_out(NAMESPACE_LOCK, false, HeldMode::Exclusive);
}

#[test]
fn loom_add_stays_out_of_the_variables_lock() {
    stays_out(VARIABLE + 24, true, HeldMode::Exclusive);
}

#[test]
fn loom_add_stays_out_of_the_variables_shared_lock() {
    stays_out(VARIABLE + 24, true, HeldMode::Shared);
}

/// One version, one number; also when the counter is replaced behind it.
#[test]
fn loom_add_a_reader_sees_the_number_of_its_version() {
    model(|| {
        let context = counter(true);
        let reader = {
            let context = Arc::clone(&context);
            thread::spawn(move || {
                let seen = get(&context);
                assert!([(1, 10), (2, 15), (4, 20)].contains(&seen), "{seen:?}");
            })
        };
        assert_eq!(try_add(&context, 1, 5), Some(15));
        let segment = context.registry.segment();
        set(&context, &seat_of(segment, 1), 20);
        reader.join().unwrap();
        assert_eq!(get(&context), (4, 20));
        vacate(segment);
    });
}

/// Who adds behind an add comes after what was done before that one.
#[test]
fn loom_add_comes_after_those_before_it() {
    model(|| {
        let context = counter(false);
        let protected = Arc::new(loom::cell::UnsafeCell::new(0));
        let first = {
            let (context, protected) = (Arc::clone(&context), Arc::clone(&protected));
            thread::spawn(move || {
                protected.with_mut(|_| ());
                try_add(&context, 1, 5)
            })
        };
        if try_add(&context, 2, 1) == Some(16) {
            protected.with_mut(|_| ());
        }
        first.join().unwrap();
        vacate(context.registry.segment());
    });
}

/// Who reads a number comes after what was done before the add that made it.
#[test]
fn loom_add_a_reader_comes_after_the_add() {
    model(|| {
        let context = counter(false);
        let protected = Arc::new(loom::cell::UnsafeCell::new(0));
        let reader = {
            let (context, protected) = (Arc::clone(&context), Arc::clone(&protected));
            thread::spawn(move || {
                if get(&context).1 == 15 {
                    protected.with_mut(|_| ());
                }
            })
        };
        protected.with_mut(|_| ());
        try_add(&context, 1, 5);
        reader.join().unwrap();
        vacate(context.registry.segment());
    });
}

/// The waiter finds the sum, or the adder finds the waiter.
#[test]
fn loom_add_is_told_to_those_who_wait() {
    model(|| {
        let context = counter(false);
        let waiter = {
            let context = Arc::clone(&context);
            thread::spawn(move || {
                let segment = context.registry.segment();
                let seat = seat_of(segment, 2);
                seat.waiting().store(ANY, Ordering::Relaxed);
                let before = seat.wake_word().load(Ordering::Relaxed);
                let record = Record::at(segment, VARIABLE).unwrap();
                let expected = announce(&record, record.publish())?;
                (get(&context).0 == 1).then_some((before, expected))
            })
        };
        assert_eq!(try_add(&context, 1, 5), Some(15));
        let segment = context.registry.segment();
        if let Some((before, expected)) = waiter.join().unwrap() {
            let record = Record::at(segment, VARIABLE).unwrap();
            assert_ne!(record.publish().0, expected, "it sleeps on at the variable");
            let word = seat_of(segment, 2).wake_word().load(Ordering::Relaxed);
            assert_ne!(word, before, "it sleeps on at its own word");
        }
        vacate(segment);
    });
}
