"""An actor of one's own in every node, by configuration: the change feed to a file, over kills and restarts."""

import json
import os
import re
import unittest

import harness
from harness import wait_until

SETTINGS = {
    "actors": '[{name = "audit", type = "troupe.change-feed", file = "audit.jsonl"}]',
    # Who is killed is noticed at once; a machine that stands still for some seconds must not look like it.
    "link-timeout": "30s",
    "sync-timeout": "30s",
}


class ChangeFeed(harness.EnsembleTest):
    settings = SETTINGS
    processes = True

    def lines(self, node):
        with open(self.ensemble.path(node, "audit.jsonl")) as f:
            return [json.loads(line) for line in f if line.endswith("\n")]

    def wait_for_line(self, node, path):
        wait_until(lambda: any(l.get("path") == path for l in self.lines(node)), "node %d has told of %s" % (node, path))

    def check(self, node):
        """Every transaction whole, once, and in order."""
        told = [int(l["zxid"], 16) for l in self.lines(node)]
        self.assertEqual(told, sorted(told))
        whole = ["%(zxid)s %(type)s" % l + l.get("path", l.get("of", "")) for l in self.lines(node)]
        self.assertEqual(len(whole), len(set(whole)))
        last = [l["zxid"] for l in self.lines(node) if l.get("last")]
        self.assertEqual(len(last), len(set(told)))

    def test_every_node_tells_of_every_change_over_kills_of_its_process(self):
        client = self.client()
        home = self.place(client)
        expected = []
        for round in range(4):
            for i in range(50):
                path = "%s/%d-%d" % (home, round, i)
                client.create(path, b"x", ephemeral=i % 5 == 0)
                expected.append(("created", path))
                if i % 2:
                    client.set(path, b"y")
                    expected.append(("changed", path))
                if i % 10 == 9:
                    with_transaction = client.transaction()
                    with_transaction.delete(path)
                    with_transaction.create(path + "-again")
                    with_transaction.commit()
                    expected += [("deleted", path), ("created", path + "-again")]
            victim = self.ensemble.leader() if round % 2 else self.ensemble.followers()[0]
            self.ensemble.kill(victim)
            # What it has not synced a killed process loses nothing of, but a line may be torn: here it is.
            with open(self.ensemble.path(victim, "audit.jsonl"), "ab") as f:
                f.write(b'{"zxid":"0x1')
            self.ensemble.restart(victim)
            self.ensemble.wait_for_all()
            client.retry(client.exists, home)  # until it has noticed, and is connected anew
        client.create(home + "/end")
        for node in self.ensemble.nodes:
            self.wait_for_line(node, home + "/end")
            self.check(node)
            mine = [(l["type"], l["path"]) for l in self.lines(node) if l.get("path", "").startswith(home + "/")]
            self.assertEqual(mine, expected + [("created", home + "/end")])
        everywhere = [[l for l in self.lines(n) if int(l["zxid"], 16) <= int(self.end(n, home)["zxid"], 16)]
                      for n in self.ensemble.nodes]
        self.assertEqual(everywhere[0], everywhere[1])
        self.assertEqual(everywhere[0], everywhere[2])

    def end(self, node, home):
        return next(l for l in self.lines(node) if l.get("path") == home + "/end")

    def test_sessions_are_told_too(self):
        client = self.client()
        session = "0x%x" % client.client_id[0]
        home = self.place(client)
        client.create(home + "/mine", ephemeral=True)
        client.stop()
        node = 1
        wait_until(lambda: any(l["type"] == "session-closed" and l["of"] == session for l in self.lines(node)),
                   "the end of the session is told")
        mine = [l for l in self.lines(node) if l.get("of") == session or l.get("path") == home + "/mine"]
        self.assertEqual([l["type"] for l in mine], ["session-opened", "created", "deleted", "session-closed"])
        self.assertEqual(mine[2]["zxid"], mine[3]["zxid"])
        self.assertEqual(mine[1]["session"], session)
        self.assertEqual(mine[1]["owner"], session)

    def test_an_actor_that_cannot_do_its_work_ends_no_node(self):
        node = self.ensemble.followers()[0]
        self.ensemble.kill(node)
        name = self.ensemble.path(node, "audit.jsonl")
        os.rename(name, name + ".kept")
        os.mkdir(name)
        self.ensemble.restart(node)
        self.ensemble.wait_for_all()
        client = self.client(node)
        home = self.place(client)

        def log():
            with open(self.ensemble.path(node, "log"), errors="replace") as f:
                return f.read()
        wait_until(lambda: len(re.findall("actor 'audit' ended: .*audit.jsonl: Is a directory", log())) >= 3,
                   "it is tried again")
        self.assertEqual(self.ensemble.mode(node), "follower")
        os.rmdir(name)
        os.rename(name + ".kept", name)
        client.create(home + "/back")
        self.wait_for_line(node, home + "/back")
        self.check(node)

    def test_a_node_with_actors_ends_when_it_is_told_to(self):
        self.ensemble.wait_for_all()
        self.ensemble.down()
        for node in self.ensemble.nodes:
            with open(self.ensemble.path(node, "log"), errors="replace") as f:
                self.assertNotIn("has not come to its end", f.read())
        self.ensemble.up()
        self.ensemble.wait_for_all()

    def test_an_unknown_type_of_actor_stops_the_start_in_one_line(self):
        node = self.ensemble.followers()[0]
        self.ensemble.kill(node)
        self.ensemble.configure(node, {"actors": '[{name = "a", type = "none"}]'})
        said = self.ensemble.tool("node", "--config-file=" + self.ensemble.path(node, "node.conf"), check=False)
        self.assertIn("actors: 'a' is of type 'none', which is unknown; known are troupe.change-feed", said)
        self.ensemble.configure(node, SETTINGS)
        self.ensemble.restart(node)
        self.ensemble.wait_for_all()


if __name__ == "__main__":
    unittest.main(verbosity=2)
