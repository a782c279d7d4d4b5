"""What the tests of the command line share. The executable comes by the environment: TROUPE."""
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import unittest

TROUPE = os.environ["TROUPE"]
SOURCE = pathlib.Path(os.environ["TROUPE_SOURCE"])


def run(*arguments, timeout=120, cwd=None):
    """(exit code, stdout, stderr) of `troupe ARGUMENTS`."""
    done = subprocess.run([TROUPE, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, text=True, timeout=timeout, cwd=cwd)
    return done.returncode, done.stdout, done.stderr


def is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def free_base_port(nodes):
    """A base port with free ports for `nodes` clients, peers and actor clients, below the range that the kernel gives to clients."""
    start = 20000 + os.getpid() * 10 % 10000
    for base in list(range(start, 32000, 10)) + list(range(20000, start, 10)):
        if all(is_free(base + distance + i) for distance in (0, 500, 1000) for i in range(nodes)):
            return base
    raise RuntimeError("no free ports")


class TestCase(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="troupe-test-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def write(self, text, name="node.conf"):
        path = self.dir / name
        path.write_text(text)
        return path

    def assert_refused(self, result, *parts):
        """Exit code 2, nothing on stdout, each of `parts` in one line of stderr."""
        code, out, err = result
        self.assertEqual((code, out), (2, ""), err)
        for part in parts:
            self.assertIn(part, err)
