"""What the shim does to a process, and what is made of its tape: shim_test.py SHIM. Each fault strikes the call that it is
armed for and no other. After a power failure what a flush covers stays, what none covers may have any of its ages, sector
by sector, and nothing else changes."""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import disk  # noqa: E402
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
        self.assertGreater(self.control.shifted, 0)

    def test_readings_of_a_clock_that_is_right_are_not_counted(self):
        self.run_python("import time\nprint(time.time())")
        self.assertEqual(self.control.shifted, 0)

    # Opens the file; `attempt` says of a call "ok" and what it gave, or the name of its error.
    CALLS = '''
import errno, os, sys, time
f = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
def attempt(call, *arguments):
    try:
        print("ok", call(*arguments))
    except OSError as e:
        print(errno.errorcode[e.errno])
'''

    def calls(self, program):
        return self.run_python(self.CALLS + program).decode().split("\n")[:-1]

    def test_the_nth_flush_fails_and_no_other(self):
        self.control.arm(disk.SYNC_ERROR, 2)
        self.assertEqual(self.calls("for call in (os.fsync, os.fdatasync) * 2:\n attempt(call, f)"),
                         ["ok None", "ok None", "EIO", "ok None"])
        self.assertEqual((self.control.fired, self.control.syncs, self.control.armed), (1, 4, disk.NONE))

    def test_the_nth_write_fails_and_writes_nothing_whatever_call_makes_it(self):
        ways = {"pwrite": "os.pwrite, f, b'x' * 8, i * 8", "write": "os.write, f, b'x' * 8",
                "writev": "os.writev, f, [b'x' * 4] * 2", "pwritev": "os.pwritev, f, [b'x' * 4] * 2, i * 8"}
        for fired, (name, call) in enumerate(ways.items(), 1):
            with self.subTest(name):
                self.control.arm(disk.WRITE_ERROR, 1)
                open(self.file, "w").close()
                self.assertEqual(self.calls("for i in range(3):\n attempt(%s)" % call), ["ok 8", "EIO", "ok 8"])
                self.assertEqual(self.content().replace(b"\0", b""), b"x" * 16)
                self.assertEqual((self.control.fired, self.control.writes), (fired, 3 * fired))

    def test_a_full_disk_takes_no_write_from_the_nth_on_until_there_is_space(self):
        self.control.arm(disk.NO_SPACE, 1)
        three = "for i in range(3):\n attempt(os.write, f, b'x')"
        self.assertEqual(self.calls(three), ["ok 1", "ENOSPC", "ENOSPC"])
        self.assertEqual(self.content(), b"x")
        self.control.disarm()
        self.assertEqual(self.calls(three), ["ok 1"] * 3)
        self.assertEqual(self.control.fired, 2)

    def test_a_torn_write_leaves_its_first_half(self):
        ways = {"pwrite": "os.pwrite, f, b'12345678', 0", "write": "os.write, f, b'12345678'",
                "writev": "os.writev, f, [b'1234', b'5678']", "pwritev": "os.pwritev, f, [b'1234', b'5678'], 0"}
        for name, call in ways.items():
            with self.subTest(name):
                self.control.arm(disk.SHORT_WRITE, 0)
                open(self.file, "w").close()
                self.assertEqual(self.calls("attempt(%s)" % call), ["EIO"])
                self.assertEqual(self.content(), b"1234")

    def test_a_stalled_flush_comes_late_and_succeeds_and_the_next_is_not_stalled(self):
        self.control.arm(disk.SYNC_STALL, 1, stall_ms=1500)
        said = self.calls("for i in range(3):\n before = time.monotonic()\n attempt(os.fsync, f)\n"
                          " print(time.monotonic() - before >= 1.5)")
        self.assertEqual((said[::2], said[3]), (["ok None"] * 3, "True"))
        self.assertEqual((self.control.fired, self.control.armed), (1, disk.NONE))

    def test_files_outside_of_the_directory_are_neither_disturbed_nor_counted(self):
        for kind in (disk.SYNC_ERROR, disk.WRITE_ERROR, disk.SHORT_WRITE, disk.NO_SPACE):
            self.control.arm(kind, 0)
            said = self.calls("g = os.open(os.path.dirname(os.path.dirname(sys.argv[1])) + '/g', os.O_RDWR | os.O_CREAT)\n"
                              "attempt(os.write, g, b'x')\nattempt(os.fsync, g)")
            self.assertEqual(said, ["ok 1", "ok None"])
        self.assertEqual((self.control.fired, self.control.syncs, self.control.writes), (0, 0, 0))

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
