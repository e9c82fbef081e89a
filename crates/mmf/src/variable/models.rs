//! Models of whole operations on a small namespace: what readers, waiters and deleters see of
//! setters and linkers (`docs/protocols.md`, sections 1, 2, 4 and 9).

use loom::sync::Arc;
use loom::thread;

mod counting;

use super::iterate::name_at;
use super::wait::{announce, announce_for_arrival};
use super::write::{Locked, Locking};
use super::{Context, Nothing, Payload};
use crate::format::block::{Descriptor, VALUE_HEADER, ValueHeader};
use crate::format::header::{NAMESPACE_LOCK, RECORD_SLABS};
use crate::format::lock_word::LockWord;
use crate::format::publish::Publish;
use crate::format::record::Identity;
use crate::format::seat::{Held, HeldMode, Intent, NO_PLACE, Phase};
use crate::lock::{LockRequest, acquire, release};
use crate::record::staged::{
    MISSING, NAME, PLACE, SPARE, VARIABLE, block, seat_of, staged, vacate,
};
use crate::record::{
    LockAttempt, NewVariable, Record, UntoldDeath, link, unlink, unlink_if_unused,
};
use crate::registry::{Patience, Registry};
use crate::seat::{ANY, Seat};
use crate::segment::Segment;
use crate::sync::Ordering;
use crate::value::Encoded;

/// Interleavings with at most this many preemptions: whole operations have many steps.
fn model(check: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.max_branches = 20_000;
    builder.check(check);
}

fn context(autolock: bool) -> Arc<Context> {
    Arc::new(Context {
        registry: Registry::attach(staged()).unwrap(),
        autolock,
        timeout: None,
        wake_always: false,
        checksums: false,
        seed: 0,
    })
}

fn patience() -> Patience {
    Patience::new(None, None)
}

/// Sets the variable as a thread with this seat does.
fn set(context: &Context, seat: &Seat<'_>, value: i64) {
    set_named(context, seat, NAME, value);
}

fn set_named(context: &Context, seat: &Seat<'_>, name: &str, value: i64) {
    let header = ValueHeader { length: 8, process: 1, time: 1, program: 0 };
    let prepared = context.prepare_as(seat, header, &Encoded::i64(value)).unwrap();
    let target = context.target(name).unwrap();
    let glimpse = target.find(context.registry.segment()).unwrap().unwrap();
    let hash = target.hash;
    context.overwrite(seat, &glimpse, hash, prepared, &mut patience()).unwrap().unwrap();
}

/// The variable's version and value.
fn get(context: &Context) -> (u64, i64) {
    let target = context.target(NAME).unwrap();
    let take = |seen: super::Seen<'_>| {
        (seen.version, i64::from_le_bytes(seen.payload.try_into().unwrap()))
    };
    context.read(&target, &mut Payload::new(), take).unwrap().unwrap()
}

/// Takes a lock as it is held already: the model is about what follows.
fn hold(segment: &Segment, number: u32, lock: u64) {
    let seat = seat_of(segment, number);
    seat.set_held(0, Held::new(lock, HeldMode::Exclusive, 1), 1);
    let word = segment.word(lock).unwrap();
    word.store(LockWord(0).closing(number).exclusive().0, Ordering::Relaxed);
}

#[test]
fn loom_get_sees_the_value_of_its_version() {
    model(|| {
        let context = context(true);
        let reader = {
            let context = Arc::clone(&context);
            thread::spawn(move || {
                let (version, value) = get(&context);
                assert_eq!(value, version as i64 * 10, "at version {version}");
            })
        };
        let seat = seat_of(context.registry.segment(), 1);
        set(&context, &seat, 20);
        // Fills the block that the reader may be copying.
        set(&context, &seat, 30);
        reader.join().unwrap();
        assert_eq!(get(&context), (3, 30));
        vacate(context.registry.segment());
    });
}

/// Runs `inside` as the owner of a lock while another thread runs `observe`.
fn with_lock_held(lock: u64, inside: fn(&Context, &Seat<'_>), observe: fn(&Context)) {
    model(move || {
        let context = context(true);
        let reader = {
            let context = Arc::clone(&context);
            thread::spawn(move || observe(&context))
        };
        let segment = context.registry.segment();
        let seat = seat_of(segment, 1);
        let word = segment.word(lock).unwrap();
        seat.set_held(0, Held::new(lock, HeldMode::Exclusive, 1), 1);
        // As `acquire` does it; that others are out is another model's business.
        for step in [LockWord(0).closing(1), LockWord(0).closing(1).exclusive()] {
            let seen = word.load(Ordering::Relaxed);
            word.compare_exchange(seen, step.0, Ordering::Release, Ordering::Relaxed).unwrap();
        }
        inside(&context, &seat);
        release(&context.registry, &seat, lock).unwrap();
        reader.join().unwrap();
        vacate(segment);
    });
}

/// A get by somebody else sees nothing of what happens between taking and releasing a lock.
fn hides_what_happens_inside(lock: u64) {
    let inside = |context: &Context, seat: &Seat<'_>| {
        set(context, seat, 20);
        set(context, seat, 30);
    };
    with_lock_held(lock, inside, |context| {
        let (version, value) = get(context);
        assert_ne!(version, 2, "the value {value} from inside the lock");
    });
}

#[test]
fn loom_get_does_not_miss_what_is_made_again_inside_the_namespace_lock() {
    let inside = |context: &Context, seat: &Seat<'_>| {
        let segment = context.registry.segment();
        let record = Record::at(segment, VARIABLE).unwrap();
        let LockAttempt::Taken(state) = record.try_lock(seat) else { panic!("nobody else locks") };
        unlink(segment, seat, &record, state, NO_PLACE).unwrap();
        let hash = crate::format::index::Hash::of(NAME.as_bytes(), 0);
        let again = NewVariable { name: NAME.as_bytes(), hash, ..missing() };
        link(segment, seat, again, || true).unwrap().unwrap();
    };
    with_lock_held(NAMESPACE_LOCK, inside, |context| {
        let target = context.target(NAME).unwrap();
        let seen = context.read(&target, &mut Nothing, |seen| seen.version).unwrap();
        assert!(seen.is_some(), "it was missing inside the lock only");
    });
}

#[test]
fn loom_get_sees_nothing_from_inside_the_namespace_lock() {
    hides_what_happens_inside(NAMESPACE_LOCK);
}

#[test]
fn loom_get_sees_nothing_from_inside_the_variables_lock() {
    hides_what_happens_inside(VARIABLE + 24);
}

#[test]
fn loom_set_comes_after_what_happened_under_the_lock() {
    model(|| {
        let context = context(true);
        let segment = context.registry.segment();
        hold(segment, 1, NAMESPACE_LOCK);
        let protected = Arc::new(loom::cell::UnsafeCell::new(0));
        let owner = {
            let (context, protected) = (Arc::clone(&context), Arc::clone(&protected));
            thread::spawn(move || {
                protected.with_mut(|_| ());
                let seat = seat_of(context.registry.segment(), 1);
                release(&context.registry, &seat, NAMESPACE_LOCK).unwrap();
            })
        };
        let seat = seat_of(segment, 2);
        let record = Record::at(segment, VARIABLE).unwrap();
        let locking =
            context.lock_record(&seat, record, record.identity(), &mut patience()).unwrap();
        let Locking::Locked(_) = locking else { panic!("nobody unlinks it") };
        protected.with_mut(|_| ());
        record.abandon(&seat);
        owner.join().unwrap();
        vacate(segment);
    });
}

/// Its intent stayed announced when the first attempt met a lock. When the variable was gone then, the
/// setter waited for a locker of the namespace that waited for this intent.
#[test]
fn loom_set_whose_first_attempt_fails_announces_nothing() {
    model(|| {
        let context = context(true);
        let other = {
            let context = Arc::clone(&context);
            thread::spawn(move || {
                let segment = context.registry.segment();
                let (record, seat) = (Record::at(segment, VARIABLE).unwrap(), seat_of(segment, 2));
                if let LockAttempt::Taken(_) = record.try_lock(&seat) {
                    record.abandon(&seat);
                }
            })
        };
        let segment = context.registry.segment();
        let seat = seat_of(segment, 1);
        let target = context.target(NAME).unwrap();
        let glimpse = target.find(segment).unwrap().unwrap();
        match context.lock_at_once(&seat, &glimpse) {
            Some(locked) => locked.record.abandon(&seat),
            None => assert!(seat.intent().is_none(), "it says that it may hold the record"),
        }
        other.join().unwrap();
        vacate(segment);
    });
}

/// Deletes the variable `NAME` and makes `MISSING`, in the same record.
fn rename(segment: &Segment) {
    let seat = seat_of(segment, 1);
    let record = Record::at(segment, VARIABLE).unwrap();
    let LockAttempt::Taken(state) = record.try_lock(&seat) else { panic!("nobody else locks") };
    unlink(segment, &seat, &record, state, NO_PLACE).unwrap();
    make(segment, &seat);
}

/// The variable that does not exist, with the block in the first seat's magazine.
fn missing() -> NewVariable<'static> {
    NewVariable {
        name: MISSING.as_bytes(),
        hash: crate::format::index::Hash::of(MISSING.as_bytes(), 0),
        value: Descriptor::new(block(1), 3, 8),
        place: PLACE,
        seal: None,
    }
}

fn make(segment: &Segment, seat: &Seat<'_>) {
    link(segment, seat, missing(), || true).unwrap().unwrap();
}

/// Runs `action` while a spawned thread runs `observe` (why that one: see the record's models).
fn watch(action: fn(&Segment), observe: fn(&Segment)) {
    model(move || {
        let segment = staged();
        let observer = {
            let segment = segment.clone();
            thread::spawn(move || observe(&segment))
        };
        action(&segment);
        observer.join().unwrap();
    });
}

#[test]
fn loom_link_a_name_is_never_mixed() {
    watch(rename, |segment| {
        let record = Record::at(segment, VARIABLE).unwrap();
        let before = record.identity();
        let Some(name) = name_at(segment, VARIABLE, b"").unwrap() else { return };
        let after = record.identity();
        if before == after {
            let is_first = after == Identity(0).linked(NAME.len());
            assert_eq!(name, if is_first { NAME } else { MISSING });
        }
    });
}

#[test]
fn loom_link_a_live_record_has_its_name() {
    let action = |segment: &Segment| make(segment, &seat_of(segment, 1));
    watch(action, |segment| {
        if let Some(name) = name_at(segment, SPARE, b"").unwrap() {
            assert_eq!(name, MISSING);
        }
    });
}

#[test]
fn loom_link_the_intent_stands_before_the_lock() {
    let action = |segment: &Segment| make(segment, &seat_of(segment, 1));
    watch(action, |segment| {
        let record = Record::at(segment, SPARE).unwrap();
        let is_owned = || record.publish().owner() == Some(1);
        if is_owned() && seat_of(segment, 1).intent() != Intent::new(SPARE, Phase::Announced) {
            assert!(!is_owned(), "locked, and the owner's intent does not say so");
        }
    });
}

#[test]
fn loom_walk_a_new_slab_is_clean_and_leads_on() {
    loom::model(|| {
        let segment = staged();
        // The one slab becomes the second: its page was another thing's before.
        let first = segment.word(RECORD_SLABS).unwrap();
        let slab = first.load(Ordering::Relaxed);
        first.store(0, Ordering::Relaxed);
        let record = Record::at(&segment, SPARE).unwrap();
        record.publish_word().store(Publish::free(9).0, Ordering::Relaxed);
        // The walker is the one that is spawned: see `record/models.rs`.
        let walker = {
            let segment = segment.clone();
            thread::spawn(move || {
                let offsets = crate::record::record_offsets(&segment).map(|offset| offset.unwrap());
                for offset in offsets.skip(1).take(1) {
                    let word = Record::at(&segment, offset).unwrap().publish_word();
                    assert_eq!(word.load(Ordering::Relaxed), 0, "the record is not clean");
                }
            })
        };
        record.publish_word().store(0, Ordering::Relaxed);
        let mut journal = crate::journal::Journal::begin(&segment);
        journal.write(RECORD_SLABS, slab).unwrap();
        journal.commit().unwrap();
        walker.join().unwrap();
    });
}

#[test]
fn loom_wait_for_any_is_told_of_a_publication() {
    model(|| {
        let context = context(false);
        let waiter = {
            let context = Arc::clone(&context);
            thread::spawn(move || {
                let segment = context.registry.segment();
                let seat = seat_of(segment, 2);
                seat.waiting().store(ANY, Ordering::Relaxed);
                let before = seat.wake_word().load(Ordering::Relaxed);
                let record = Record::at(segment, VARIABLE).unwrap();
                let seen = record.publish();
                let announced = announce(&record, seen).is_some();
                (announced && seen.version() == 1).then_some(before)
            })
        };
        let segment = context.registry.segment();
        set(&context, &seat_of(segment, 1), 20);
        if let Some(before) = waiter.join().unwrap() {
            let word = seat_of(segment, 2).wake_word().load(Ordering::Relaxed);
            assert_ne!(word, before, "it sleeps on, and nobody tells it");
        }
        vacate(segment);
    });
}

/// A waiter looked, and a setter took the publish lock: the word was another than the one looked at,
/// the bit was not set, and the waiter slept all the same.
#[test]
fn loom_wait_for_any_sleeps_only_when_all_are_told() {
    model(|| {
        let context = context(false);
        let waiter = {
            let context = Arc::clone(&context);
            thread::spawn(move || {
                let seat = seat_of(context.registry.segment(), 2);
                let target = context.target(NAME).unwrap();
                seat.waiting().store(ANY, Ordering::Relaxed);
                let before = seat.wake_word().load(Ordering::Relaxed);
                let is_told = context.announce_to_all([&target]).unwrap();
                (is_told && get(&context).0 == 1).then_some(before)
            })
        };
        let segment = context.registry.segment();
        set(&context, &seat_of(segment, 1), 20);
        if let Some(before) = waiter.join().unwrap() {
            let word = seat_of(segment, 2).wake_word().load(Ordering::Relaxed);
            assert_ne!(word, before, "it sleeps on, and nobody tells it");
        }
        vacate(segment);
    });
}

/// A variable is found before its maker has given the publish lock up, which took the bit away.
#[test]
fn loom_wait_for_any_is_told_of_what_follows_a_link() {
    model(|| {
        let context = context(false);
        let waiter = {
            let context = Arc::clone(&context);
            thread::spawn(move || {
                let segment = context.registry.segment();
                let seat = seat_of(segment, 2);
                let target = context.target(MISSING).unwrap();
                seat.waiting().store(ANY, Ordering::Relaxed);
                let before = seat.wake_word().load(Ordering::Relaxed);
                let glimpse = target.find(context.registry.segment()).unwrap()?;
                let announced = announce(&glimpse.record, glimpse.publish).is_some();
                announced.then_some((before, glimpse.publish.version()))
            })
        };
        let segment = context.registry.segment();
        let first = seat_of(segment, 1);
        let new = NewVariable { value: Descriptor::NONE, place: NO_PLACE, ..missing() };
        let linked = link(segment, &first, new, || true).unwrap().unwrap();
        set_named(&context, &first, MISSING, 20);
        if let Some((before, version)) = waiter.join().unwrap()
            && version == linked.version
        {
            let word = seat_of(segment, 2).wake_word().load(Ordering::Relaxed);
            assert_ne!(word, before, "it sleeps on, and nobody tells it");
        }
        vacate(segment);
    });
}

/// A record that was only locked went with its unlock, and took the bit along: whoever made the
/// variable afterwards made another record, and found no bit.
#[test]
fn loom_wait_for_any_is_told_when_the_record_goes() {
    model(|| {
        let context = context(false);
        let segment = context.registry.segment();
        let first = seat_of(segment, 1);
        let new = NewVariable { value: Descriptor::NONE, place: NO_PLACE, ..missing() };
        let linked = link(segment, &first, new, || true).unwrap().unwrap();
        let waiter = {
            let context = Arc::clone(&context);
            thread::spawn(move || {
                let segment = context.registry.segment();
                let seat = seat_of(segment, 2);
                seat.waiting().store(ANY, Ordering::Relaxed);
                let before = seat.wake_word().load(Ordering::Relaxed);
                let record = Record::at(segment, linked.record).unwrap();
                let seen = record.publish();
                let announced = announce(&record, seen).is_some();
                (announced && seen.version() == linked.version).then_some(before)
            })
        };
        unlink_if_unused(segment, &first, linked.record, UntoldDeath::Keeps).unwrap();
        let is_gone = !Record::at(segment, linked.record).unwrap().identity().is_live();
        if let Some(before) = waiter.join().unwrap()
            && is_gone
        {
            let word = seat_of(segment, 2).wake_word().load(Ordering::Relaxed);
            assert_ne!(word, before, "it sleeps on, and nobody tells it");
        }
        vacate(segment);
    });
}

#[test]
fn loom_wait_for_a_missing_name_is_told_of_its_arrival() {
    model(|| {
        let context = context(false);
        let waiter = {
            let context = Arc::clone(&context);
            thread::spawn(move || {
                let seat = seat_of(context.registry.segment(), 2);
                let target = context.target(MISSING).unwrap();
                seat.waiting().store(ANY, Ordering::Relaxed);
                let before = seat.wake_word().load(Ordering::Relaxed);
                announce_for_arrival(context.arrival_word(&target).unwrap());
                target.find(context.registry.segment()).unwrap().is_none().then_some(before)
            })
        };
        let segment = context.registry.segment();
        let target = context.target(MISSING).unwrap();
        let made = context.make(&seat_of(segment, 1), &target, missing(), &mut patience()).unwrap();
        assert!(made.is_some(), "nobody else makes it");
        if let Some(before) = waiter.join().unwrap() {
            let word = seat_of(segment, 2).wake_word().load(Ordering::Relaxed);
            assert_ne!(word, before, "it sleeps on, and nobody tells it");
        }
        vacate(segment);
    });
}

#[test]
fn loom_delete_and_unlock_do_not_leave_a_record_without_value() {
    model(|| {
        let context = context(false);
        let segment = context.registry.segment();
        let record = Record::at(segment, VARIABLE).unwrap();
        hold(segment, 1, record.lock_offset());
        let holder = {
            let context = Arc::clone(&context);
            thread::spawn(move || {
                let seat = seat_of(context.registry.segment(), 1);
                let lock = Record::at(context.registry.segment(), VARIABLE).unwrap().lock_offset();
                release(&context.registry, &seat, lock).unwrap();
            })
        };
        let seat = seat_of(segment, 2);
        let LockAttempt::Taken(state) = record.try_lock(&seat) else { panic!("it has a value") };
        context.take_away(&seat, &Locked::new(record, state), PLACE + 1).unwrap();
        holder.join().unwrap();
        assert!(!record.identity().is_live(), "nobody has unlinked the record");
        vacate(segment);
    });
}

#[test]
fn loom_link_stays_out_of_the_namespace_lock() {
    model(|| {
        let registry = Registry::attach(staged()).unwrap();
        let protected = Arc::new(loom::cell::UnsafeCell::new(0));
        let linker = {
            let (registry, protected) = (std::sync::Arc::clone(&registry), Arc::clone(&protected));
            thread::spawn(move || {
                let segment = registry.segment();
                let may_enter = || {
                    let word = segment.word(NAMESPACE_LOCK).unwrap().load(Ordering::Acquire);
                    let is_open = LockWord(word).is_free();
                    if is_open {
                        protected.with_mut(|_| ());
                    }
                    is_open
                };
                link(segment, &seat_of(segment, 1), missing(), may_enter).unwrap();
            })
        };
        let seat = seat_of(registry.segment(), 2);
        let request = LockRequest {
            registry: &registry,
            seat,
            lock: NAMESPACE_LOCK,
            variable: None,
            mode: HeldMode::Exclusive,
        };
        acquire(&request, &mut patience()).unwrap();
        protected.with(|_| ());
        release(&registry, &seat, NAMESPACE_LOCK).unwrap();
        linker.join().unwrap();
        vacate(registry.segment());
    });
}
