"""The rows: what is done to a system, how long it takes, and whether what is read is right."""

import itertools
import os
import random
import signal
import struct
import time

from common import (
    LARGE,
    PATIENCE,
    STOP,
    Cannot,
    Wrong,
    clock,
    listen,
    pair,
    say,
    value_of,
)
from systems import SYSTEMS, Lmdb

# Names of a walk without a pattern.
SEQUENCE = 1_000_000


class Run:
    """One call: the arguments, and how long things take."""

    def __init__(self, arguments):
        self.row = arguments["row"]
        self.is_first = arguments["role"] == "first"
        self.count = int(arguments["count"])
        self.sample = float(arguments["sample_seconds"])
        self.samples = int(arguments["samples"])
        self.fill_seconds = float(arguments["fill_seconds"])
        self.system = SYSTEMS[arguments["system"]](arguments["directory"])

    def ready(self):
        say(ready=True)
        listen("go")

    def done(self):
        say(done=True)
        listen("end")

    def measure(self, loop, step=1):
        """Nanoseconds of one operation, one figure a sample; `loop(count)` gives the time.

        The number of operations is a multiple of `step`.
        """
        count = step
        elapsed = loop(count)
        # Until the length of a sample can be told.
        while elapsed < self.sample * 1e9 / 20 and count < 1 << 30:
            count *= 4
            elapsed = loop(count)
        count = max(1, int(count * self.sample * 1e9 / max(elapsed, 1) / step)) * step
        return [loop(count) / count for _ in range(self.samples)]

    def rates(self, chunk):
        """Operations in a second, one figure a sample; `chunk()` does some and counts them."""
        rates = []
        for _ in range(self.samples):
            start, done = clock(), 0
            while True:
                done += chunk()
                elapsed = clock() - start
                if elapsed >= self.sample * 1e9:
                    break
            rates.append(done * 1e9 / elapsed)
        return rates

    def report(self, measure, unit, samples, **more):
        say(measure=measure, unit=unit, samples=samples, **more)

    def create(self, count, value_size=64):
        if self.is_first:
            self.system.create(count, value_size)
        else:
            self.system.attach()


def check(seen, expected, what):
    if seen != expected:
        raise Wrong(f"{what}: {seen!r} was read instead of {expected!r}")


def hot(run):
    system = run.system
    run.create(10)
    value, other = pair(1), pair(2)
    hot_name = system.names(1)
    put = system.compile(system.set)
    put([hot_name], value)
    run.ready()

    def reading(statement):
        loop = system.compile(statement)

        def timed(count):
            elapsed, seen = loop(itertools.repeat(hot_name, count))
            check(seen, value, "a hot variable")
            return elapsed

        return run.measure(timed)

    run.report("get_hot", "ns", reading(system.get))
    if system.variants:
        system.prepare_variants()
        for variant, statement in system.variants:
            run.report("get_hot", "ns", reading(statement), variant=variant)
        system.finish_variants()

    put = system.compile_alternating()

    def writing(count):
        return put(itertools.repeat(hot_name, -(-count // 2)), other, old=value)[0]

    run.report("set_hot", "ns", run.measure(writing, step=2))
    get = system.compile(system.get)
    check(get([hot_name])[1], value, "a hot variable after sets")
    run.done()


class Walk:
    """Names without a pattern, each an object of its own that lies where it is needed next."""

    def __init__(self, system, count):
        numbers = random.Random(1)
        self.indexes = [numbers.randrange(count) for _ in range(SEQUENCE)]
        self.names = [system.names(index) for index in self.indexes]
        self.next = 0

    def take(self, count):
        start = self.next if self.next + count <= SEQUENCE else 0
        self.next = start + count
        return slice(start, self.next)


def random_access(run):
    system = run.system
    wanted = min(run.count, system.most or run.count)
    if run.is_first:
        run.create(wanted)
        count = system.fill(wanted, time.monotonic() + run.fill_seconds)
        walk = Walk(system, count)
    run.ready()
    if run.is_first:
        measure_random(run, walk, count)
    else:
        attach(run)
    run.done()


def measure_random(run, walk, count):
    system = run.system
    get = system.compile(system.get)
    put = system.compile(system.set)
    used = system.bytes_used()
    run.report("memory", "bytes", [used / count], count=count, note=system.note)
    checked = 1000
    for index, name_ in zip(walk.indexes[:checked], walk.names[:checked]):
        check(get([name_])[1], value_of(index), f"variable {index}")

    def reading(wanted):
        part = walk.take(min(wanted, SEQUENCE))
        names = walk.names[part]
        elapsed, seen = get(names)
        check(seen, value_of(walk.indexes[part][-1]), "the last variable of a walk")
        return elapsed * wanted / len(names)

    def writing(wanted):
        part = walk.take(min(wanted, SEQUENCE))
        names = walk.names[part]
        writing.salt += 1
        value = value_of(writing.salt)
        elapsed, _ = put(names, value)
        check(get(names[-1:])[1], value, "the last variable that was set")
        return elapsed * wanted / len(names)

    writing.salt = 1 << 40
    run.report("get_random", "ns", run.measure(reading), count=count)
    run.report("set_random", "ns", run.measure(writing), count=count)


def attach(run):
    system = run.system
    samples = []
    for _ in range(run.samples):
        start = clock()
        system.attach()
        loop = system.compile(system.get)
        _, seen = loop([system.names(0)])
        samples.append(clock() - start)
        if seen is None or len(seen) != 64:
            raise Wrong(f"the first variable after attaching: {seen!r}")
        system.detach()
    run.report("attach", "ns", samples)


def writer_and_reader(run):
    system = run.system
    values = [pair(number) for number in range(64)]
    known = set(values)
    run.create(10)
    hot_name = system.names(1)
    if run.is_first:
        put = system.compile(system.set, "value", "values")
        put(name=hot_name, values=values[:1])
        run.ready()

        def chunk():
            put(name=hot_name, values=values)
            return len(values)

        run.report("writer", "per_second", run.rates(chunk))
    else:
        statement = system.get + "\nif value not in known: raise Wrong(f'{value!r} was never set')"
        system.scope.update(known=known, Wrong=Wrong)
        get = system.compile(statement, "_", "repeats")
        run.ready()

        def chunk():
            get(name=hot_name, repeats=itertools.repeat(None, 64))
            return 64

        run.report("reader", "per_second", run.rates(chunk))
    run.done()


def large(run):
    system = run.system
    run.create(10, LARGE)
    large_name = system.names(1)
    values = [os.urandom(1 << 20) * (LARGE >> 20) for _ in range(2)]
    put = system.compile_alternating()
    get = system.compile(system.get)
    run.ready()

    def writing(count):
        names = itertools.repeat(large_name, -(-count // 2))
        return put(names, values[0], old=values[1])[0]

    def reading(count):
        elapsed, seen = get(itertools.repeat(large_name, count))
        check(seen == values[1], True, "whether 16 MiB are the ones that were set")
        return elapsed

    note = system.large_note
    run.report("large_set", "ns", run.measure(writing, step=2), size=LARGE, note=note)
    gets = run.measure(reading)
    if note is None:
        run.report("large_get", "ns", gets, size=LARGE)
    run.done()


def round_trip(run):
    system = run.system
    run.create(10)
    if system.waits:
        run.ready()
        wait_in_turns(run)
    else:
        poll_in_turns(run)
    run.done()


def wait_in_turns(run):
    system = run.system
    if not run.is_first:
        while (number := system.receive(0)) != 0:
            system.send(1, number)
        return
    number = 0

    def turns(count):
        nonlocal number
        start = clock()
        for _ in range(count):
            number += 1
            system.send(0, number)
            check(system.receive(1), number, "the echo")
        return clock() - start

    run.report("round_trip", "ns", run.measure(turns))
    system.send(0, 0)


def poll_in_turns(run):
    system = run.system
    ping, pong = system.names(1), system.names(2)
    put = system.compile(system.set)
    system.scope.update(Wrong=Wrong)
    statement = system.get + """
if value != old: break
if clock() > deadline: raise Wrong('nothing came within 10 s')"""
    poll = system.compile(statement, "_", "repeats")
    if run.is_first:
        put([ping, pong], pair(0))
    run.ready()

    def seen_after(name_, old):
        deadline = clock() + PATIENCE
        return poll(name=name_, old=old, deadline=deadline, repeats=itertools.repeat(None))[1]

    if not run.is_first:
        old = pair(0)
        while (old := seen_after(ping, old)) != STOP:
            put([pong], old)
        return
    number, old = 0, pair(0)

    def turns(count):
        nonlocal number, old
        start = clock()
        for _ in range(count):
            number += 1
            value = pair(number)
            put([ping], value)
            check(seen_after(pong, old), value, "the echo")
            old = value
        return clock() - start

    run.report("round_trip", "ns", run.measure(turns), note="polls")
    put([ping], STOP)


def counter(run):
    system = run.system
    run.create(10)
    counter_name = system.names(1)
    start = struct.pack("<Q", 0) if isinstance(system, Lmdb) else 0
    if run.is_first:
        put = system.compile(system.set)
        put([counter_name], start)
    add = system.compile(system.add)
    run.ready()
    adds = 0

    def chunk():
        nonlocal adds
        add(itertools.repeat(counter_name, 16))
        adds += 16
        return 16

    run.report("counter", "per_second", run.rates(chunk))
    run.report("counter_adds", "count", [adds])
    run.done()
    if run.is_first:
        get = system.compile(system.get)
        total = get([counter_name])[1]
        if isinstance(total, bytes):
            total = struct.unpack("<Q", total)[0]
        run.report("counter_total", "count", [total])


ROWS = {
    "hot": hot,
    "random": random_access,
    "pair": writer_and_reader,
    "large": large,
    "round-trip": round_trip,
    "counter": counter,
}


def end(_signal, _frame):
    raise SystemExit(1)


def run_one(arguments):
    # Asked to end: what it has made is removed all the same.
    signal.signal(signal.SIGTERM, end)
    run = Run(arguments)
    try:
        ROWS[run.row](run)
    except Cannot as reason:
        say(cannot=str(reason))
    except Wrong as reason:
        say(wrong=str(reason))
    finally:
        if run.is_first:
            run.system.remove()
