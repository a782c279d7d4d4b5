"""Nodes that die or stop while clients of all nodes write: nothing acknowledged is lost, and the service goes on."""

import os
import time

import harness
from harness import wait_until
from kazoo.exceptions import KazooException
from workload import Workload, check_trees_are_equal

LEADER_KILLS = int(os.environ.get("ENSEMBLE_LEADER_KILLS", "20"))


class Crashes(harness.EnsembleTest):
    processes = True

    def setUp(self):
        self.ensemble.wait_for_all()
        starter = self.client()
        self.home = self.place(starter)
        self.load = Workload(self.ensemble, starter, self.home, writers_per_node=2)

    def tearDown(self):
        for node in self.ensemble.nodes:
            if not self.ensemble.runs(node):
                self.ensemble.restart(node)

    def finish(self, what):
        self.load.report(what)
        self.load.check_writers()
        self.ensemble.wait_for_all()
        self.load.check(check_trees_are_equal(self))

    def test_the_leader_is_killed_again_and_again(self):
        with self.load:
            for _ in range(LEADER_KILLS):
                leader = self.ensemble.wait_for_all()
                self.load.wait_for_progress()
                self.ensemble.kill(leader)
                self.load.wait_for_progress()
                self.ensemble.restart(leader)
        self.finish("leader killed %d times" % LEADER_KILLS)

    def test_the_leader_is_killed_and_restarted_at_once(self):
        with self.load:
            for _ in range(5):
                leader = self.ensemble.wait_for_all()
                self.load.wait_for_progress()
                self.ensemble.kill(leader)
                self.ensemble.restart(leader)
                self.load.wait_for_progress()
        self.finish("leader killed and restarted at once 5 times")

    def test_followers_are_killed_in_turn(self):
        with self.load:
            for _ in range(2):
                for node in self.ensemble.followers():
                    self.load.wait_for_progress()
                    self.ensemble.kill(node)
                    self.load.wait_for_progress()
                    self.ensemble.restart(node)
                    self.ensemble.wait_for_all()
        self.finish("followers killed 4 times")

    def test_all_nodes_are_killed_at_once(self):
        with self.load:
            for _ in range(3):
                self.ensemble.wait_for_all()
                self.load.wait_for_progress()
                for node in self.ensemble.nodes:
                    self.ensemble.kill(node)
                for node in self.ensemble.nodes:
                    self.ensemble.restart(node)
                self.load.wait_for_progress()
        self.finish("all nodes killed at once 3 times")

    def test_without_a_quorum_nobody_is_told_that_a_write_succeeded(self):
        leader = self.ensemble.wait_for_all()
        others = self.ensemble.followers()
        with self.load:
            self.load.wait_for_progress()
            for node in others:
                self.ensemble.kill(node)
            lost = time.monotonic()  # both are dead: nothing that is asked from here on can reach a quorum
            wait_until(lambda: not self.ensemble.mode(leader), "the lonely leader gives up")
            wait_until(self.load.cut_off, "no writer is served")
            raw_answers = harness.four_letter_word(self.ensemble.address(leader), "srvr")
            self.assertIn("not currently serving", raw_answers)
            self.assertEqual(self.load.acknowledged_of(asked_after=lost, before=time.monotonic()), 0)
            for node in others:
                self.ensemble.restart(node)
            self.load.wait_for_progress()
        self.finish("quorum lost once")

    def test_a_leader_that_stops_for_a_while_is_replaced_and_comes_back_as_follower(self):
        with self.load:
            leader = self.ensemble.wait_for_all()
            self.load.wait_for_progress()
            self.ensemble.pause(leader)
            others = [n for n in self.ensemble.nodes if n != leader]
            wait_until(lambda: any(self.ensemble.mode(n) == "leader" for n in others), "another leader")
            self.ensemble.resume(leader)
            wait_until(lambda: self.ensemble.mode(leader) == "follower", "the old leader follows")
            self.load.wait_for_progress()
        self.finish("leader stopped once")

    def test_a_leader_that_wakes_up_shows_nothing_stale_to_a_client_that_has_seen_more(self):
        """sync, then read: whatever another client was told is there."""
        leader = self.ensemble.wait_for_all()
        at_leader, elsewhere = self.client(leader), self.client(leader % 3 + 1)
        path = at_leader.create(self.home + "/x", b"old")
        self.ensemble.pause(leader)
        others = [n for n in self.ensemble.nodes if n != leader]
        wait_until(lambda: any(self.ensemble.mode(n) == "leader" for n in others), "another leader")

        def written():
            try:
                return elsewhere.set(path, b"new")
            except KazooException:
                return None
        wait_until(written, "a write under the new leader")
        self.ensemble.resume(leader)

        def read():
            try:
                at_leader.sync(path)
                return at_leader.get(path)[0]
            except KazooException:
                return None
        self.assertEqual(wait_until(read, "an answer"), b"new")

    def test_down_and_up_again_keep_everything(self):
        with self.load:
            self.load.wait_for_progress()
            self.ensemble.down()
            self.assertEqual(self.ensemble.up(), self.ensemble.connect)
            self.load.wait_for_progress()
        self.finish("down and up")

    def test_up_starts_what_does_not_run(self):
        pids = {n: self.ensemble.pid(n) for n in self.ensemble.nodes}
        victim = self.ensemble.followers()[0]
        self.ensemble.kill(victim)
        self.assertEqual(self.ensemble.up(), self.ensemble.connect)
        wait_until(lambda: self.ensemble.mode(victim) == "follower", "the node follows")
        self.assertEqual({n: self.ensemble.pid(n) for n in pids if n != victim},
                         {n: p for n, p in pids.items() if n != victim})
        said = self.ensemble.tool("status", "--dir=" + self.ensemble.directory)
        for node in self.ensemble.nodes:
            self.assertIn(str(self.ensemble.address(node)[1]), said)
            self.assertIn(self.ensemble.mode(node), said)


if __name__ == "__main__":
    harness.main()
