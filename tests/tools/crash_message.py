"""What a node says that dies of a signal: LMDB, which trusts its files, may do that on damaged ones."""
import os
import signal
import subprocess
import time
import unittest

from support import TROUPE, TestCase, free_base_port


class CrashMessage(TestCase):
    def dies_of(self, number):
        port = free_base_port(1)
        conf = self.write('[troupe]\ndata-dir = "data"\nballast = false\nclient-port = %d\n' % port)
        log = self.dir / "log"
        with open(log, "wb") as f:
            node = subprocess.Popen([TROUPE, "node", "--config-file=%s" % conf], stdin=subprocess.DEVNULL, stderr=f)
        self.addCleanup(node.wait)
        self.addCleanup(node.kill)
        end = time.monotonic() + 60
        while "leads" not in log.read_text() and "checkpoint at" not in log.read_text():
            self.assertIsNone(node.poll(), log.read_text())
            self.assertLess(time.monotonic(), end, log.read_text())
            time.sleep(0.02)
        node.send_signal(number)
        self.assertEqual(node.wait(60), -number)
        last = log.read_text().splitlines()[-1]
        self.assertIn(signal.Signals(number).name, last)
        self.assertIn(str(self.dir / "data"), last)
        self.assertIn("move the data directory away", last)

    def test_a_node_that_dies_of_a_memory_fault_says_that_its_files_may_be_damaged(self):
        self.dies_of(signal.SIGSEGV)
        os.remove(self.dir / "log")
        self.dies_of(signal.SIGBUS)

    def test_so_does_one_that_fails_an_assertion(self):
        self.dies_of(signal.SIGABRT)


if __name__ == "__main__":
    unittest.main()
