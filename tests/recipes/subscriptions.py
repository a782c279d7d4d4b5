"""Subscriptions lose nothing: subscriptions.py SUBSCRIPTION_TRIAL LOG_DUMP.

Connections of subscribers are cut and leaders killed while others write. Whatever each subscriber was told must be what
the log says of its scope: every transaction once, whole, in order. RECIPES_RECONNECTS (20) and RECIPES_LEADER_KILLS (3)
say how often; the full measure is 100 and 20."""

import json
import os
import subprocess
import sys
import tempfile

from program import Program, actor_ports
import harness

RECONNECTS = int(os.environ.get("RECIPES_RECONNECTS", "20"))
LEADER_KILLS = int(os.environ.get("RECIPES_LEADER_KILLS", "3"))
TRIAL, LOG_DUMP = sys.argv.pop(1), sys.argv.pop(1)

CREATED, DELETED, CHANGED = 1, 2, 3
SCOPES = {
    "subtree": lambda path: path == "/watched" or path.startswith("/watched/"),
    "children": lambda path: path.rsplit("/", 1)[0] == "/watched",
    "node": lambda path: path == "/watched/0",
}


def events_of(transaction):
    for c in transaction["changes"]:
        path, data = c.get("path", ""), c.get("data", "")
        if c["kind"] == "create":
            yield [CREATED, path, data, 0]
        elif c["kind"] == "delete":
            yield [DELETED, path, "", 0]
        elif c["kind"] == "set_data":
            yield [CHANGED, path, data, c.get("version", 0)]


class Subscriptions(harness.EnsembleTest):
    processes = True

    def test_every_change_is_told_once_and_in_order_over_reconnections_and_killed_leaders(self):
        ensemble = self.ensemble
        ensemble.wait_for_all()
        notes = tempfile.mkdtemp(prefix="told-", dir=ensemble.directory)
        trial = Program(TRIAL, notes, *actor_ports(ensemble))
        self.addCleanup(trial.close)
        trial.expect_ok()
        kills = 0
        for i in range(RECONNECTS):
            trial.ask("progress")
            trial.ask("cut")
            if (i + 1) * LEADER_KILLS // RECONNECTS > kills:
                kills += 1
                leader = ensemble.wait_for_all()
                ensemble.kill(leader)
                trial.ask("progress")
                ensemble.restart(leader)
        ensemble.wait_for_all()
        words = trial.finish()[-1].split()
        self.assertEqual(words[0], "end")
        self.assertEqual(words[3], "0", "a log did not reach back")
        ensemble.down()
        log = self.log(1)
        for name, within in SCOPES.items():
            with open(os.path.join(notes, name)) as f:
                told = [json.loads(line) for line in f]
            self.compare(name, told, log, within, int(words[1]))

    def log(self, node):
        dumped = subprocess.run([LOG_DUMP, self.ensemble.path(node, "data")], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, universal_newlines=True, check=True)
        return [json.loads(line) for line in dumped.stdout.splitlines()]

    def compare(self, name, told, log, within, end):
        self.assertIn("state", told[0], "%s: it begins with a state" % name)
        begin, tree, expected = told[0]["zxid"], {}, []
        for t in log:
            events = [e for e in events_of(t) if within(e[1])]
            if t["txn"] > end:
                break
            if t["txn"] > begin:
                if events:
                    expected.append({"zxid": t["txn"], "changes": events})
                continue
            for kind, path, data, version in events:
                if kind == DELETED:
                    del tree[path]
                else:
                    tree[path] = [path, data, version]
        self.assertEqual(sorted(told[0]["state"]), sorted(tree.values()), "%s: the state" % name)
        told = told[1:]
        for i, (was, should) in enumerate(zip(told, expected)):
            was["changes"] = [[t, p, "" if t == DELETED else d, 0 if t == DELETED else v]
                              for t, p, d, v in was["changes"]]
            self.assertEqual(was, should, "%s: number %d of what was told" % (name, i))
        self.assertEqual(len(told), len(expected), "%s: transactions told" % name)
        print("%s: %d transactions told, as in the log" % (name, len(told)), flush=True)


if __name__ == "__main__":
    harness.main()
