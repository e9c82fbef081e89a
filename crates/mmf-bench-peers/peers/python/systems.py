"""What each system does for an operation, and how it is made, attached to and removed.

An operation is a statement that is compiled into the measured loop, as timeit does, so that no call
is measured that its user would not make.
"""

import os
import re
import struct
import time

from common import PROGRESS, Cannot, Wrong, clock, name, value_of


class System:
    """What every system answers; rows it lacks are refused here."""

    title = ""
    note = None
    names = staticmethod(name)
    get = ""
    set = ""
    add = None
    variants = ()
    # The most variables it is asked to hold.
    most = None
    # Why gets of large values are no figure, if they are not.
    large_note = None
    waits = False

    def __init__(self, directory):
        self.directory = directory
        self.scope = {}

    def create(self, count, value_size):
        raise NotImplementedError

    def attach(self):
        raise NotImplementedError

    def detach(self):
        raise NotImplementedError

    def fill(self, count, deadline):
        """Sets variables until all are there or time is up; says how many are there."""
        loop = self.compile(self.set, "name, value", "zip(names, values)")
        for start in range(0, count, PROGRESS):
            end = min(count, start + PROGRESS)
            numbers = range(start, end)
            names = [self.names(number) for number in numbers]
            loop(names=names, values=map(value_of, numbers))
            if time.monotonic() > deadline:
                return end
        return count

    def bytes_used(self):
        raise Cannot("it does not say what it uses")

    def remove(self):
        pass

    def compile_alternating(self):
        """A loop that sets `value` and then `old`: some systems pass over a set of what is there."""
        return self.compile(self.set + "\n" + re.sub(r"\bvalue\b", "old", self.set))

    def compile(self, statement, targets="name", iterable="names"):
        """A loop with a statement in it, which gives its time and the last value."""
        body = statement.replace("\n", "\n        ")
        text = f"""
def loop(names=(), value=None, name=None, values=(), repeats=(), old=None, deadline=0):
    start = clock()
    for {targets} in {iterable}:
        {body}
    return clock() - start, value
"""
        scope = dict(self.scope, clock=clock)
        # The statements above and nothing else are executed.
        exec(compile(text, self.title, "exec"), scope)
        return scope["loop"]


class Lmdb(System):
    title = "lmdb"
    get = "with begin() as transaction: value = transaction.get(name)"
    set = "with begin(write=True) as transaction: transaction.put(name, value)"
    add = """with begin(write=True) as transaction:
    transaction.put(name, pack(unpack(transaction.get(name))[0] + 1))"""
    variants = (("one long transaction", "value = read(name)"),)

    @staticmethod
    def names(index):
        return name(index).encode()

    def open(self):
        import lmdb

        self.environment = lmdb.open(
            self.directory, map_size=16 << 30, sync=False, writemap=True, map_async=True
        )
        number = struct.Struct("<Q")
        self.scope = {
            "begin": self.environment.begin,
            "pack": number.pack,
            "unpack": number.unpack,
        }

    def create(self, count, value_size):
        self.open()

    def attach(self):
        self.open()

    def detach(self):
        self.environment.close()

    def prepare_variants(self):
        self.long = self.environment.begin()
        self.scope["read"] = self.long.get

    def finish_variants(self):
        self.long.abort()

    def fill(self, count, deadline):
        for start in range(0, count, PROGRESS):
            end = min(count, start + PROGRESS)
            with self.environment.begin(write=True) as transaction:
                for number in range(start, end):
                    transaction.put(self.names(number), value_of(number))
            if time.monotonic() > deadline:
                return end
        return count

    def bytes_used(self):
        return os.stat(os.path.join(self.directory, "data.mdb")).st_blocks * 512


class Ultra(System):
    title = "UltraDict"
    note = "each process also holds a copy of its own"
    large_note = "a get gives the process's own copy and copies nothing"
    get = "value = shared[name]"
    set = "shared[name] = value"
    add = """with shared.lock:
    shared[name] = shared[name] + 1"""

    def block(self):
        return os.path.basename(self.directory) + "_ultra"

    def create(self, count, value_size):
        from UltraDict import UltraDict

        size = max(1 << 16, min(1 << 28, 160 * count))
        self.shared = UltraDict(
            name=self.block(), create=True, shared_lock=True, buffer_size=size
        )
        self.scope = {"shared": self.shared}

    def attach(self):
        from UltraDict import UltraDict

        # An attacher that gives no size of the buffer would assume the default one.
        path = f"/dev/shm/{self.block()}_memory"
        self.shared = UltraDict(
            name=self.block(),
            create=False,
            shared_lock=True,
            auto_unlink=False,
            buffer_size=os.stat(path).st_size,
        )
        self.scope = {"shared": self.shared}

    def detach(self):
        self.shared.close()

    def bytes_used(self):
        dump = self.shared.full_dump_memory
        used = int.from_bytes(self.shared.update_stream_position_remote, "little")
        return used + (dump.size if dump else 0)

    def remove(self):
        self.shared.unlink()


class SharedMemoryDictionary(System):
    title = "shared-memory-dict"
    get = "value = shared[name]"
    set = "shared[name] = value"
    add = "shared[name] = shared[name] + 1"
    # Each operation pickles all of it.
    most = 100_000
    note = "pickled as a whole"

    def block(self):
        return os.path.basename(self.directory) + "_dict"

    def create(self, count, value_size):
        from shared_memory_dict import SharedMemoryDict

        size = (1 << 16) + 4 * value_size + 200 * count
        self.shared = SharedMemoryDict(name=self.block(), size=size)
        self.scope = {"shared": self.shared}

    def attach(self):
        from multiprocessing import resource_tracker
        from shared_memory_dict import SharedMemoryDict

        # The size counts only where it creates. Whoever attaches would remove it at its own end.
        self.shared = SharedMemoryDict(name=self.block(), size=1)
        resource_tracker.unregister(self.shared.shm._name, "shared_memory")
        self.scope = {"shared": self.shared}

    def detach(self):
        self.shared.cleanup()

    def fill(self, count, deadline):
        numbers = range(count)
        self.shared.update(dict(zip(map(name, numbers), map(value_of, numbers))))
        return count

    def bytes_used(self):
        import pickle

        return len(pickle.dumps(self.shared._read_memory(), pickle.HIGHEST_PROTOCOL))

    def remove(self):
        self.shared.shm.unlink()


class Manager(System):
    title = "Manager().dict"
    get = "value = shared[name]"
    set = "shared[name] = value"
    add = """with lock:
    shared[name] = shared[name] + 1"""
    waits = True

    def connect(self):
        manager = manager_class()(self.socket(), b"peers")
        manager.connect()
        self.take(manager)

    def socket(self):
        return os.path.join(self.directory, "manager")

    def take(self, manager):
        self.shared = manager.shared()
        self.scope = {"shared": self.shared, "lock": manager.guard()}
        self.queues = manager.ping(), manager.pong()

    def create(self, count, value_size):
        self.server = manager_class()(self.socket(), b"peers")
        self.server.start()
        self.take(self.server)
        self.empty = self.resident()

    def attach(self):
        self.connect()

    def detach(self):
        del self.shared

    def fill(self, count, deadline):
        for start in range(0, count, PROGRESS):
            end = min(count, start + PROGRESS)
            numbers = range(start, end)
            self.shared.update(dict(zip(map(name, numbers), map(value_of, numbers))))
            if time.monotonic() > deadline:
                return end
        return count

    def resident(self):
        with open(f"/proc/{self.server._process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def bytes_used(self):
        return self.resident() - self.empty

    def send(self, way, number):
        self.queues[way].put(number)

    def receive(self, way):
        import queue

        try:
            return self.queues[way].get(timeout=10)
        except queue.Empty as error:
            raise Wrong("nothing came within 10 s") from error


SERVED = {}


def served(key):
    import queue
    import threading

    makers = {"shared": dict, "guard": threading.Lock, "ping": queue.Queue, "pong": queue.Queue}
    return SERVED.setdefault(key, makers[key]())


def manager_class():
    from functools import partial
    from multiprocessing import managers

    class SharedManager(managers.SyncManager):
        pass

    register = SharedManager.register
    register("shared", partial(served, "shared"), managers.DictProxy)
    register("guard", partial(served, "guard"), managers.AcquirerProxy)
    register("ping", partial(served, "ping"), exposed=("put", "get"))
    register("pong", partial(served, "pong"), exposed=("put", "get"))
    return SharedManager


SYSTEMS = {
    "python-lmdb": Lmdb,
    "python-ultradict": Ultra,
    "python-shared-memory-dict": SharedMemoryDictionary,
    "python-manager": Manager,
}
