"""A node whose standard error is a full pipe that nobody reads: it serves and ends as if somebody did."""
import os
import signal
import socket
import subprocess
import time
import unittest

from support import TROUPE, TestCase, free_base_port


def full_pipe():
    """(reader, writer) of a pipe that takes nothing more."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"\n")
    except BlockingIOError:
        os.set_blocking(writer, True)
        return reader, writer


class BlockedStderr(TestCase):
    def setUp(self):
        super().setUp()
        self.port = free_base_port(1)
        self.conf = self.write('[troupe]\ndata-dir = "data"\nballast = false\nclient-port = %d\n' % self.port)

    def node(self):
        reader, writer = full_pipe()
        self.addCleanup(os.close, reader)  # as long as the pipe has a reader it is full and not broken
        node = subprocess.Popen([TROUPE, "node", "--config-file=%s" % self.conf], stdin=subprocess.DEVNULL, stderr=writer)
        os.close(writer)
        self.addCleanup(node.wait)
        self.addCleanup(node.kill)
        return node

    def serves(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=10) as s:
                s.sendall(b"ruok")
                return s.recv(16) == b"imok"
        except OSError:
            return False

    def serving_node(self):
        node, end = self.node(), time.monotonic() + 60
        while not self.serves():
            self.assertIsNone(node.poll())
            self.assertLess(time.monotonic(), end, "it does not serve")
            time.sleep(0.02)
        return node

    def test_it_serves_and_ends_when_it_is_told_to(self):
        node = self.serving_node()
        node.send_signal(signal.SIGTERM)
        self.assertEqual(node.wait(60), 0)

    def test_it_ends_when_its_data_directory_cannot_be_used(self):
        self.serving_node()
        self.write('[troupe]\ndata-dir = "data"\nballast = false\nclient-port = %d\n' % free_base_port(1))
        self.assertEqual(self.node().wait(60), 2)

    def test_it_ends_by_a_memory_fault_and_by_a_failed_assertion(self):
        for number in (signal.SIGSEGV, signal.SIGABRT):
            node = self.serving_node()
            node.send_signal(number)
            self.assertEqual(node.wait(60), -number)


if __name__ == "__main__":
    unittest.main()
