"""Sessions: negotiation, expiry, moving from node to node, with their ephemerals."""

import re
import struct
import time

import harness
from harness import wait_until
from kazoo.protocol.states import EventType
from raw_client import *  # noqa: F403


class Sessions(harness.EnsembleTest):
    settings = {"tick": "500ms"}

    def setUp(self):
        self.observer = self.client()
        self.home = self.place(self.observer)
        conf = harness.four_letter_word(self.ensemble.address(1), "conf")
        self.min_ms, self.max_ms, self.tick_ms = (
            int(re.search(r"^%s=(\d+)" % k, conf, re.M).group(1))
            for k in ("minSessionTimeout", "maxSessionTimeout", "tickTime"))

    def raw(self, node, **fields):
        client = RawClient(self.ensemble.address(node), timeout_s=60)
        self.addCleanup(client.socket.close)
        client.negotiated = client.connect(**fields)[0]
        return client

    def resumed(self, client, node):
        return self.raw(node, session=client.session, password=client.password, timeout_ms=client.negotiated)

    def ephemeral(self, client, name):
        path = self.home + "/" + name
        self.assertEqual(client.request(CREATE, create_body(path, flags=1))[0], 0)
        return path

    def exists(self, path):
        self.observer.sync(path)
        return self.observer.exists(path)

    def ping(self, client):
        self.assertEqual(client.request(PING, xid=PING_XID)[0], 0)

    # ---- negotiation

    def test_the_timeout_is_clamped(self):
        for node in self.ensemble.nodes:
            for wanted, given in ((1, self.min_ms), (self.min_ms + 1, self.min_ms + 1), (0x7fffffff, self.max_ms)):
                self.assertEqual(self.raw(node, timeout_ms=wanted).negotiated, given)

    def test_sessions_of_all_nodes_have_ids_of_their_own(self):
        clients = [self.raw(1 + i % len(self.ensemble.addresses)) for i in range(60)]
        self.assertEqual(len({c.session for c in clients}), 60)
        self.assertNotIn(0, {c.session for c in clients})
        self.assertEqual({len(c.password) for c in clients}, {16})

    # ---- expiry

    def test_a_silent_session_expires_in_time_with_its_ephemerals_and_their_watches(self):
        silent = self.raw(2, timeout_ms=self.min_ms)
        paths = [self.ephemeral(silent, "e%d" % i) for i in range(5)]
        since = time.monotonic()
        self.observer.sync(self.home)
        events = []
        for path in paths:
            self.assertEqual(self.observer.exists(path, watch=events.append).ephemeralOwner & (2**64 - 1),
                             silent.session & (2**64 - 1))
        self.observer.get_children(self.home, watch=events.append)
        wait_until(lambda: len(events) == 6, "events of the expiry")
        took_ms = (time.monotonic() - since) * 1000
        self.assertGreaterEqual(took_ms, self.min_ms - self.tick_ms)
        self.assertEqual(sorted(e.path for e in events if e.type == EventType.DELETED), paths)
        self.assertEqual([e.path for e in events if e.type == EventType.CHILD], [self.home])
        self.assertEqual(self.observer.get_children(self.home), [])
        self.assertTrue(silent.is_closed())
        for node in self.ensemble.nodes:
            self.assertEqual(self.resumed(silent, node).connect_answer[4:16], bytes(12))
        # They went in one transaction: the parent changed last with all of them.
        self.assertEqual(self.observer.exists(self.home).cversion, 10)

    def test_pings_keep_a_session_on_every_node(self):
        clients = [self.raw(n, timeout_ms=self.min_ms) for n in self.ensemble.nodes]
        paths = [self.ephemeral(c, "e%d" % i) for i, c in enumerate(clients)]
        end = time.monotonic() + 4 * self.min_ms / 1000
        while time.monotonic() < end:
            for client in clients:
                self.ping(client)
            time.sleep(self.min_ms / 5000)
        for path in paths:
            self.assertIsNotNone(self.exists(path))

    def test_any_request_keeps_a_session(self):
        client = self.raw(3, timeout_ms=self.min_ms)
        path = self.ephemeral(client, "e")
        end = time.monotonic() + 3 * self.min_ms / 1000
        while time.monotonic() < end:
            self.assertEqual(client.request(EXISTS, path_and_watch(path))[0], 0)
            time.sleep(self.min_ms / 5000)
        self.assertIsNotNone(self.exists(path))

    def test_a_lost_connection_is_not_the_end_of_a_session(self):
        client = self.raw(1, timeout_ms=self.min_ms)
        path = self.ephemeral(client, "e")
        client.socket.close()
        self.assertIsNotNone(self.exists(path))
        again = self.resumed(client, 1)
        self.assertEqual(again.session, client.session)
        self.assertEqual(again.request(EXISTS, path_and_watch(path))[0], 0)
        again.socket.close()
        wait_until(lambda: not self.exists(path), "the expiry")

    # ---- moving

    def test_a_session_moves_through_all_nodes_with_its_ephemerals(self):
        client = self.raw(1, timeout_ms=self.max_ms)
        path = self.ephemeral(client, "e")
        for node in [2, 3, 1, 3, 2, 1]:
            moved = self.resumed(client, node)
            self.assertEqual((moved.session, moved.password, moved.negotiated),
                             (client.session, client.password, client.negotiated))
            self.assertEqual(moved.request(SET_DATA, string(path) + string(b"%d" % node) + struct.pack(">i", -1))[0], 0)
            client.socket.close()
            client = moved
        self.assertEqual(self.exists(path).version, 6)
        self.assertEqual(client.request(CLOSE)[0], 0)
        self.assertIsNone(self.exists(path))

    def test_a_session_that_moved_is_not_served_where_it_was(self):
        old = self.raw(1, timeout_ms=self.max_ms)
        path = self.ephemeral(old, "e")
        new = self.resumed(old, 2)
        self.assertEqual(new.request(SET_DATA, string(path) + string(b"new") + struct.pack(">i", -1))[0], 0)
        try:
            for i in range(3):
                self.assertNotEqual(old.request(SET_DATA, string(path) + string(b"old") + struct.pack(">i", -1))[0], 0)
        except (Closed, ConnectionError):
            pass
        self.observer.sync(path)
        self.assertEqual(self.observer.get(path)[0], b"new")
        self.assertEqual(new.request(EXISTS, path_and_watch(path))[0], 0)

    def test_a_session_has_one_connection_on_a_node(self):
        old = self.raw(2, timeout_ms=self.max_ms)
        new = self.resumed(old, 2)
        self.assertEqual(new.session, old.session)
        self.assertTrue(old.is_closed())
        self.ping(new)

    def test_a_closed_session_is_gone_everywhere(self):
        client = self.raw(1)
        self.assertEqual(client.request(CLOSE)[0], 0)
        for node in self.ensemble.nodes:
            self.assertEqual(self.resumed(client, node).connect_answer[4:16], bytes(12))


class SessionsAndDeadNodes(harness.EnsembleTest):
    processes = True
    settings = {"tick": "500ms", "max-session-timeout": "20s"}

    def setUp(self):
        self.leader = self.ensemble.wait_for_all()

    def tearDown(self):
        for node in self.ensemble.nodes:
            if not self.ensemble.runs(node):
                self.ensemble.restart(node)
        self.ensemble.wait_for_all()

    def kazoo_at(self, node):
        """A client whose session is on `node` and that knows the other nodes too."""
        client = self.client(timeout=10)
        home = self.place(client)
        mine = "0x%x," % (client.client_id[0] & (2**64 - 1))

        def where():
            return [n for n in self.ensemble.nodes
                    if "sid=" + mine in harness.four_letter_word(self.ensemble.address(n), "cons")]
        if where() != [node]:
            client.stop()
            client.set_hosts(self.ensemble.host(node))
            client.start(timeout=harness.PATIENCE_S)
            client.set_hosts(self.ensemble.connect)
        return client, home

    def test_a_session_outlives_the_death_of_its_node(self):
        for node in self.ensemble.nodes:
            client, home = self.kazoo_at(node)
            session = client.client_id[0]
            path = client.create(home + "/e", ephemeral=True)
            self.ensemble.kill(node)
            other = self.client(node % 3 + 1)
            wait_until(lambda: self.tries(client.exists, path), "the client found another node")
            self.assertEqual(client.client_id[0], session)
            other.sync(path)
            self.assertEqual(other.exists(path).ephemeralOwner, session)
            self.ensemble.restart(node)
            self.ensemble.wait_for_all()

    def test_a_session_whose_client_died_with_its_node_expires(self):
        node = self.leader
        doomed = RawClient(self.ensemble.address(node))
        doomed.connect(timeout_ms=2000)
        path = self.place(self.client(node)) + "/e"
        self.assertEqual(doomed.request(CREATE, create_body(path, flags=1))[0], 0)
        doomed.socket.close()
        self.ensemble.kill(node)
        other = self.client(node % 3 + 1)
        other.sync(path)
        wait_until(lambda: other.sync(path) and other.exists(path) is None, "the ephemeral is gone")
        self.ensemble.restart(node)

    def test_an_ephemeral_outlives_the_death_of_all_nodes_and_dies_with_its_session(self):
        client, home = self.kazoo_at(1)
        session = client.client_id[0]
        kept = client.create(home + "/kept", ephemeral=True)
        doomed = RawClient(self.ensemble.address(2))
        doomed.connect(timeout_ms=2000)
        lost = home + "/lost"
        doomed.request(SYNC, string(home))
        self.assertEqual(doomed.request(CREATE, create_body(lost, flags=1))[0], 0)
        doomed.socket.close()
        for node in self.ensemble.nodes:
            self.ensemble.kill(node)
        for node in self.ensemble.nodes:
            self.ensemble.restart(node)
        wait_until(lambda: self.tries(client.exists, kept), "the client is back")
        self.assertEqual(client.client_id[0], session)
        wait_until(lambda: client.sync(lost) and client.exists(lost) is None, "the other session expired")
        self.assertEqual(client.exists(kept).ephemeralOwner, session)

    def tries(self, call, *arguments):
        from kazoo.exceptions import ConnectionLoss, OperationTimeoutError, SessionExpiredError
        try:
            return call(*arguments)
        except (ConnectionLoss, OperationTimeoutError):
            return None
        except SessionExpiredError:
            raise AssertionError("the session expired")


if __name__ == "__main__":
    harness.main()
