"""One ensemble of real nodes behind the proxy, with the shim in front of its disks, and the client that records."""

import itertools
import json
import os
import random as random_module
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "ensemble"))
import damage  # noqa: E402
import harness  # noqa: E402
from damage import Breach  # noqa: E402
from disk import SYNC_STALL, Control  # noqa: E402
from log_pipe import LogPipe  # noqa: E402
from network import Network, peers_route  # noqa: E402

# What a healed ensemble may need to serve again, in seconds, on a machine that is busy with other things.
PATIENCE_S = 120


def consecutive_ports(count):
    for _ in range(500):
        base = random_module.SystemRandom().randrange(11000, 31000, 10)
        sockets = []
        try:
            for i in range(count):
                s = socket.socket()
                sockets.append(s)
                s.bind(("127.0.0.1", base + i))
            return iter(range(base, base + count))
        except OSError:
            continue
        finally:
            for s in sockets:
                s.close()
    raise AssertionError("no free ports")


class Rig:
    def __init__(self, programs, directory, seed, size, settings, keeper=0, observers=0):
        """`programs`: name -> path. `size`: voters. `settings`: keys of group troupe for all nodes. If the nodes trim
        their logs, `keeper` is one that does not and that no fault reaches, so that somebody has the whole log at the
        end."""
        self.programs, self.directory, self.seed = programs, directory, seed
        self.voters = list(range(1, size + 1))
        self.observers = list(range(size + 1, size + observers + 1))
        self.nodes = self.voters + self.observers
        self.victims = [n for n in self.nodes if n != keeper]
        self.counts, self.idle = {}, {}  # faults that really fired, and those that were set and met nothing, by kind
        self.processes, self.paused = {}, set()
        self.looked_at = set()  # nodes whose end somebody else judges (damage.spoil)
        self._accounted = set()  # processes whose end is explained
        self._ends = []
        self.fired_before = {}
        self.spoiled, self.refused_late = set(), set()  # nodes that run on files that were damaged
        self.client = self.network = None
        self._started = time.monotonic()
        self._events = open(os.path.join(directory, "events"), "w", buffering=1)
        self._guard = harness.start_guard(directory)
        self.disks = {n: Control(os.path.join(directory, "disk-%d" % n)) for n in self.nodes}
        self.logs = {n: LogPipe(self.path(n, "log")) for n in self.nodes}
        self._open_network()
        keeps_all = {"log-retain": 100_000_000, "log-retain-bytes": '"1TiB"', "min-free-space": '"0B"'}
        for n in self.nodes:
            self._configure(n, dict(settings, **(keeps_all if n == keeper else {})))

    # ---- notes

    def say(self, text, *values):
        self._events.write("%8.3f %s\n" % (time.monotonic() - self._started, text % values))

    def count(self, kind, times=1):
        into = self.counts if times else self.idle
        into[kind] = into.get(kind, 0) + int(times or 1)

    def ends(self, action):
        """`action`, the end of a fault and what is to be said of it, as a function that does it once: when it is called, or
        else while everything is healed."""
        def once():
            if once in self._ends:
                self._ends.remove(once)
                action()
        self._ends.append(once)
        return once

    # ---- set-up

    def _open_network(self):
        pairs = list(itertools.combinations(self.nodes, 2))
        for _ in range(20):
            ports = consecutive_ports(3 * len(self.nodes) + len(pairs))
            self.ports = {
                "client": {n: next(ports) for n in self.nodes},
                "peer": {n: next(ports) for n in self.nodes},
                "clients_proxy": {n: next(ports) for n in self.nodes},
                "peers_proxy": {peers_route(a, b): next(ports) for a, b in pairs},
            }
            try:
                self.network = Network(self.programs["proxy"], self.seed, self.nodes, self.ports, self.say)
                return
            except OSError:
                continue  # somebody took a port meanwhile
        raise AssertionError("no ports for the proxy")

    def path(self, node, *names):
        return os.path.join(self.directory, "node-%d" % node, *names)

    def data(self, node):
        return self.path(node, "files")  # the guard would remove one named data

    def _configure(self, node, settings):
        members = []
        for n in self.nodes:
            port = self.ports["peer"][n] if n >= node else self.ports["peers_proxy"][peers_route(n, node)]
            role = ', role = "observer"' if n in self.observers else ""
            members.append('  {id = %d, address = "127.0.0.1:%d"%s}' % (n, port, role))
        lines = {"id": node, "ensemble": '"chaos"', "data-dir": '"files"', "client-port": self.ports["client"][node],
                 "members": "[\n%s\n]" % ",\n".join(members), **settings}
        os.makedirs(self.path(node))
        with open(self.path(node, "node.conf"), "w") as f:
            f.write("[troupe]\n" + "".join("%s = %s\n" % one for one in lines.items()))

    # ---- processes

    def start(self, node):
        self.account(node)
        self.looked_at.discard(node)
        self.fired_before[node] = self.disks[node].fired
        log = self.logs[node].open(b"---- start at %.3f\n" % (time.monotonic() - self._started))
        environment = dict(os.environ, LD_PRELOAD=self.programs["shim"], CHAOS_DISK_CONTROL=self.disks[node].path,
                           CHAOS_DISK_TAPE=self.disks[node].tape,
                           CHAOS_DISK_DIRECTORY=os.path.realpath(self.data(node)))
        self.processes[node] = subprocess.Popen(
            [self.programs["troupe"], "node", "--config-file=" + self.path(node, "node.conf")],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        os.close(log)
        self.say("start node %d", node)

    def runs(self, node):
        return node in self.processes and self.processes[node].poll() is None

    def running(self):
        return [n for n in self.nodes if self.runs(n)]

    def kill(self, node):
        """kill -9; back when the process is gone. Whether it ran."""
        return self._end(node, signal.SIGKILL, 30)

    def stop(self, node):
        """SIGTERM, as an operator stops it."""
        return self._end(node, signal.SIGTERM, 60)

    def _end(self, node, number, deadline_s):
        self.resume(node)
        self.account(node)
        if not self.runs(node):
            return False
        self.say("signal %d to node %d", number, node)
        process = self.processes[node]
        process.send_signal(number)
        try:
            process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Breach("node %d did not end within %d s of signal %d" % (node, deadline_s, number))
        if process.returncode == (0 if number == signal.SIGTERM else -number):
            self._accounted.add(process)
        self.account(node)  # it may have ended by itself just before
        return True

    def pause(self, node):
        if self.runs(node):
            self.processes[node].send_signal(signal.SIGSTOP)
            self.paused.add(node)
            self.say("pause node %d", node)

    def resume(self, node):
        if node in self.paused:
            self.paused.discard(node)
            if self.runs(node):
                self.processes[node].send_signal(signal.SIGCONT)
            self.say("resume node %d", node)

    def watch(self):
        for n in self.nodes:
            self.account(n)

    def account(self, node):
        """If its process has ended: why? A breach unless we ended it, its disk failed under this very process, or its files
        were damaged; and in both latter cases it must have said so."""
        process = self.processes.get(node)
        if not process or process.poll() is None or process in self._accounted or node in self.looked_at:
            return
        self._accounted.add(process)
        if self.must_end(node) and not (process.returncode < 0 and node in self.spoiled):
            damage.check_last_words(self, node)
        elif node in self.spoiled and damage.refuses(self, node):
            self.say("node %d refuses late: %s", node, self.last_words(node))
            self.count("damage found late")
            self.refused_late.add(node)
        else:
            raise Breach("node %d ended by itself, code %d: %s" % (node, process.returncode, self.last_words(node)))

    def last_words(self, node, lines=3, between=" | "):
        if not self.runs(node):
            self.logs[node].wait()
        try:
            with open(self.path(node, "log"), errors="replace") as f:
                text = f.read().rpartition("---- start at ")[2]
        except OSError:
            return ""
        return between.join(text.strip().splitlines()[-lines:])

    def count_in_logs(self, kind, text):
        """What the nodes themselves say that happened."""
        times = 0
        for n in self.nodes:
            self.logs[n].wait()
            with open(self.path(n, "log"), errors="replace") as f:
                times += sum(text in line for line in f)
        if times:
            self.count(kind, times)

    # ---- conditions

    def mode(self, node):
        if node in self.paused or not self.runs(node):
            return ""
        return harness.mode_of(("127.0.0.1", self.ports["client"][node]))

    def leader(self):
        for n in self.nodes:
            if self.mode(n) == "leader":
                return n
        return 0

    def wait_for(self, condition, what, deadline_s=PATIENCE_S):
        end = time.monotonic() + deadline_s
        while not condition():
            self.watch()
            if time.monotonic() > end:
                raise Breach("not within %d s: %s" % (deadline_s, what))
            time.sleep(0.05)

    def wait_for_all(self, nodes=None):
        nodes = nodes or self.nodes
        self.wait_for(lambda: all(self.mode(n) for n in nodes) and self.leader(), "nodes %s serve" % nodes)

    # ---- the workload

    def start_client(self, clients, rate, timeouts, tick_ms):
        servers = ",".join("%d:%d" % (n, self.ports["clients_proxy"][n]) for n in self.nodes)
        self.client = subprocess.Popen(
            [self.programs["client"], "--history=" + self.path_of_history(), "--servers=" + servers,
             "--seed=%d" % self.seed, "--clients=%d" % clients, "--rate=%d" % rate, "--timeouts=%d:%d" % timeouts,
             "--tick=%d" % tick_ms],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True)
        if self.client.stdout.readline().strip() != "ready":
            raise AssertionError("the client did not start")

    def path_of_history(self):
        return os.path.join(self.directory, "history.jsonl")

    def finish_client(self):
        """Ends the workload, reads everything from all nodes; its summary."""
        self.say("finish")
        said, _ = self.client.communicate("finish\n", timeout=400)
        code = self.client.returncode
        self.client = None
        if not said.strip():
            raise AssertionError("the client ended with code %d" % code)
        return json.loads(said)

    def check_shims(self):
        """Without its shim no fault would ever strike."""
        for n in self.nodes:
            if not self.disks[n].syncs or not self.disks[n].writes:
                raise Breach("node %d served, but the shim of its disk saw %d flushes and %d writes: is LD_PRELOAD in "
                             "force, and %s its directory?" % (n, self.disks[n].syncs, self.disks[n].writes, self.data(n)))

    def must_end(self, node):
        """A write or flush of this very process failed."""
        disk = self.disks[node]
        return disk.fired > max(self.fired_before[node], disk.fired_at_arm) and disk.kind != SYNC_STALL

    # ---- faults end

    def heal(self):
        """Every fault ends, every node runs."""
        self.say("heal")
        for n in self.nodes:
            self.disks[n].disarm()
            self.disks[n].stop_tape()
            self.disks[n].shift_clock(0)
            self.logs[n].unblock()
            self.resume(n)
        while self._ends:
            self._ends[0]()
        self.network.calm_all()
        for n in self.running():
            if self.must_end(n):
                self.wait_for(lambda n=n: not self.runs(n), "node %d ends after its disk failed" % n)
        self.watch()
        late = [n for n in self.refused_late if not self.runs(n)]
        self.refused_late.clear()
        for n in self.nodes:
            if not self.runs(n) and n not in late:
                self.start(n)
        for n in late:  # wiped, it may vote only when the others are at work
            self.wait_for_all([m for m in self.nodes if self.runs(m)])
            self.wipe(n)
            self.start(n)

    def wipe(self, node):
        self.say("wipe node %d", node)
        shutil.rmtree(self.data(node))

    def close(self):
        if self.client:
            self.client.stdin.close()
            self.client.kill()
            self.client.wait()
            self.client.stdout.close()
        for p in self.processes.values():
            if p.poll() is None:
                p.kill()
            p.wait()
        for log in self.logs.values():
            log.unblock()
            log.wait()
        if self.network:
            self.network.close()
        for d in self.disks.values():
            d.close()
        self._events.close()
        os.close(self._guard)
