"""Request types of one's own, called by ZooKeeper's own clients, through every node. Arguments: the folders of the plug-ins
of plugins/ and of examples/request_type."""

import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

import harness
from harness import wait_until
from kazoo.exceptions import (BadArgumentsError, BadVersionError, KazooException, MarshallingError, NoAuthError, NoNodeError,
                              OperationTimeoutError, SystemZookeeperError, UnimplementedError)
from kazoo.security import make_digest_acl
from zkcli import ZKCLI

LEADER_KILLS = int(os.environ.get("ENSEMBLE_LEADER_KILLS", "8"))
FAULTY, EXAMPLE = [os.path.abspath(a) if a else "" for a in (sys.argv[1:3] + ["", ""])[:2]]
del sys.argv[1:3]
PLUGINS = [os.path.join(EXAMPLE, "libbank.so"), os.path.join(FAULTY, "faulty.so")]


def call(client, name, **request):
    """In one round trip, by nothing but a create."""
    path = "/zookeeper/call/" + name
    reply = client.create(path, json.dumps(request).encode())
    assert reply.startswith(path + "/"), reply
    return json.loads(reply[len(path) + 1:])


def raw_call(client, name, request):
    path = "/zookeeper/call/" + name
    return client.create(path, request)[len(path) + 1:]


class Shipped(harness.EnsembleTest):
    def test_a_counter_counts_through_every_node(self):
        home = self.place(self.client())
        total = 0
        for node in self.ensemble.nodes:
            client = self.client(node)
            for _ in range(10):
                total += 1
                self.assertEqual(call(client, "troupe.counter", path=home + "/n", add=1, create=True)["value"], str(total))
            self.assertEqual(client.get(home + "/n")[0], str(total).encode())
        self.assertRaises(NoNodeError, call, client, "troupe.counter", path=home + "/none", add=1)

    def test_counters_of_contending_clients_lose_nothing(self):
        home = self.place(self.client())
        clients = [self.client(node) for node in self.ensemble.nodes for _ in range(2)]
        body = json.dumps({"path": home + "/n", "add": 1, "create": True}).encode()
        asked = [c.create_async("/zookeeper/call/troupe.counter", body) for _ in range(50) for c in clients]
        values = sorted(int(json.loads(a.get(timeout=harness.PATIENCE_S).split("/", 4)[4])["value"]) for a in asked)
        self.assertEqual(values, list(range(1, 50 * len(clients) + 1)))

    def test_a_watch_sees_what_a_call_did_before_the_reply(self):
        client = self.client(self.ensemble.followers()[0])
        home = self.place(client)
        client.create(home + "/n", b"1")
        seen = []
        client.get(home + "/n", watch=seen.append)
        call(client, "troupe.counter", path=home + "/n", add=1)
        wait_until(lambda: seen, "the watch fires")
        self.assertEqual(seen[0].type, "CHANGED")

    def test_create2_comes_with_a_stat_of_zeros(self):
        client = self.client()
        home = self.place(client)
        body = json.dumps({"path": home + "/n", "add": 5, "create": True}).encode()
        path, stat = client.create("/zookeeper/call/troupe.counter", body, include_data=True)
        self.assertEqual(json.loads(path.split("/", 4)[4])["value"], "5")
        self.assertEqual((stat.czxid, stat.version, stat.mtime), (0, 0, 0))

    def test_a_lock_goes_from_hand_to_hand(self):
        home = self.place(self.client())
        first, second = self.client(), self.client(self.ensemble.followers()[0])
        held = call(first, "troupe.lock", path=home + "/l")
        self.assertTrue(held["held"])
        waits = call(second, "troupe.lock", path=home + "/l")
        self.assertEqual((waits["held"], waits["watch"]), (False, held["entry"]))
        gone = threading.Event()
        self.assertTrue(second.exists(waits["watch"], watch=lambda event: gone.set()))
        first.stop()
        self.assertTrue(gone.wait(harness.PATIENCE_S))
        again = call(second, "troupe.lock", path=home + "/l")
        self.assertEqual((again["held"], again["entry"]), (True, waits["entry"]))
        self.assertGreater(int(again["sequence"]), int(held["sequence"]))

    def test_items_of_a_queue_are_taken_once(self):
        home = self.place(self.client())
        clients = [self.client(node) for node in self.ensemble.nodes]
        for i in range(30):
            clients[0].create(home + "/item-", str(i).encode(), sequence=True)
        taken = []
        while True:
            got = [call(c, "troupe.queue-take", path=home, max=4) for c in clients]
            items = [base64.b64decode(i["data"]) for g in got for i in g["items"]]
            if not items:
                break
            taken += items
        self.assertEqual(taken, [str(i).encode() for i in range(30)])

    def test_bulk_update_delete_and_list(self):
        client = self.client(self.ensemble.followers()[-1])
        home = self.place(client)
        items = [{"path": "%s/%02d" % (home, i), "action": "create", "text": str(i)} for i in range(50)]
        self.assertTrue(call(client, "troupe.bulk-update", items=items)["done"])
        self.assertEqual(len(call(client, "troupe.bulk-update", items=items)["failed"]), 50)
        names, after = [], ""
        while True:
            page = call(client, "troupe.list", path=home, after=after, limit=20, withData=True, asText=True)
            names += [(i["name"], i["text"]) for i in page["items"]]
            if not page["more"]:
                break
            after = names[-1][0]
        self.assertEqual(names, [("%02d" % i, str(i)) for i in range(50)])
        self.assertEqual(call(client, "troupe.delete-recursive", path=home)["deleted"], "51")
        self.assertIsNone(client.exists(home))

    def test_errors_reach_the_client_as_zookeepers_own(self):
        client = self.client(self.ensemble.followers()[0])
        home = self.place(client)
        self.assertRaises(UnimplementedError, call, client, "nobody.knows")
        self.assertRaises(UnimplementedError, call, client, "troupe.counter@7")
        self.assertRaises(BadArgumentsError, call, client, "troupe.counter@x")
        self.assertRaises(MarshallingError, raw_call, client, "troupe.counter", b"{")
        self.assertRaises(MarshallingError, raw_call, client, "troupe.counter", b"\0\0\0\1")
        self.assertRaises(NoNodeError, client.get, "/zookeeper/call/troupe.counter")
        self.assertEqual(client.exists("/zookeeper/call"), None)
        with self.assertRaises(BadArgumentsError):
            client.create("/zookeeper/call/troupe.counter", b"{}", ephemeral=True)
        several = client.transaction()
        several.create(home + "/x", b"")
        several.create("/zookeeper/call/troupe.counter", b"{}")
        self.assertIsInstance(several.commit()[1], BadArgumentsError)
        self.assertIsNone(client.exists(home + "/x"))

    def test_what_the_acl_forbids_is_forbidden_to_calls(self):
        owner = self.client(auth_data=[("digest", "ann:pass")])
        stranger = self.client()
        home = owner.create(self.place(owner) + "/private", b"1", acl=[make_digest_acl("ann", "pass", all=True)])
        self.assertEqual(call(owner, "troupe.counter", path=home, add=1)["value"], "2")
        for name, request in (("counter", {"add": 1}), ("list", {}), ("queue-take", {}), ("delete-recursive", {}),
                              ("lock", {})):
            self.assertRaises(NoAuthError, call, stranger, "troupe." + name, path=home, **request)

    @unittest.skipUnless(shutil.which("java") and os.path.exists(ZKCLI), "needs java and Debian's package zookeeper")
    def test_zookeepers_shell_calls(self):
        home = self.place(self.client())
        said = subprocess.run([ZKCLI, "-server", self.ensemble.connect], input='\n'.join((
            "create /zookeeper/call/troupe.counter '{\"path\":\"%s/n\",\"add\":\"41\",\"create\":true}'" % home,
            "create /zookeeper/call/troupe.counter '{\"path\":\"%s/n\",\"add\":1}'" % home,
            "get %s/n" % home, "quit", "")), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True,
            timeout=120).stdout
        self.assertIn('Created /zookeeper/call/troupe.counter/{"value":"41","previous":"0","changed":true,"version":0}', said)
        self.assertIn('Created /zookeeper/call/troupe.counter/{"value":"42"', said)


@unittest.skipUnless(FAULTY, "needs the plug-ins")
class Plugins(harness.EnsembleTest):
    settings = {"plugins": json.dumps(PLUGINS), "request-types": '[{name = "test.too-much", operations = 7}]'}

    def test_the_example_runs_through_every_node(self):
        starter = self.client()
        home = self.place(starter)
        starter.create(home + "/ann", b"100")
        starter.create(home + "/bob", b"0")
        for i, node in enumerate(self.ensemble.nodes, 1):
            reply = call(self.client(node), "bank.transfer", **{"from": home + "/ann", "to": home + "/bob", "amount": 10})
            self.assertEqual(reply, {"fromBalance": str(100 - 10 * i), "toBalance": str(10 * i)})
        client = self.client()
        for request in ({"amount": 1000}, {"amount": -1}):
            self.assertRaises(BadArgumentsError, call, client, "bank.transfer",
                              **dict(request, **{"from": home + "/ann", "to": home + "/bob"}))
        self.assertRaises(NoNodeError, call, client, "bank.transfer",
                          **{"from": home + "/none", "to": home + "/bob", "amount": 1})
        client.sync(home)
        self.assertEqual((client.get(home + "/ann")[0], client.get(home + "/bob")[0]), (b"70", b"30"))

    def test_versions_live_beside_each_other(self):
        client = self.client()
        self.assertEqual(raw_call(client, "test.echo@1", b"{x}"), "{x}")
        self.assertEqual(raw_call(client, "test.echo", b"{x}"), "{two}{x}")

    def test_a_handler_that_throws_or_asks_too_much_harms_nobody(self):
        for node in self.ensemble.nodes:
            client = self.client(node)
            for request in (b"{int}", b"{}"):
                self.assertRaises(SystemZookeeperError, raw_call, client, "test.throws", request)
            self.assertRaises(BadArgumentsError, raw_call, client, "test.too-much", b"{}")
            self.assertRaises(BadArgumentsError, raw_call, client, "test.too-much", b"{reply}")
            self.assertIsNone(client.exists("/thrown"))
            self.assertIsNone(client.exists("/much0"))
            self.assertEqual(raw_call(client, "test.echo", b"{}"), "{two}{}")

    def test_read_only_types_run_where_the_client_is_connected(self):
        node = self.ensemble.followers()[0]
        client = self.client(node, auth_data=[("digest", "ann:pass")])
        before = self.metrics(node)["zk_request_type_test_whoami_calls"]
        self.assertIn("digest:ann:", raw_call(client, "test.whoami", b"{}"))
        self.assertEqual(self.metrics(node)["zk_request_type_test_whoami_calls"], before + 1)

    def metrics(self, node):
        said = harness.four_letter_word(self.ensemble.address(node), "mntr")
        return {key: int(value) for key, value in (l.split("\t") for l in said.splitlines()) if key.startswith("zk_request_type")}


@unittest.skipUnless(FAULTY, "needs the plug-ins")
class NeverBack(harness.EnsembleTest):
    """Handlers that never return stay in their node until it ends: an ensemble for them alone."""
    processes = True
    settings = {"plugins": json.dumps(PLUGINS)}

    def test_a_handler_that_never_comes_back_is_left_behind_and_its_type_suspended(self):
        leader = self.ensemble.wait_for_all()
        client = self.client(self.ensemble.followers()[0])
        for name in ("test.loops", "test.touches"):
            self.assertRaises(OperationTimeoutError, raw_call, client, name, b"{}")
            for _ in range(3):
                self.assertRaises(SystemZookeeperError, raw_call, client, name, b"{}")
        for path in ("/looped", "/touched"):
            self.assertIsNone(client.exists(path))
        self.assertEqual(raw_call(client, "test.echo", b"{}"), "{two}{}")
        self.assertEqual(self.ensemble.leader(), leader)
        said = harness.four_letter_word(self.ensemble.address(leader), "mntr")
        self.assertIn("zk_request_type_test_loops_calls\t4\n", said)
        self.assertIn("zk_request_type_test_loops_failures\t4\n", said)
        self.assertIn("zk_request_type_test_loops_timeouts\t1\n", said)
        self.ensemble.down()  # in an orderly way, in spite of them
        self.ensemble.up()


@unittest.skipUnless(FAULTY, "needs the plug-ins")
class Start(unittest.TestCase):
    """What a node says of a plug-in that it cannot use."""

    def start(self, *lines):
        with tempfile.TemporaryDirectory() as home:
            config = os.path.join(home, "node.conf")
            with open(config, "w") as f:
                f.write("[troupe]\ndata-dir = \"data\"\nclient-port = %d\n%s\n" % (harness.free_ports(1), "\n".join(lines)))
            done = subprocess.run([harness.EXECUTABLE, "node", "--config-file=" + config], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, timeout=60)
            self.assertFalse(os.path.exists(os.path.join(home, "data", "log")))
        self.assertEqual(done.returncode, 2, done.stderr)
        said = [l for l in done.stderr.splitlines() if l.startswith("troupe: ")]  # beside lines of the log
        self.assertEqual((len(said), done.stderr.splitlines()[-1]), (1, said[-1]), done.stderr)
        return said[0]

    def test_a_plugin_that_cannot_be_used_is_one_line_and_exit_code_2(self):
        plugin = lambda name: 'plugins = ["%s"]' % os.path.join(FAULTY, name)
        self.assertIn("none.so: cannot be loaded", self.start('plugins = ["none.so"]'))
        self.assertIn("is no plug-in of Troupe", self.start(plugin("no_plugin.so")))
        self.assertIn("was built for 'troupe 0.0.1 revision 1, compiler 1.0, C++ 199711L', but this node is 'troupe ",
                      self.start(plugin("wrong_abi.so")))
        self.assertIn("refused.so: it has no licence", self.start(plugin("refused.so")))
        twice = os.path.join(FAULTY, "faulty.so")
        self.assertIn("'test.echo' version 1 is registered twice", self.start('plugins = ["%s", "%s"]' % (twice, twice)))
        self.assertIn("request-types: this node has no request type 'x'", self.start('request-types = [{name = "x"}]'))


@unittest.skipUnless(os.environ.get("TROUPE_SOURCE"), "needs the sources")
class Guide(unittest.TestCase):
    def test_the_guide_shows_the_example_as_it_is_built(self):
        read = lambda name: pathlib.Path(os.environ["TROUPE_SOURCE"], name).read_text()
        guide = read("docs/request-types.md")
        code = re.search(r"```cpp\n(.*?)```", guide, re.S).group(1)
        self.assertIn(code, read("examples/request_type/bank.cpp"))
        structs = re.search(r"```capnp\n.*?(struct .*?)```", guide, re.S).group(1)
        self.assertIn(structs, read("examples/request_type/bank.capnp"))


class LeaderKills(harness.EnsembleTest):
    processes = True

    def test_no_acknowledged_add_is_lost_or_counted_twice_while_leaders_are_killed(self):
        starter = self.client()
        counter = self.place(starter) + "/n"
        call(starter, "troupe.counter", path=counter, create=True)
        stop, tallies = threading.Event(), []

        def add(client, tally):
            while not stop.is_set():
                tally["asked"] += 1
                try:
                    tally["values"].append(int(call(client, "troupe.counter", path=counter, add=1)["value"]))
                except KazooException:  # it may have happened, or not
                    stop.wait(0.01)

        threads = []
        for node in self.ensemble.nodes:
            for _ in range(2):
                tallies.append({"asked": 0, "values": []})
                threads.append(threading.Thread(target=add, args=(self.client(), tallies[-1])))
        for t in threads:
            t.start()
        acknowledged = lambda: sum(len(t["values"]) for t in tallies)
        try:
            for _ in range(LEADER_KILLS):
                leader = self.ensemble.wait_for_all()
                before = acknowledged()
                wait_until(lambda: acknowledged() > before + 50, "adds go on")
                self.ensemble.kill(leader)
                wait_until(lambda: acknowledged() > before + 100, "adds go on without node %d" % leader)
                self.ensemble.restart(leader)
        finally:
            stop.set()
            for t in threads:
                t.join()
        values = [v for t in tallies for v in t["values"]]
        asked = sum(t["asked"] for t in tallies)
        value = int(call(starter, "troupe.counter", path=counter)["value"])
        print("%d leader kills: %d adds acknowledged, %d asked, counter %d" % (LEADER_KILLS, len(values), asked, value))
        self.assertEqual(len(values), len(set(values)), "two adds were told the same value")
        self.assertTrue(len(values) <= value <= asked)
        self.assertTrue(all(v <= value for v in values))
        for t in tallies:
            self.assertEqual(t["values"], sorted(t["values"]))


if __name__ == "__main__":
    harness.main()
