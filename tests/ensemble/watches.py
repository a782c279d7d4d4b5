"""One-shot watches of all kinds, their order among replies, and setWatches after a reconnect."""

import queue
import struct

import harness
from kazoo.protocol.states import EventType
from kazoo.security import make_digest_acl
from raw_client import *  # noqa: F403


class Watches(harness.EnsembleTest):
    def setUp(self):
        self.writer = self.client(1)
        self.reader = self.client(len(self.ensemble.addresses))
        self.home = self.place(self.writer)
        self.reader.sync(self.home)
        self.seen = queue.Queue()

    def watch(self, event):
        self.seen.put((event.type, event.path))

    def next(self):
        return self.seen.get(timeout=harness.PATIENCE_S)

    def check_silence(self):
        """Events of all that was written so far have come: an event of a later write is the next one."""
        self.reader.exists(self.home + "/marker", watch=self.watch)
        self.writer.create(self.home + "/marker")
        self.assertEqual(self.next(), (EventType.CREATED, self.home + "/marker"))
        self.writer.delete(self.home + "/marker")

    def raw(self, node):
        client = RawClient(self.ensemble.address(node))
        self.addCleanup(client.socket.close)
        client.connect()
        return client

    # ---- each kind, once

    def test_exists_is_told_of_creation_change_and_deletion(self):
        path = self.home + "/x"
        self.assertIsNone(self.reader.exists(path, watch=self.watch))
        self.writer.create(path)
        self.assertEqual(self.next(), (EventType.CREATED, path))
        self.writer.set(path, b"not watched any more")
        self.check_silence()
        self.reader.exists(path, watch=self.watch)
        self.writer.set(path, b"1")
        self.assertEqual(self.next(), (EventType.CHANGED, path))
        self.reader.exists(path, watch=self.watch)
        self.writer.delete(path)
        self.assertEqual(self.next(), (EventType.DELETED, path))
        self.check_silence()

    def test_get_is_told_of_change_and_deletion_not_of_children(self):
        path = self.writer.create(self.home + "/x")
        self.reader.sync(path)
        self.reader.get(path, watch=self.watch)
        self.writer.create(path + "/y")
        self.writer.delete(path + "/y")
        self.check_silence()
        self.writer.set(path, b"1")
        self.assertEqual(self.next(), (EventType.CHANGED, path))
        self.reader.get(path, watch=self.watch)
        self.writer.delete(path)
        self.assertEqual(self.next(), (EventType.DELETED, path))

    def test_get_children_is_told_of_children_and_of_the_znodes_deletion_not_of_data(self):
        path = self.writer.create(self.home + "/x")
        self.reader.sync(path)
        self.reader.get_children(path, watch=self.watch)
        self.writer.set(path, b"1")
        self.check_silence()
        self.writer.create(path + "/y")
        self.assertEqual(self.next(), (EventType.CHILD, path))
        self.reader.get_children(path, watch=self.watch, include_data=True)
        self.writer.set(path + "/y", b"1")
        self.writer.create(path + "/y/z")
        self.check_silence()
        self.writer.delete(path + "/y/z")
        self.writer.delete(path + "/y")
        self.assertEqual(self.next(), (EventType.CHILD, path))
        self.reader.get_children(path, watch=self.watch)
        self.writer.delete(path)
        self.assertEqual(self.next(), (EventType.DELETED, path))

    def test_a_failed_get_leaves_no_watch(self):
        raw = self.raw(1)
        path = self.home + "/x"
        self.assertEqual(raw.request(GET_DATA, path_and_watch(path, True))[0], -101)
        self.assertEqual(raw.request(GET_CHILDREN, path_and_watch(path, True))[0], -101)
        self.assertEqual(raw.request(CREATE, create_body(path))[0], 0)
        self.assertEqual(raw.request(EXISTS, path_and_watch(path))[0], 0)
        self.assertEqual(raw.events, [])

    def test_set_acl_tells_nobody(self):
        path = self.writer.create(self.home + "/x")
        self.reader.sync(path)
        self.reader.get(path, watch=self.watch)
        self.reader.get_children(path, watch=self.watch)
        self.writer.set_acls(path, self.writer.get_acls(path)[0])
        self.check_silence()

    # ---- one connection, several watches

    def test_a_deletion_is_told_once_to_a_connection_with_data_and_child_watch(self):
        raw = self.raw(1)
        path = self.home + "/x"
        raw.request(CREATE, create_body(path))
        raw.request(GET_DATA, path_and_watch(path, True))
        raw.request(EXISTS, path_and_watch(path, True))
        raw.request(GET_CHILDREN, path_and_watch(path, True))
        raw.request(GET_CHILDREN2, path_and_watch(self.home, True))
        self.assertEqual(raw.request(DELETE, string(path) + struct.pack(">i", -1))[0], 0)
        self.assertEqual(raw.events, [(DELETED, path), (CHILDREN, self.home)])

    def test_a_multi_tells_of_each_operation_in_order(self):
        raw = self.raw(2)
        a, b = self.home + "/a", self.home + "/b"
        raw.request(CREATE, create_body(a))
        raw.request(EXISTS, path_and_watch(a, True))
        raw.request(EXISTS, path_and_watch(b, True))
        raw.request(GET_CHILDREN, path_and_watch(self.home, True))
        body = (struct.pack(">i?i", CREATE, False, -1) + create_body(b) +
                struct.pack(">i?i", SET_DATA, False, -1) + string(a) + string(b"1") + struct.pack(">i", -1) +
                struct.pack(">i?i", -1, True, -1))
        self.assertEqual(raw.request(MULTI, body)[0], 0)
        self.assertEqual(raw.events, [(CREATED, b), (CHILDREN, self.home), (CHANGED, a)])

    # ---- order

    def test_an_event_comes_before_the_reply_to_the_write_that_caused_it(self):
        for node in self.ensemble.nodes:
            raw = self.raw(node)
            path = self.home + "/%d" % node
            for i in range(50):
                raw.request(EXISTS, path_and_watch(path, True))
                raw.events.clear()
                error = raw.request(SET_DATA, string(path) + b"\0\0\0\0" + struct.pack(">i", -1))[0] if i else \
                    raw.request(CREATE, create_body(path))[0]
                self.assertEqual((error, raw.events), (0, [(CHANGED if i else CREATED, path)]))

    def test_an_event_comes_before_any_reply_that_shows_the_change(self):
        """One connection polls what another writes: the poll that shows a new value must find the event already there."""
        path = self.writer.create(self.home + "/x", b"0")
        watcher = self.raw(2)
        self.reader.sync(path)
        for i in range(1, 60):
            watcher.request(SYNC, string(path))
            watcher.request(GET_DATA, path_and_watch(path, True))
            watcher.events.clear()
            writing = self.writer.set_async(path, b"%d" % i)
            while True:
                error, body = watcher.request(GET_DATA, path_and_watch(path))
                size = struct.unpack(">i", body[:4])[0]
                if body[4:4 + size] == b"%d" % i:
                    self.assertEqual(watcher.events, [(CHANGED, path)])
                    break
                self.assertEqual(watcher.events, [])
            writing.get(timeout=30)

    def test_every_watcher_of_a_path_is_told(self):
        path = self.home + "/x"
        raws = [self.raw(1 + i % len(self.ensemble.addresses)) for i in range(30)]
        for raw in raws:
            self.assertEqual(raw.request(EXISTS, path_and_watch(path, True))[0], -101)
        self.writer.create(path)
        for raw in raws:
            self.assertEqual(raw.next_event(), (CREATED, path))

    # ---- who may know

    def test_events_of_a_closed_session_come_as_deletions(self):
        mortal = self.client(2)
        path = mortal.create(self.home + "/e", ephemeral=True)
        self.reader.sync(path)
        self.assertIsNotNone(self.reader.exists(path, watch=self.watch))
        mortal.stop()
        self.assertEqual(self.next(), (EventType.DELETED, path))

    def test_who_may_not_read_a_znode_is_not_told_of_it(self):
        if harness.EXTERNAL:
            self.skipTest("older servers tell everybody (CVE-2024-23944)")
        raw = self.raw(3)
        path = self.home + "/x"
        self.assertEqual(raw.request(EXISTS, path_and_watch(path, True))[0], -101)
        self.writer.create(path, b"", acl=[make_digest_acl("ann", "pass", all=True)])
        raw.request(SYNC, string(path))
        self.assertEqual(raw.events, [])

    # ---- setWatches

    def set_watches(self, raw, zxid, data=(), exist=(), child=()):
        body = struct.pack(">q", zxid) + strings(data) + strings(exist) + strings(child)
        self.assertEqual(raw.request(SET_WATCHES, body, xid=SET_WATCHES_XID), (0, b""))
        events, raw.events = raw.events, []
        return sorted(events)

    def zxid(self):
        """Of a write that is just done."""
        return self.writer.set(self.home, b"").mzxid

    def test_set_watches_tells_what_changed_meanwhile_and_watches_the_rest(self):
        names = {n: self.home + "/" + n for n in ("changed", "same", "gone", "made", "missing", "grown", "lost")}
        for n in ("changed", "same", "gone", "grown", "lost"):
            self.writer.create(names[n])
        seen = self.zxid()
        self.writer.set(names["changed"], b"1")
        self.writer.create(names["made"])
        self.writer.create(names["grown"] + "/x")
        self.writer.delete(names["gone"])
        self.writer.delete(names["lost"])
        for node in self.ensemble.nodes:
            raw = self.raw(node)
            raw.request(SYNC, string(self.home))
            got = self.set_watches(raw, seen, data=[names["changed"], names["same"], names["gone"]],
                                   exist=[names["made"], names["missing"]],
                                   child=[names["grown"], names["same"], names["lost"]])
            self.assertEqual(got, sorted([(CHANGED, names["changed"]), (DELETED, names["gone"]), (CREATED, names["made"]),
                                          (CHILDREN, names["grown"]), (DELETED, names["lost"])]))
            # What did not change is watched now.
            self.writer.set(names["same"], b"2")
            self.assertEqual(raw.next_event(), (CHANGED, names["same"]))
            self.writer.create(names["missing"])
            self.assertEqual(raw.next_event(), (CREATED, names["missing"]))
            self.writer.create(names["same"] + "/x")
            self.assertEqual(raw.next_event(), (CHILDREN, names["same"]))
            self.writer.delete(names["missing"])
            self.writer.delete(names["same"] + "/x")
            self.writer.delete(names["same"])
            self.writer.create(names["same"])
            seen = self.zxid()
            self.writer.set(names["changed"], b"3")
            self.writer.delete(names["grown"] + "/x")
            self.writer.create(names["grown"] + "/x")

    def test_a_session_that_moves_takes_its_watches_along_by_set_watches(self):
        one = self.raw(1)
        path = self.home + "/x"
        one.request(CREATE, create_body(path))
        seen = one.reply(one.send_request(GET_DATA, path_and_watch(path, True)))[2]
        one.socket.close()
        self.writer.set(path, b"1")
        self.reader.sync(path)
        two = RawClient(self.ensemble.address(3))
        self.addCleanup(two.socket.close)
        self.assertGreater(two.connect(session=one.session, password=one.password, last_zxid=seen)[0], 0)
        two.request(SYNC, string(path))
        self.assertEqual(self.set_watches(two, seen, data=[path]), [(CHANGED, path)])

    def test_set_watches_with_thousands_of_paths(self):
        raw = self.raw(2)
        paths = [self.home + "/%05d" % i for i in range(5000)]
        seen = self.zxid()
        self.assertEqual(self.set_watches(raw, seen, exist=paths), [])
        for i in (0, 2500, 4999):
            self.writer.create(paths[i])
            self.assertEqual(raw.next_event(), (CREATED, paths[i]))


if __name__ == "__main__":
    harness.main()
