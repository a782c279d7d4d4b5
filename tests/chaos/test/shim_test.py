"""What the shim does to a process, and what is made of its tape: shim_test.py SHIM. After a power failure what a flush
covers stays, what none covers may have any of its ages, sector by sector, and nothing else changes."""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from disk import Control  # noqa: E402
from power_loss import lose, read_tape  # noqa: E402

SHIM = os.path.abspath(sys.argv.pop(1))


class Shim(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="power-loss-")
        self.addCleanup(shutil.rmtree, self.top)
        self.data = os.path.join(self.top, "data")
        os.mkdir(self.data)
        self.control = Control(os.path.join(self.top, "control"))
        self.addCleanup(self.control.close)
        self.control.start_tape()
        self.file = os.path.join(self.data, "f")

    def content(self):
        with open(self.file, "rb") as f:
            return f.read()

    def run_python(self, program):
        environment = dict(os.environ, LD_PRELOAD=SHIM, CHAOS_DISK_CONTROL=self.control.path,
                           CHAOS_DISK_TAPE=self.control.tape, CHAOS_DISK_DIRECTORY=self.data)
        return subprocess.run([sys.executable, "-c", program, self.file], env=environment, check=True,
                              stdout=subprocess.PIPE).stdout

    def test_the_wall_clock_is_shifted_and_the_other_is_not(self):
        self.control.shift_clock(-3_600_500)
        wall, steady = map(float, self.run_python("import time\nprint(time.time(), time.monotonic())").split())
        self.assertLess(wall, time.time() - 3600)
        self.assertGreater(wall, time.time() - 5000)
        self.assertLess(abs(steady - time.monotonic()), 1000)

    def ages(self, program, before=b"0" * 8192):
        """The contents that power failures leave, after a node that ran `program` on the file (descriptor f, path p)."""
        with open(self.file, "wb") as f:
            f.write(before)
        self.run_python("import os, sys\np = sys.argv[1]\nf = os.open(p, os.O_RDWR)\n" + program)
        after = self.content()
        found = set()
        for seed in range(300):
            with open(self.file, "wb") as f:
                f.write(after)
            tape = read_tape(self.control.tape)
            self.assertIn(self.file, tape)
            lose(self.file, tape[self.file], random.Random(seed))
            found.add(self.content())
        return found

    def test_what_was_flushed_stays(self):
        self.assertEqual(self.ages("os.pwrite(f, b'1' * 8192, 0)\nos.fdatasync(f)"), {b"1" * 8192})

    def test_what_was_not_may_be_lost_or_torn_between_sectors(self):
        found = self.ages("os.pwrite(f, b'1' * 4096, 0)\nos.fsync(f)\nos.pwrite(f, b'2' * 4096, 0)")
        self.assertIn(b"1" * 4096 + b"0" * 4096, found)
        self.assertIn(b"2" * 4096 + b"0" * 4096, found)
        self.assertGreater(len(found), 10)
        for one in found:
            self.assertEqual(one[4096:], b"0" * 4096)
            for at in range(0, 4096, 512):
                self.assertIn(one[at:at + 512], (b"1" * 512, b"2" * 512))

    def test_a_flush_of_another_descriptor_of_the_file_counts_and_one_of_another_file_does_not(self):
        self.assertEqual(self.ages("os.pwrite(f, b'1' * 8192, 0)\nos.fsync(os.open(p, os.O_RDONLY))"), {b"1" * 8192})
        other = "os.pwrite(f, b'1' * 8192, 0)\nos.fsync(os.open(os.path.dirname(p), os.O_RDONLY))"
        self.control.stop_tape()
        self.control.start_tape()
        self.assertIn(b"0" * 8192, self.ages(other))

    def test_a_write_that_is_durable_at_once_stays_and_takes_its_page_along(self):
        found = self.ages("os.pwrite(f, b'1' * 8192, 0)\nos.pwrite(os.open(p, os.O_WRONLY | os.O_DSYNC), b'2' * 100, 32)")
        page = b"1" * 32 + b"2" * 100 + b"1" * (4096 - 132)
        self.assertTrue(all(one[:4096] == page for one in found))
        self.assertIn(page + b"0" * 4096, found)

    def test_bytes_within_a_sector_have_one_age(self):
        found = self.ages("os.pwrite(f, b'1' * 100, 0)\nos.pwrite(f, b'2' * 100, 50)", b"0" * 512)
        zero, one = b"0" * 512, b"1" * 100 + b"0" * 412
        self.assertEqual(found, {zero, one, b"1" * 50 + b"2" * 100 + b"0" * 362})

    def test_a_file_that_grew_may_be_short_again_or_hold_zeros(self):
        found = self.ages("os.pwrite(f, b'1' * 4096, 4096)", b"0" * 4096)
        self.assertIn(b"0" * 4096, found)
        self.assertIn(b"0" * 4096 + bytes(4096), found)
        self.assertIn(b"0" * 4096 + b"1" * 4096, found)


if __name__ == "__main__":
    unittest.main()
