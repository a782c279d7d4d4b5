"""Ensembles of real processes for the tests of this folder: start, kill by id, restart, wait for conditions.

The executable comes in TROUPE. ENSEMBLE_SETTINGS, of words KEY=VALUE, is put into every node's configuration, before what
the test itself sets. With TROUPE_CONNECT set to a connect string, tests that only speak the client
protocol run against the servers named there instead (any server of ZooKeeper's protocol), and tests that must start
and kill nodes are skipped.

Nothing outlives a test: each ensemble has a directory with a name of its own, and at the end, however it comes, a guard
process ends every process whose command line names a file in that directory.
"""

import glob
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

EXECUTABLE = os.environ.get("TROUPE", "")
EXTERNAL = os.environ.get("TROUPE_CONNECT", "")

# What a running ensemble may need to answer, in seconds, on a machine that is busy with other things.
PATIENCE_S = 40


def wait_until(condition, what, deadline_s=PATIENCE_S, pause_s=0.02):
    """Polls until `condition()` is true and returns its value; fails with `what` at the deadline."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("not within %g s: %s" % (deadline_s, what))
        time.sleep(pause_s)


def needs_processes(test):
    """For tests that start and kill nodes."""
    return unittest.skipIf(EXTERNAL, "needs nodes of its own")(test)


def free_ports(count):
    """A port such that `count` ports from there on, and those a node derives from them, are free on loopback."""
    for _ in range(200):
        base = random.randrange(12000, 31000, 20)
        sockets = []
        try:
            for offset in (0, 500, 1000):  # clients, peers, actor clients
                for i in range(count):
                    s = socket.socket()
                    sockets.append(s)
                    s.bind(("127.0.0.1", base + offset + i))
            return base
        except OSError:
            continue
        finally:
            for s in sockets:
                s.close()
    raise AssertionError("no free ports")


def parse(connect):
    return [(h, int(p)) for h, p in (a.rsplit(":", 1) for a in connect.split(","))]


def processes_of(directory):
    """Ids of the processes whose command line names something in `directory`, without ourselves and guards."""
    wanted, found = os.fsencode(directory) + b"/", []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            with open("/proc/%s/cmdline" % entry, "rb") as f:
                line = f.read()
        except OSError:
            continue
        if wanted in line and b"--guard" not in line:
            found.append(int(entry))
    return found


def alive(pid):
    """A zombie is not: it waits for its parent only."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def end_processes_of(directory):
    end = time.monotonic() + 20
    while True:
        left = [p for p in processes_of(directory) if alive(p)]
        if not left or time.monotonic() > end:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.02)


def start_guard(directory):
    """A process that waits for our end (its standard input closes) and then ends what we left running."""
    reader, writer = os.pipe()
    subprocess.run(["setsid", "--fork", sys.executable, os.path.abspath(__file__), "--guard", directory],
                   stdin=reader, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    os.close(reader)
    return writer


def four_letter_word(address, word, timeout_s=5):
    """The answer as text; '' if the server does not answer."""
    try:
        with socket.create_connection(address, timeout=timeout_s) as s:
            s.sendall(word.encode())
            answer = b""
            while True:
                piece = s.recv(65536)
                if not piece:
                    return answer.decode()
                answer += piece
    except OSError:
        return ""


def mode_of(address):
    """leader, follower, standalone, ...; '' while the node does not serve."""
    found = re.search(r"^Mode: (\S+)", four_letter_word(address, "srvr", 2), re.M)
    return found.group(1) if found else ""


class External:
    """Servers that somebody else runs."""

    def __init__(self, connect):
        self.connect = connect
        self.addresses = parse(connect)

    def address(self, node):
        return self.addresses[node - 1]

    def host(self, node):
        return "%s:%d" % self.address(node)

    @property
    def nodes(self):
        return range(1, len(self.addresses) + 1)

    def close(self, failed=False):
        pass


class Ensemble(External):
    """`settings`: keys of group `troupe` for every node.conf, values as they stand in the file."""

    def __init__(self, size=3, settings=None):
        if not EXECUTABLE:
            raise AssertionError("TROUPE does not name the executable")
        self.size = size
        self.directory = tempfile.mkdtemp(prefix="ensemble-")
        self._guard = start_guard(self.directory)
        try:
            super().__init__(self._up(settings))
        except BaseException:
            self.close(failed=True)
            raise

    def _up(self, settings):
        self.base_port = free_ports(self.size)
        everywhere = dict(word.split("=", 1) for word in os.environ.get("ENSEMBLE_SETTINGS", "").split())
        return self.up(*("--set=%s=%s" % s for s in {**everywhere, **(settings or {})}.items()))

    # ---- the tool

    def tool(self, *arguments, check=True):
        done = subprocess.run([EXECUTABLE, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, universal_newlines=True, timeout=90)
        if check and done.returncode != 0:
            raise AssertionError("troupe %s: exit code %d\n%s" % (" ".join(arguments), done.returncode, done.stdout))
        return done.stdout

    def up(self, *more):
        said = self.tool("up", "--nodes=%d" % self.size, "--dir=" + self.directory, "--base-port=%d" % self.base_port,
                         *more)
        return said.strip().splitlines()[-1]

    def down(self):
        said = self.tool("down", "--dir=" + self.directory)
        wait_until(lambda: not [p for p in processes_of(self.directory) if alive(p)], "every node is down")
        return said

    # ---- files

    def path(self, node, name):
        return os.path.join(self.directory, "node-%d" % node, name)

    def configure(self, node, settings):
        """Takes effect at the next start of the node."""
        name = self.path(node, "node.conf")
        with open(name) as f:
            text = f.read()
        for key, value in settings.items():
            line = "%s = %s" % (key, value)
            text, found = re.subn(r"(?m)^[ \t]*%s[ \t]*=.*$" % re.escape(key), line, text)
            if not found:
                text, found = re.subn(r"(?m)^\[troupe\][ \t]*$", "[troupe]\n" + line, text, count=1)
            if not found:
                raise AssertionError("no group [troupe] in " + name)
        with open(name, "w") as f:
            f.write(text)

    # ---- processes

    def pid(self, node):
        """Of the process that runs the node; 0 if none does."""
        config = self.path(node, "node.conf")
        for pid in processes_of(os.path.dirname(config)):
            if alive(pid):
                return pid
        return 0

    def runs(self, node):
        return self.pid(node) != 0

    def signal(self, node, number):
        os.kill(self.pid(node), number)

    def pause(self, node):
        self.signal(node, signal.SIGSTOP)

    def resume(self, node):
        self.signal(node, signal.SIGCONT)

    def kill(self, node):
        """kill -9, and back when the process is gone."""
        self.signal(node, signal.SIGKILL)
        wait_until(lambda: not self.runs(node), "node %d is dead" % node)

    def restart(self, node):
        """Starts a node that does not run; does not wait."""
        with open(self.path(node, "log"), "ab") as log:
            child = subprocess.Popen([EXECUTABLE, "node", "--config-file=" + self.path(node, "node.conf")],
                                     stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        # Somebody must wait for it at once, or its zombie would look alive to others.
        threading.Thread(target=child.wait, daemon=True).start()

    # ---- conditions

    def mode(self, node):
        return mode_of(self.address(node))

    def leader(self):
        for node in self.nodes:
            if self.mode(node) == "leader":
                return node
        return 0

    def wait_for_leader(self):
        return wait_until(self.leader, "a leader")

    def wait_for_all(self):
        """Every node serves; back with the leader's id."""
        wait_until(lambda: all(self.mode(n) for n in self.nodes), "every node serves")
        return self.wait_for_leader()

    def followers(self):
        leader = self.wait_for_all()
        return [n for n in self.nodes if n != leader]

    # ---- the end

    def close(self, failed=False):
        end_processes_of(self.directory)
        if failed:
            self._show_logs()
        os.close(self._guard)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _show_logs(self):
        for node in range(1, self.size + 1):
            try:
                with open(self.path(node, "log"), errors="replace") as f:
                    lines = f.read().splitlines()
            except OSError:
                continue
            print("---- log of node %d, last of %d lines" % (node, len(lines)))
            print("\n".join(lines[-40:]), flush=True)


class EnsembleTest(unittest.TestCase):
    """Tests that share one ensemble. `size` and `settings` may be set by the class."""

    size = 3
    settings = None
    processes = False  # the tests start and kill nodes
    failed = False

    @classmethod
    def setUpClass(cls):
        if EXTERNAL and not cls.processes:
            cls.ensemble = External(EXTERNAL)
        elif EXTERNAL:
            raise unittest.SkipTest("needs nodes of its own")
        else:
            cls.ensemble = Ensemble(cls.size, cls.settings)

    @classmethod
    def tearDownClass(cls):
        cls.ensemble.close(cls.failed)

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            type(self).failed = True

    def client(self, node=None, timeout=10.0, **options):
        """A started kazoo client of one node, or of all; closed at the end of the test."""
        from kazoo.client import KazooClient
        hosts = self.ensemble.host(node) if node else self.ensemble.connect
        client = KazooClient(hosts=hosts, timeout=timeout, randomize_hosts=node is None, **options)
        self.addCleanup(close_client, client)
        client.start(timeout=PATIENCE_S)
        return client

    def place(self, client):
        """A znode of this test's own."""
        path = "/%s-%d-%d" % (self._testMethodName, os.getpid(), random.getrandbits(32))
        return client.create(path, b"")


def close_client(client):
    try:
        client.stop()
        client.close()
    except Exception:  # its node may be gone: there is nothing to close then
        pass


def tree_through(client, top="/"):
    """path -> (data, stat) of everything below `top`, as this client's node knows it."""
    from kazoo.exceptions import NoNodeError
    client.sync("/")
    tree, todo = {}, [top]
    while todo:
        batch, todo = todo[:200], todo[200:]
        asked = [(p, client.get_async(p), client.get_children_async(p)) for p in batch]
        for path, data, children in asked:
            try:
                tree[path] = data.get(timeout=PATIENCE_S)
                todo += [path.rstrip("/") + "/" + c for c in children.get(timeout=PATIENCE_S)]
            except NoNodeError:
                pass
    return tree


def main():
    unittest.main(module="__main__", verbosity=2)


if __name__ == "__main__" and sys.argv[1:2] == ["--guard"]:
    sys.stdin.buffer.read()
    end_processes_of(sys.argv[2])
    # The logs stay for whoever wants to know why the test died; a test that ends by itself removes everything.
    for data in glob.glob(os.path.join(sys.argv[2], "node-*", "data")):
        shutil.rmtree(data, ignore_errors=True)
