"""What the rig makes of ends of processes, of logs and of whole campaigns, without a server: rig_test.py."""

import importlib.machinery
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
import disk  # noqa: E402
import mixes  # noqa: E402
import nemesis  # noqa: E402
import verdict  # noqa: E402
from damage import Breach  # noqa: E402
from log_pipe import LogPipe  # noqa: E402
from rig import Rig  # noqa: E402


def runner():
    loader = importlib.machinery.SourceFileLoader("run", os.path.join(HERE, "..", "run"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("run", loader))
    loader.exec_module(module)
    return module


class OneNode(Rig):
    """A rig whose only node is a shell."""

    def __init__(self, directory):
        self.directory, self.nodes = directory, [1]
        self.counts, self.idle, self.processes, self.fired_before = {}, {}, {}, {}
        self.paused, self.looked_at, self._accounted, self._ends = set(), set(), set(), []
        self.spoiled, self.refused_late = set(), set()
        os.mkdir(self.path(1))
        self.disks, self.logs = {1: disk.Control(os.path.join(directory, "disk"))}, {1: LogPipe(self.path(1, "log"))}

    def say(self, text, *values):
        pass

    def start(self, node, script="exec sleep 600"):
        self.account(node)
        if node in self.processes:
            self.processes[node].stdin.close()
        self.fired_before[node] = self.disks[node].fired
        log = self.logs[node].open(b"---- start at 0\n")
        self.processes[node] = subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE, stdout=log, stderr=log)
        os.close(log)

    def ends_with(self, script, disk_fails=False):
        self.start(1, "read go; " + script)
        if disk_fails:  # as the shim says it
            self.disks[1].arm(disk.WRITE_ERROR, 0)
            self.disks[1]._put(3, self.disks[1].fired + 1)
        self.processes[1].communicate(b"\n")


class Ends(unittest.TestCase):
    def setUp(self):
        top = tempfile.mkdtemp(prefix="rig-test-")
        self.addCleanup(shutil.rmtree, top)
        self.rig = OneNode(top)
        self.addCleanup(self.rig.disks[1].close)
        self.addCleanup(self.end_processes)
        self.file = os.path.join(self.rig.data(1), "log", "data.mdb")

    def end_processes(self):
        for p in self.rig.processes.values():
            p.kill()
            p.communicate()

    def stopping(self, why):
        return "echo '2026-01-01T00:00:00.000+0000 critical stopping: %s'; exit 1" % why

    def test_what_we_kill_or_stop_is_explained_and_a_node_that_does_not_run_is_not_killed(self):
        self.rig.start(1)
        self.assertTrue(self.rig.kill(1))
        self.rig.watch()
        self.rig.start(1, "trap 'exit 0' TERM; touch %s; while :; do sleep 0.02; done" % self.rig.path(1, "ready"))
        self.rig.wait_for(lambda: os.path.exists(self.rig.path(1, "ready")), "the trap is set")
        self.assertTrue(self.rig.stop(1))
        self.rig.watch()
        self.assertFalse(self.rig.kill(1))

    def test_a_crash_while_a_fault_of_the_disk_waits_is_a_breach(self):
        self.rig.disks[1].arm(disk.WRITE_ERROR, 50)
        self.rig.ends_with("kill -SEGV $$")
        with self.assertRaisesRegex(Breach, "ended by itself, code -11"):
            self.rig.watch()

    def test_a_node_that_died_before_we_killed_or_started_it_is_asked_why(self):
        for act in (self.rig.kill, self.rig.stop, self.rig.start):
            self.rig.ends_with("exit 3")
            with self.assertRaisesRegex(Breach, "ended by itself, code 3"):
                act(1)

    def test_a_disk_that_failed_explains_an_end_in_order_that_names_the_file_and_the_failure(self):
        good = self.stopping(self.file + ": cannot write: Input/output error")
        for script in (good, "echo 'troupe: %s: cannot write: No space left on device'; exit 2" % self.file):
            self.rig.ends_with(script, disk_fails=True)
            self.rig.watch()

    def test_other_ends_after_a_failed_disk_are_breaches(self):
        for script in (self.stopping("Input/output error"), self.stopping(self.file + ": I do not like it"),
                       "echo 'the disk %s: Input/output error'; exit 1" % self.file,
                       self.stopping(self.file + ": Input/output error").replace("exit 1", "exit 0"),
                       self.stopping(self.file + ": Input/output error").replace("exit 1", "kill -ABRT $$")):
            self.rig.ends_with(script, disk_fails=True)
            with self.assertRaises(Breach, msg=script):
                self.rig.watch()

    def test_a_refusal_names_the_file_and_is_in_order(self):
        refusals = [(True, "echo 'troupe: %s: block 3 is damaged'; exit 2" % self.file),
                    (True, self.stopping(self.file + ": lost its last writes")),
                    (True, "echo 'troupe: SIGSEGV: a file of %s, move the data directory away'; kill -SEGV $$"
                     % self.rig.data(1)),
                    (False, "echo 'troupe: something is wrong'; exit 2"),
                    (False, "echo 'info node 1 looks into %s'; exit 2" % self.file),
                    (False, "echo 'troupe: %s: is damaged'; exit 66" % self.file),
                    (False, "echo 'troupe: SIGSEGV: move the data directory away'; kill -SEGV $$"),
                    (False, "echo 'troupe: ended by an exception: %s'; echo 'troupe: SIGABRT: a file of %s, move the data "
                            "directory away'; kill -ABRT $$" % (self.file, self.rig.data(1)))]
        self.rig.spoiled.add(1)
        for good, script in refusals:
            self.rig.ends_with(script)
            if good:
                self.rig.watch()
            else:
                with self.assertRaises(Breach, msg=script):
                    self.rig.watch()
        self.assertEqual(self.rig.counts, {"damage found late": 3})

    def test_a_node_whose_shim_has_seen_nothing_is_a_breach(self):
        self.rig.start(1)
        with self.assertRaisesRegex(Breach, "LD_PRELOAD"):
            self.rig.check_shims()

    def test_the_end_of_a_fault_is_told_once(self):
        told = []
        end = self.rig.ends(lambda: told.append(1))
        end(), end()
        self.rig.ends(lambda: told.append(2))
        while self.rig._ends:
            self.rig._ends[0]()
        self.assertEqual(told, [1, 2])


class Pipes(unittest.TestCase):
    def test_one_who_unblocks_what_was_not_blocked_does_not_end_the_reader(self):
        with tempfile.TemporaryDirectory() as top:
            pipe = LogPipe(os.path.join(top, "log"))
            writer = pipe.open(b"")
            with pipe._reading:  # as the reader holds it while it reads
                pipe.unblock()
                os.write(writer, b"heard")
            os.close(writer)
            pipe.wait()
            with open(pipe.path, "rb") as f:
                self.assertEqual(f.read(), b"heard")
            self.assertFalse(pipe.blocked_since_start)

    def test_what_a_blocked_pipe_holds_back_is_there_when_it_is_read_again(self):
        with tempfile.TemporaryDirectory() as top:
            pipe = LogPipe(os.path.join(top, "log"))
            writer = pipe.open(b"")
            self.assertTrue(pipe.block())
            self.assertFalse(pipe.block())
            self.assertTrue(pipe.blocked_since_start)
            os.set_blocking(writer, False)
            self.assertRaises(BlockingIOError, os.write, writer, b"full")
            pipe.unblock()
            os.set_blocking(writer, True)
            os.write(writer, b"heard")
            os.close(writer)
            pipe.wait()
            with open(pipe.path, "rb") as f:
                self.assertEqual(f.read().strip(), b"heard")


class Logs(unittest.TestCase):
    def test_a_log_that_ends_before_what_its_node_has_answered_with_is_a_breach(self):
        with tempfile.TemporaryDirectory() as top:
            dump = os.path.join(top, "dump")
            with open(dump, "w") as f:
                f.write("#!/bin/sh\necho 'base 0x0 last 0x0 accepted 1 current 1' >&2\n")
            os.chmod(dump, 0o700)
            with self.assertRaisesRegex(Breach, "node 1 answered with zxid 0x100000001, but its log ends at 0x0"):
                verdict.check({"log_dump": dump}, top, {1: 0x100000001}, str, set())


class Campaigns(unittest.TestCase):
    def line(self, mix, counts, verdict="ok"):
        return "seed 1 %s n=3+1 trims: 9 asked, 8 answered (7 writes), 0 unknown, 0 events, 0 expired; %s; write gap 1.0 s; " \
               "20 s; %s" % (mix, counts, verdict)

    def test_each_kind_has_its_turn_in_a_mix_that_is_short_enough(self):
        short = {k for kinds in mixes.MIXES.values() if mixes.all_have_a_turn(kinds) for k in kinds}
        self.assertEqual(short, set(nemesis.ALL))

    def test_a_kind_that_had_its_turn_and_never_fired_is_named_and_fails_a_campaign_of_twelve(self):
        run = runner()
        lines = [self.line("bad-links", "client-delay:2 clients-apart:1 cut-clients:3 cut-links:1 slow:1 SNAP:2"),
                 self.line("wipe,rot", "rot, refused:1 wipe, another away:1"), self.line("everything", "kill-one:1")]
        self.assertEqual(run.never_fired(lines), ["delay"])
        self.assertEqual(run.judge_campaign(lines), 0)
        self.assertEqual(run.judge_campaign(lines * 4), 1)
        self.assertEqual(run.judge_campaign([line.replace("slow:1", "slow:1 delay:1") for line in lines * 4]), 0)

    def test_power_failures_that_never_lose_anything_have_not_fired(self):
        run = runner()
        counts = "power-loss, nothing to lose:9 power-loss-all, nothing to lose:%d kill-one:1"
        self.assertEqual(run.never_fired([self.line("power", counts % 1)]), ["a power-loss that loses bytes"])
        self.assertEqual(run.never_fired([self.line("power", counts % 1 + " power-loss-all, bytes lost:1")]), [])

    def test_one_breach_or_no_run_at_all_fails_a_campaign(self):
        run = runner()
        self.assertEqual(run.judge_campaign([self.line("slow", "slow:1", "BREACH")]), 1)
        self.assertEqual(run.judge_campaign([]), 1)


if __name__ == "__main__":
    unittest.main()
