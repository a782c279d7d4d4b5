"""A node that was away comes back to the same tree: by DIFF, by TRUNC, by SNAP.

Which way was taken shows in the node's own files, by names that only one way would have brought there: names of znodes
that were created and deleted again while the node was away come with a DIFF, never with a SNAP.
"""

import os
import struct

import harness
from harness import wait_until
from raw_client import *  # noqa: F403
from workload import check_trees_are_equal


class Synchronization(harness.EnsembleTest):
    processes = True
    settings = {"snapshot-distance": "400", "log-retain": "200", "ballast": "false"}

    def setUp(self):
        self.leader = self.ensemble.wait_for_all()
        self.writer = self.client(self.leader)
        self.home = self.place(self.writer)

    def tearDown(self):
        for node in self.ensemble.nodes:
            if not self.ensemble.runs(node):
                self.ensemble.restart(node)

    def write(self, client, prefix, count):
        """Creates, changes and deletes; some of each stays."""
        made = [client.create_async("%s/%s-%05d" % (self.home, prefix, i), b"x" * (i % 50)) for i in range(count)]
        paths = [m.get(timeout=harness.PATIENCE_S) for m in made]
        waiting = [client.set_async(p, b"changed") for p in paths[::3]] + [client.delete_async(p) for p in paths[1::3]]
        for w in waiting:
            w.get(timeout=harness.PATIENCE_S)

    def in_files_of(self, node, name):
        """True if a file of the node's data holds `name`."""
        for folder, _, files in os.walk(self.ensemble.path(node, "data")):
            for file in files:
                with open(os.path.join(folder, file), "rb") as f:
                    if name.encode() in f.read():
                        return True
        return False

    def says(self, node, text):
        """True if the node's log says so since its last start."""
        with open(self.ensemble.path(node, "log"), encoding="utf-8") as f:
            return text in f.read().rsplit("data of ", 1)[-1]

    def log_base(self, node):
        answer = harness.four_letter_word(self.ensemble.address(node), "mntr")
        return int(next(line.split("\t")[1] for line in answer.splitlines() if line.startswith("zk_log_base\t")))

    def passing_znode(self, client, name):
        client.create(self.home + "/" + name)
        client.delete(self.home + "/" + name)

    def back(self, node):
        self.ensemble.restart(node)
        self.ensemble.wait_for_all()
        return check_trees_are_equal(self)

    def test_a_follower_that_was_away_for_a_moment_gets_the_difference(self):
        node = self.ensemble.followers()[0]
        self.ensemble.kill(node)
        self.passing_znode(self.writer, "passing-by-diff")
        self.write(self.writer, "d", 30)
        tree = self.back(node)
        self.assertEqual(len([p for p in tree if p.startswith(self.home + "/d-")]), 20)
        self.assertTrue(self.in_files_of(node, "passing-by-diff"))
        self.assertFalse(self.says(node, "copying the leader's checkpoint"))

    def test_a_follower_that_missed_more_than_the_log_holds_gets_a_snapshot(self):
        node = self.ensemble.followers()[1]
        doomed = self.writer.create(self.home + "/deleted-meanwhile", b"x")
        self.writer.create(self.home + "/changed-meanwhile", b"x")
        self.client(node).sync(doomed)
        self.ensemble.kill(node)
        self.passing_znode(self.writer, "passing-by-snap")
        self.writer.delete(doomed)
        self.writer.set(self.home + "/changed-meanwhile", b"y")
        missed = self.writer.exists(self.home + "/changed-meanwhile").mzxid
        self.write(self.writer, "s", 2400)
        # Checkpoints run behind the writes, and the log is kept until they have caught up.
        wait_until(lambda: self.log_base(self.leader) > missed, "the leader's log no longer has what was missed")
        # A leader that has just started has nothing in memory but what is on its disk.
        others = [n for n in self.ensemble.nodes if n != node]
        for n in others:
            self.ensemble.kill(n)
        for n in others:
            self.ensemble.restart(n)
        self.leader = self.ensemble.wait_for_leader()
        tree = self.back(node)
        self.assertEqual(len([p for p in tree if p.startswith(self.home + "/s-")]), 1600)
        self.assertNotIn(doomed, tree)
        self.assertTrue(self.says(node, "copying the leader's checkpoint"))
        # What came as a snapshot is on its disk: it is there when nobody can be asked, and it can lead with it.
        for n in self.ensemble.nodes:
            self.ensemble.kill(n)
        self.ensemble.restart(node)
        self.ensemble.restart(self.leader)
        wait_until(lambda: self.ensemble.mode(node) and self.ensemble.mode(self.leader), "two nodes serve")
        again = harness.tree_through(self.client(node), self.home)
        self.assertEqual(again, {p: v for p, v in tree.items() if p.startswith(self.home)})

    def test_proposals_that_never_committed_are_truncated(self):
        leader, others = self.leader, self.ensemble.followers()
        before = self.writer.create(self.home + "/before", b"x")
        raw = RawClient(self.ensemble.address(leader))
        self.addCleanup(raw.socket.close)
        raw.connect(timeout_ms=20000)
        for node in others:
            self.ensemble.pause(node)
        names = ["never-committed-%d" % i for i in range(20)]
        for name in names:
            raw.send_request(CREATE, create_body(self.home + "/" + name))
        raw.send_request(SET_DATA, string(before) + string(b"never") + struct.pack(">i", -1))
        wait_until(lambda: self.in_files_of(leader, names[-1]), "the leader has logged what it proposed")
        self.ensemble.kill(leader)
        # Killed before they read on: what the leader sent lies in their sockets and dies with them.
        for node in others:
            self.ensemble.kill(node)
        self.assertEqual([n for n in others if self.in_files_of(n, names[0])], [])
        for node in others:
            self.ensemble.restart(node)
        wait_until(lambda: all(self.ensemble.mode(n) for n in others), "the others serve")
        self.write(self.client(others[0]), "after", 30)
        tree = self.back(leader)
        self.assertTrue(self.says(leader, "truncating the log"))
        self.assertEqual([p for p in tree if "never-committed" in p], [])
        self.assertEqual(tree[before][0], b"x")
        # It can lead with what it has now.
        self.ensemble.kill(others[0])
        wait_until(lambda: any(self.ensemble.mode(n) == "leader" for n in (leader, others[1])), "a leader of two")
        self.write(self.client(leader), "last", 30)
        self.back(others[0])

    def test_a_node_that_comes_and_goes_while_others_write_ends_with_the_same_tree(self):
        node = self.ensemble.followers()[0]
        for i, count in enumerate((10, 700, 50, 1500)):
            self.ensemble.kill(node)
            self.write(self.writer, "r%d" % i, count)
            self.ensemble.restart(node)
            self.write(self.writer, "while-%d" % i, 100)
        self.ensemble.wait_for_all()
        check_trees_are_equal(self)


if __name__ == "__main__":
    harness.main()
