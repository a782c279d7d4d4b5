"""Every operation of ZooKeeper's client protocol, by kazoo, each written through one node and read through another."""

import base64
import hashlib
import struct

import harness
from kazoo.exceptions import (BadVersionError, InvalidACLError, NoAuthError, NoChildrenForEphemeralsError, NodeExistsError,
                              NoNodeError, NotEmptyError, RolledBackError, RuntimeInconsistency)
from kazoo.security import ACL, ANYONE_ID_UNSAFE, Id, make_acl, make_digest_acl
from raw_client import RawClient, connect_request, create_body, path_and_watch, string
import raw_client


class Operations(harness.EnsembleTest):
    def setUp(self):
        nodes = list(self.ensemble.nodes)
        self.a = self.client(nodes[0])
        self.b = self.client(nodes[-1])
        self.home = self.place(self.a)

    def seen_by_b(self):
        self.b.sync(self.home)
        return self.b

    # ---- create

    def test_create_in_all_four_modes(self):
        for ephemeral in (False, True):
            for sequence in (False, True):
                path = self.home + "/%d%d-" % (ephemeral, sequence)
                made = self.a.create(path, b"x", ephemeral=ephemeral, sequence=sequence)
                data, stat = self.seen_by_b().get(made)
                self.assertEqual(data, b"x")
                self.assertEqual(stat.ephemeralOwner, self.a.client_id[0] if ephemeral else 0)
                if sequence:
                    self.assertRegex(made, path + r"\d{10}$")
                else:
                    self.assertEqual(made, path)

    def test_create2_in_all_four_modes_answers_with_the_stat(self):
        for ephemeral in (False, True):
            for sequence in (False, True):
                made, stat = self.a.create(self.home + "/%d%d-" % (ephemeral, sequence), b"abc", ephemeral=ephemeral,
                                           sequence=sequence, include_data=True)
                self.assertEqual(stat, self.seen_by_b().exists(made))
                self.assertEqual((stat.dataLength, stat.version, stat.cversion, stat.aversion, stat.numChildren),
                                 (3, 0, 0, 0, 0))
                self.assertEqual((stat.czxid, stat.czxid, stat.ctime), (stat.mzxid, stat.pzxid, stat.mtime))

    def test_sequence_numbers_count_the_creations_under_the_parent(self):
        self.a.create(self.home + "/x")
        self.a.delete(self.home + "/x")
        made = [self.a.create(self.home + "/n-", sequence=True) for _ in range(3)]
        made.append(self.b.create(self.home + "/m-", sequence=True))
        made.append(self.b.create(self.home + "/", sequence=True))
        self.assertEqual([m[-10:] for m in made], ["%010d" % i for i in range(1, 6)])

    def test_create_refuses(self):
        self.a.create(self.home + "/x")
        self.a.create(self.home + "/e", ephemeral=True)
        with self.assertRaises(NodeExistsError):
            self.b.create(self.home + "/x")
        with self.assertRaises(NoNodeError):
            self.b.create(self.home + "/none/x")
        with self.assertRaises(NoChildrenForEphemeralsError):
            self.b.create(self.home + "/e/x")

    def test_data_of_every_size_comes_back(self):
        for size in (0, 1, 100, 65535, 65536, 500000):
            data = bytes(i * 7 % 251 for i in range(size))
            self.a.create(self.home + "/%d" % size, data)
            self.assertEqual(self.seen_by_b().get(self.home + "/%d" % size)[0], data)

    def test_names_of_other_alphabets(self):
        name = self.home + "/\u00e9\u4e2d\u6587 a"
        self.a.create(name, b"x")
        self.assertEqual(self.seen_by_b().get_children(self.home), ["\u00e9\u4e2d\u6587 a"])

    # ---- delete

    def test_delete(self):
        path = self.a.create(self.home + "/x")
        self.a.create(path + "/y")
        with self.assertRaises(NotEmptyError):
            self.b.delete(path)
        self.a.delete(path + "/y")
        with self.assertRaises(BadVersionError):
            self.b.delete(path, version=5)
        self.b.delete(path, version=0)
        with self.assertRaises(NoNodeError):
            self.b.delete(path)
        self.a.sync(path)
        self.assertIsNone(self.a.exists(path))

    # ---- read and write

    def test_set_data_and_versions(self):
        path = self.a.create(self.home + "/x", b"0")
        before = self.a.exists(path)
        stat = self.b.set(path, b"one", version=0)
        self.assertEqual((stat.version, stat.dataLength, stat.czxid, stat.pzxid), (1, 3, before.czxid, before.pzxid))
        self.assertGreater(stat.mzxid, before.mzxid)
        with self.assertRaises(BadVersionError):
            self.a.set(path, b"two", version=0)
        self.assertEqual(self.a.set(path, b"two", version=-1).version, 2)
        with self.assertRaises(NoNodeError):
            self.a.set(self.home + "/none", b"")
        self.assertEqual(self.seen_by_b().get(path)[0], b"two")

    def test_exists_and_get_of_nothing(self):
        self.assertIsNone(self.a.exists(self.home + "/none"))
        with self.assertRaises(NoNodeError):
            self.a.get(self.home + "/none")
        with self.assertRaises(NoNodeError):
            self.a.get_children(self.home + "/none")
        with self.assertRaises(NoNodeError):
            self.a.get_acls(self.home + "/none")

    def test_children_and_the_parents_stat(self):
        start = self.a.exists(self.home)
        for name in "abc":
            self.a.create(self.home + "/" + name)
        self.a.delete(self.home + "/b")
        children, stat = self.seen_by_b().get_children(self.home, include_data=True)
        self.assertEqual(sorted(children), ["a", "c"])
        self.assertEqual(sorted(self.b.get_children(self.home)), ["a", "c"])
        self.assertEqual((stat.numChildren, stat.cversion, stat.version, stat.mzxid), (2, 4, 0, start.mzxid))
        self.assertGreater(stat.pzxid, start.pzxid)

    def test_many_children(self):
        asked = [self.a.create_async(self.home + "/%05d" % i) for i in range(3000)]
        for a in asked:
            a.get(timeout=30)
        self.assertEqual(sorted(self.seen_by_b().get_children(self.home)), ["%05d" % i for i in range(3000)])

    def test_the_built_in_znodes_are_there(self):
        self.assertIn("zookeeper", self.a.get_children("/"))
        self.assertIn("quota", self.a.get_children("/zookeeper"))

    # ---- ACLs

    def test_set_acl_and_get_acl_with_world(self):
        path = self.a.create(self.home + "/x")
        acls, stat = self.a.get_acls(path)
        self.assertEqual(acls, [ACL(31, ANYONE_ID_UNSAFE)])
        wanted = [ACL(1 | 16, ANYONE_ID_UNSAFE)]
        stat = self.a.set_acls(path, wanted, version=0)
        self.assertEqual((stat.aversion, stat.version), (1, 0))
        with self.assertRaises(BadVersionError):
            self.a.set_acls(path, wanted, version=0)
        self.assertEqual(self.seen_by_b().get_acls(path)[0], wanted)
        self.b.get(path)
        with self.assertRaises(NoAuthError):
            self.b.set(path, b"")
        with self.assertRaises(NoAuthError):
            self.b.create(path + "/y")

    def test_digest(self):
        path = self.a.create(self.home + "/x", b"secret", acl=[make_digest_acl("ann", "pass", all=True)])
        self.b.sync(path)
        for forbidden in (lambda: self.b.get(path), lambda: self.b.set(path, b""), lambda: self.b.get_children(path),
                          lambda: self.b.create(path + "/y"), lambda: self.b.get_acls(path),
                          lambda: self.b.set_acls(path, [ACL(31, ANYONE_ID_UNSAFE)])):
            with self.assertRaises(NoAuthError):
                forbidden()
        self.b.add_auth("digest", "ann:wrong")
        with self.assertRaises(NoAuthError):
            self.b.get(path)
        self.b.add_auth("digest", "ann:pass")
        self.assertEqual(self.b.get(path)[0], b"secret")
        digest = base64.b64encode(hashlib.sha1(b"ann:pass").digest()).decode()
        self.assertEqual(self.b.get_acls(path)[0], [ACL(31, Id("digest", "ann:" + digest))])
        self.b.create(path + "/y")
        with self.assertRaises(NoAuthError):
            self.a.delete(path + "/y")
        self.b.delete(path + "/y")
        self.b.set_acls(path, [ACL(31, ANYONE_ID_UNSAFE)])

    def test_auth_stands_for_who_the_creator_is(self):
        with self.assertRaises(InvalidACLError):
            self.a.create(self.home + "/x", acl=[make_acl("auth", "", all=True)])
        self.a.add_auth("digest", "bob:1")
        self.a.create(self.home + "/x", b"", acl=[make_acl("auth", "", all=True)])
        acls = self.a.get_acls(self.home + "/x")[0]
        self.assertEqual([(c.perms, c.id.scheme, c.id.id.split(":")[0]) for c in acls], [(31, "digest", "bob")])
        with self.assertRaises(NoAuthError):
            self.seen_by_b().get(self.home + "/x")

    def test_ip(self):
        for address, allowed in (("127.0.0.1", True), ("127.0.0.0/8", True), ("10.0.0.0/8", False), ("127.0.0.2", False)):
            path = self.a.create(self.home + "/" + address.replace("/", "-"), b"x", acl=[make_acl("ip", address, all=True)])
            self.b.sync(path)
            if allowed:
                self.assertEqual(self.b.get(path)[0], b"x")
            else:
                with self.assertRaises(NoAuthError):
                    self.b.get(path)

    def test_an_acl_of_the_parent_guards_creation_and_deletion_only(self):
        path = self.a.create(self.home + "/x", acl=[ACL(1 | 4, ANYONE_ID_UNSAFE)])
        self.b.sync(path)
        self.b.create(path + "/y", b"1")
        self.b.set(path + "/y", b"2")
        with self.assertRaises(NoAuthError):
            self.b.delete(path + "/y")

    # ---- sync, ping, close

    def test_sync_shows_what_others_wrote(self):
        path = self.a.create(self.home + "/x", b"0")
        for i in range(50):
            self.a.set(path, b"%d" % i)
            self.assertEqual(self.b.sync(path), path)
            self.assertEqual(self.b.get(path)[0], b"%d" % i)

    def test_ping_is_answered_with_its_xid(self):
        with RawClient(self.ensemble.address(1)) as raw:
            raw.connect()
            raw.send_request(raw_client.PING, xid=raw_client.PING_XID)
            xid, _, error, body = raw.receive()
            self.assertEqual((xid, error, body), (-2, 0, b""))

    def test_close_is_answered_removes_ephemerals_and_ends_the_connection(self):
        with RawClient(self.ensemble.address(1)) as raw:
            raw.connect()
            self.assertEqual(raw.request(raw_client.CREATE, create_body(self.home + "/e", flags=1))[0], 0)
            self.assertIsNotNone(self.seen_by_b().exists(self.home + "/e"))
            self.assertEqual(raw.request(raw_client.CLOSE), (0, b""))
            self.assertTrue(raw.is_closed())
            self.assertIsNone(self.seen_by_b().exists(self.home + "/e"))
        with RawClient(self.ensemble.address(2)) as again:
            self.assertEqual(again.connect(session=raw.session, password=raw.password)[0], 0)

    # ---- order within a session

    def test_replies_come_in_the_order_of_the_requests(self):
        with RawClient(self.ensemble.address(len(self.ensemble.addresses))) as raw:
            raw.connect()
            path = self.home + "/x"
            raw.request(raw_client.CREATE, create_body(path))
            sent = b""
            for i in range(300):
                sent += string(struct.pack(">ii", 1000 + 2 * i, raw_client.SET_DATA) + string(path) + string(b"%d" % i) +
                               struct.pack(">i", i))
                sent += string(struct.pack(">ii", 1001 + 2 * i, raw_client.GET_DATA) + path_and_watch(path))
            raw.send(sent)
            last = 0
            for i in range(300):
                error, _, zxid = raw.reply(1000 + 2 * i)
                self.assertEqual(error, 0)
                self.assertGreater(zxid, last)
                error, body, last = raw.reply(1001 + 2 * i)
                size = struct.unpack(">i", body[:4])[0]
                self.assertEqual((error, body[4:4 + size]), (0, b"%d" % i))
                self.assertGreaterEqual(last, zxid)

    def test_requests_may_follow_the_connect_request_at_once(self):
        with RawClient(self.ensemble.address(2)) as raw:
            raw.send(string(connect_request()) + string(
                struct.pack(">ii", 1, raw_client.CREATE) + create_body(self.home + "/fast")))
            self.assertGreater(len(raw.receive_frame()), 30)
            self.assertEqual(raw.reply(1)[0], 0)

    # ---- multi

    def test_multi_does_all(self):
        self.a.create(self.home + "/old", b"1")
        t = self.a.transaction()
        t.check(self.home + "/old", 0)
        t.create(self.home + "/new", b"n")
        t.create(self.home + "/new/s-", b"", sequence=True)
        t.create(self.home + "/new/s-", b"", sequence=True)
        t.set_data(self.home + "/old", b"2")
        t.set_data(self.home + "/old", b"3", version=1)
        t.create(self.home + "/e", ephemeral=True)
        t.delete(self.home + "/e")
        done = t.commit()
        self.assertEqual(done[0], True)
        self.assertEqual(done[1:4], [self.home + "/new", self.home + "/new/s-0000000000", self.home + "/new/s-0000000001"])
        self.assertEqual((done[4].version, done[5].version), (1, 2))
        self.assertEqual(done[7], True)
        one, two = self.seen_by_b().exists(self.home + "/new"), self.b.exists(self.home + "/new/s-0000000001")
        self.assertEqual((one.czxid, self.b.exists(self.home + "/old").mzxid), (two.czxid, one.czxid))
        self.assertEqual(self.b.get(self.home + "/old")[0], b"3")
        self.assertIsNone(self.b.exists(self.home + "/e"))

    def test_multi_does_all_or_nothing(self):
        self.a.create(self.home + "/old", b"1")
        for breaks, error in ((lambda t: t.check(self.home + "/old", 7), BadVersionError),
                              (lambda t: t.create(self.home + "/old"), NodeExistsError),
                              (lambda t: t.delete(self.home + "/none"), NoNodeError),
                              (lambda t: t.set_data(self.home + "/new", b"", version=3), BadVersionError),
                              (lambda t: t.check(self.home + "/none", -1), NoNodeError),
                              (lambda t: t.delete(self.home), NotEmptyError)):
            t = self.b.transaction()
            t.create(self.home + "/new", b"n")
            t.set_data(self.home + "/old", b"2")
            breaks(t)
            t.create(self.home + "/other")
            done = t.commit()
            self.assertEqual([type(d) for d in done],
                             [RolledBackError, RolledBackError, error, RuntimeInconsistency])
        self.a.sync(self.home)
        self.assertEqual(self.a.get_children(self.home), ["old"])
        self.assertEqual(self.a.get(self.home + "/old")[0], b"1")

    def test_a_failed_multi_gives_its_sequence_numbers_back(self):
        t = self.a.transaction()
        t.create(self.home + "/s-", sequence=True)
        t.delete(self.home + "/none")
        t.commit()
        self.assertEqual(self.a.create(self.home + "/s-", sequence=True), self.home + "/s-0000000000")

    def test_an_empty_multi_is_answered(self):
        with RawClient(self.ensemble.address(1)) as raw:
            raw.connect()
            end = struct.pack(">i?i", -1, True, -1)
            self.assertEqual(raw.request(raw_client.MULTI, end), (0, end))

    def test_multi_obeys_acls(self):
        path = self.a.create(self.home + "/x", acl=[make_digest_acl("ann", "pass", all=True)])
        t = self.b.transaction()
        t.create(self.home + "/y")
        t.set_data(path, b"")
        self.assertEqual([type(d) for d in t.commit()], [RolledBackError, NoAuthError])

    # ---- two clients at once

    def test_a_counter_that_two_clients_raise_loses_nothing(self):
        path = self.a.create(self.home + "/counter", b"0")
        left = {self.a: 50, self.b: 50}
        while any(left.values()):
            for client in [c for c, n in left.items() if n]:
                data, stat = client.get(path)
                try:
                    client.set(path, b"%d" % (int(data) + 1), version=stat.version)
                    left[client] -= 1
                except BadVersionError:
                    client.sync(path)
        data, stat = self.a.get(path)
        self.a.sync(path)
        self.assertEqual((self.a.get(path)[0], self.a.get(path)[1].version), (b"100", 100))


if __name__ == "__main__":
    harness.main()
