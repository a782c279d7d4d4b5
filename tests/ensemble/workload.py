"""Clients that write all the time and remember what they were told: the yardstick of the tests that kill nodes.

Two workloads at once. Creates: each name is used once, so an acknowledged one must be there afterwards. Counters: each
set names the version it expects, so the acknowledged versions of a counter are all different, its final version is at
least the last acknowledged one, and it cannot have grown by more than was acknowledged or unknown.
"""

import threading
import time

import harness
from kazoo.client import KazooClient
from kazoo.exceptions import (BadVersionError, ConnectionClosedError, ConnectionLoss,
                              OperationTimeoutError, SessionExpiredError)
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.retry import KazooRetry

PIPELINE = 5  # creates that a writer has under way at once

UNKNOWN = (ConnectionLoss, OperationTimeoutError, SessionExpiredError, ConnectionClosedError, KazooTimeoutError)


class Writer(threading.Thread):
    def __init__(self, ensemble, name, home, counter, first_node):
        super().__init__(daemon=True)
        # Starts at one node, and goes round from there.
        addresses = ensemble.connect.split(",")
        hosts = ",".join(addresses[first_node - 1:] + addresses[:first_node - 1])
        self.client = KazooClient(hosts=hosts, timeout=8.0, randomize_hosts=False,
                                  connection_retry=KazooRetry(max_tries=-1, delay=0.02, backoff=1, max_delay=0.1))
        self.home, self.name, self.counter = home, name, counter
        self.stopping = threading.Event()
        self.last_zxid = 0
        self.created = {}         # acknowledged: path -> zxid
        self.created_unknown = set()
        self.set_versions = []    # acknowledged
        self.sets_unknown = 0
        self.acknowledged_at = []
        self.asked_at = []        # of each of these
        self.problems = []

    def run(self):
        try:
            self.client.start(timeout=harness.PATIENCE_S)
            number = 0
            while not self.stopping.is_set():
                self.create(number)
                self.set()
                number += 1
        except Exception as e:
            self.problems.append("%s: %r" % (self.name, e))

    def done(self, asked_at):
        self.asked_at.append(asked_at)
        self.acknowledged_at.append(time.monotonic())

    def create(self, number):
        """Several at once: a node dies with some on their way."""
        paths = ["%s/%s-%06d-%d" % (self.home, self.name, number, i) for i in range(PIPELINE)]
        asked = [(p, time.monotonic(), self.client.create_async(p, p.encode(), include_data=True)) for p in paths]
        for path, asked_at, answer in asked:
            try:
                _, stat = answer.get(timeout=harness.PATIENCE_S)
            except UNKNOWN:
                self.created_unknown.add(path)
                continue
            if self.last_zxid >= stat.czxid:
                self.problems.append("%s: created in zxid 0x%x after 0x%x" % (self.name, stat.czxid, self.last_zxid))
            self.last_zxid = stat.czxid
            self.created[path] = stat.czxid
            self.done(asked_at)

    def set(self):
        try:
            data, stat = self.client.get(self.counter)
        except UNKNOWN:
            return
        if int(data) != stat.version:
            self.problems.append("%s: counter %r at version %d" % (self.name, data, stat.version))
        # A session never sees an older state than it has seen, wherever it reads.
        if self.set_versions and stat.version < self.set_versions[-1]:
            self.problems.append("%s: read version %d after setting %d" % (self.name, stat.version, self.set_versions[-1]))
        asked_at = time.monotonic()
        try:
            stat = self.client.set(self.counter, b"%d" % (stat.version + 1), version=stat.version)
        except BadVersionError:
            return
        except UNKNOWN:
            self.sets_unknown += 1
            return
        self.set_versions.append(stat.version)
        self.done(asked_at)

    def stop(self):
        self.stopping.set()
        self.join(harness.PATIENCE_S)
        if self.is_alive():
            self.problems.append(self.name + ": hangs in an operation")
        harness.close_client(self.client)


class Workload:
    """One writer per node and two counters that they share."""

    def __init__(self, ensemble, client, home, writers_per_node=1):
        self.ensemble, self.home = ensemble, home
        self.counters = [client.create(home + "/counter-%d" % i, b"0") for i in range(2)]
        count = writers_per_node * len(ensemble.addresses)
        self.writers = [Writer(ensemble, "w%d" % i, home, self.counters[i % 2], 1 + i % len(ensemble.addresses))
                        for i in range(count)]

    def __enter__(self):
        self.started = time.monotonic()
        for w in self.writers:
            w.start()
        return self

    def __exit__(self, *_):
        for w in self.writers:
            w.stopping.set()
        for w in self.writers:
            w.stop()

    def acknowledged(self):
        return sum(len(w.acknowledged_at) for w in self.writers)

    def cut_off(self):
        """No writer has a connection that serves."""
        return not any(w.client.connected for w in self.writers)

    def acknowledged_of(self, asked_after, before):
        """How many writes that were asked after the one moment were acknowledged before the other. What was asked
        earlier proves nothing: its acknowledgement may have been on its way."""
        return sum(asked_after < asked and answered < before for w in self.writers
                   for asked, answered in zip(w.asked_at, w.acknowledged_at))

    def wait_for_progress(self, of_each=20):
        """Every writer gets that many more acknowledgements."""
        goal = [len(w.acknowledged_at) + of_each for w in self.writers]

        def there():
            self.check_writers()
            return all(len(w.acknowledged_at) >= g for w, g in zip(self.writers, goal))
        harness.wait_until(there, "every writer is acknowledged again")

    def check_writers(self):
        problems = [p for w in self.writers for p in w.problems]
        if problems:
            raise AssertionError("\n".join(problems))

    def longest_pause_s(self):
        times = sorted([self.started] + [t for w in self.writers for t in w.acknowledged_at])
        return max(b - a for a, b in zip(times, times[1:]))

    def check(self, tree):
        """`tree`: what one node has, as `tree_through` gives it."""
        for w in self.writers:
            for path, zxid in w.created.items():
                if path not in tree:
                    raise AssertionError("acknowledged and lost: %s, zxid 0x%x" % (path, zxid))
                data, stat = tree[path]
                if data != path.encode() or stat.czxid != zxid or stat.version != 0:
                    raise AssertionError("%s is not what was acknowledged: %r %r" % (path, data, stat))
        unknown = set().union(*(w.created_unknown for w in self.writers))
        written = set().union(*(w.created for w in self.writers)) | set(self.counters) | {self.home}
        below = {p for p in tree if p.startswith(self.home + "/")}
        strange = below - written - unknown
        if strange:
            raise AssertionError("nobody created " + ", ".join(sorted(strange)[:5]))
        for counter in self.counters:
            writers = [w for w in self.writers if w.counter == counter]
            versions = [v for w in writers for v in w.set_versions]
            final = tree[counter][1].version
            doubtful = sum(w.sets_unknown for w in writers)
            if len(set(versions)) != len(versions):
                raise AssertionError("%s: two sets were acknowledged with one version" % counter)
            if versions and final < max(versions) or not len(versions) <= final <= len(versions) + doubtful:
                raise AssertionError("%s: version %d after %d acknowledged sets up to %d and %d unknown ones" %
                                     (counter, final, len(versions), max(versions, default=0), doubtful))
            if int(tree[counter][0]) != final:
                raise AssertionError("%s: %r at version %d" % (counter, tree[counter][0], final))

    def report(self, what):
        print("\n%s: %d writes acknowledged, %d unknown, longest pause in acknowledged writes %.2f s" %
              (what, self.acknowledged(), sum(len(w.created_unknown) + w.sets_unknown for w in self.writers),
               self.longest_pause_s()), flush=True)


def check_trees_are_equal(test):
    """Data and stats of every znode, read through every node; back with the tree."""
    trees = {n: harness.tree_through(test.client(n)) for n in test.ensemble.nodes}
    nodes = list(trees)
    for n in nodes[1:]:
        if trees[n] != trees[nodes[0]]:
            a, b = trees[nodes[0]], trees[n]
            differs = sorted(p for p in a.keys() | b.keys() if a.get(p) != b.get(p))
            raise AssertionError("nodes %d and %d differ in %d znodes, first %s: %r and %r" %
                                 (nodes[0], n, len(differs), differs[0], a.get(differs[0]), b.get(differs[0])))
    return trees[nodes[0]]
