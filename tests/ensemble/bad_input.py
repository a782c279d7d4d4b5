"""What no client should send: it is refused, its connection is closed where ZooKeeper closes it, and others go on."""

import os
import random
import socket
import struct

import harness
from raw_client import *  # noqa: F403


class BadInput(harness.EnsembleTest):
    def setUp(self):
        self.other = self.client()
        self.home = self.place(self.other)

    def tearDown(self):
        # A client that did nothing wrong is served as before, on the connection it had.
        self.assertEqual(self.states, [])
        self.assertEqual(self.other.get(self.home)[0], b"")

    def client(self, *a, **k):
        client = super().client(*a, **k)
        self.states = []
        client.add_listener(self.states.append)
        return client

    def raw(self, node=1):
        client = RawClient(self.ensemble.address(node))
        self.addCleanup(client.socket.close)
        return client

    def connected(self, node=1):
        client = self.raw(node)
        self.assertGreater(client.connect()[0], 0)
        return client

    def check_absent(self, path):
        self.other.sync(self.home)
        self.assertIsNone(self.other.exists(path))

    # ---- frames

    def test_a_frame_of_negative_length_ends_the_connection(self):
        for length in (-1, -2147483648):
            for client in (self.raw(), self.connected()):
                client.send(struct.pack(">i", length) + bytes(20))
                self.assertTrue(client.is_closed(), length)

    def test_a_frame_above_the_limit_ends_the_connection(self):
        for length in (0x100000 + 0x100000, 0x7fffffff):
            for client in (self.raw(), self.connected()):
                client.send(struct.pack(">i", length) + bytes(1000))
                self.assertTrue(client.is_closed(), length)

    def test_the_largest_frame_is_served(self):
        client = self.connected()
        path = self.home + "/large"
        header = len(create_body(path)) + 8
        data = os.urandom(1000) * ((0xfffff - 2000 - header) // 1000)
        self.assertEqual(client.request(CREATE, create_body(path, data))[0], 0)
        error, body = client.request(GET_DATA, path_and_watch(path))
        self.assertEqual((error, body[4:4 + len(data)] == data), (0, True))

    def test_a_truncated_frame_waits_and_is_forgotten_when_the_connection_ends(self):
        client = self.connected()
        whole = string(struct.pack(">ii", 1, CREATE) + create_body(self.home + "/never"))
        client.send(whole[:-1])
        client.socket.close()
        self.check_absent(self.home + "/never")

    def test_a_request_that_comes_byte_by_byte_is_served(self):
        client = self.connected()
        for byte in string(struct.pack(">ii", 1, CREATE) + create_body(self.home + "/slow")):
            client.send(bytes([byte]))
        self.assertEqual(client.reply(1)[0], 0)

    def test_a_body_that_ends_early_is_a_marshalling_error_and_changes_nothing(self):
        body = create_body(self.home + "/cut")
        for size in range(len(body)):
            client = self.connected()
            client.send_request(CREATE, body[:size])
            try:
                self.assertEqual(client.reply(1)[0], -5, size)
            except Closed:
                pass
            client.socket.close()
        self.check_absent(self.home + "/cut")

    def test_lengths_inside_a_body_are_not_believed(self):
        for length in (-2, -2147483648, 0x7fffffff, 1000):
            for op, rest in ((CREATE, b"/x"), (GET_DATA, b"/x\0"), (SET_WATCHES, b""), (MULTI, b"")):
                client = self.connected()
                body = struct.pack(">i", length) + rest
                client.send_request(op, body)
                try:
                    self.assertNotEqual(client.reply(1)[0], 0, (op, length))
                except Closed:
                    pass
                client.socket.close()

    def test_a_vector_with_a_huge_count_is_not_believed(self):
        client = self.connected()
        acl = struct.pack(">i", 0x7ffffff0) + OPEN_ACL[4:]
        client.send_request(CREATE, create_body(self.home + "/acls", acl=acl))
        try:
            self.assertEqual(client.reply(1)[0], -5)
        except Closed:
            pass
        self.check_absent(self.home + "/acls")

    # ---- opcodes

    def test_an_unknown_opcode_is_answered_unimplemented_and_ends_the_connection(self):
        for op in (0, 10, 99, 999, -2147483648, 0x7fffffff):
            client = self.connected()
            self.assertEqual(client.request(op)[0], -6, op)
            self.assertTrue(client.is_closed(), op)

    # ---- connect

    def test_a_request_before_the_connect_request_is_not_served(self):
        client = self.raw()
        client.send_frame(struct.pack(">ii", 1, CREATE) + create_body(self.home + "/early"))
        try:
            client.receive_frame()
        except Closed:
            pass
        self.check_absent(self.home + "/early")

    def test_a_connect_request_without_its_read_only_byte_is_answered_without_one(self):
        client = self.raw()
        self.assertGreater(client.connect(read_only=b"")[0], 0)
        self.assertIn(len(client.connect_answer), (36, 37))

    def test_a_connect_request_that_ends_early_ends_the_connection(self):
        for size in range(0, 43, 7):
            client = self.raw()
            client.send_frame(connect_request()[:size])
            self.assertTrue(client.is_closed(), size)

    def test_a_client_that_has_seen_the_future_is_sent_elsewhere(self):
        client = self.raw()
        client.send_frame(connect_request(last_zxid=0x7000000000000000))
        self.assertTrue(client.is_closed())

    def test_a_wrong_password_does_not_open_a_session(self):
        owner = self.connected()
        self.assertEqual(owner.request(CREATE, create_body(self.home + "/mine", flags=1))[0], 0)
        for password in (NO_PASSWORD, os.urandom(16), b"", os.urandom(100)):
            thief = self.raw(random.choice(self.ensemble.nodes))
            timeout_ms, session, given = thief.connect(session=owner.session, password=password)
            self.assertEqual((timeout_ms, session, given), (0, 0, NO_PASSWORD))
            self.assertTrue(thief.is_closed())
        self.assertIsNotNone(self.other.exists(self.home + "/mine"))

    def test_a_session_that_never_was_is_expired(self):
        client = self.raw()
        self.assertEqual(client.connect(session=0x0123456789abcdef, password=os.urandom(16))[:2], (0, 0))
        self.assertTrue(client.is_closed())

    # ---- paths

    def test_bad_paths_are_refused_and_the_connection_stays(self):
        client = self.connected()
        h = self.home
        for path in ("", "x", h + "/", "//x", "/.", "/..", h + "/.", h + "/..", "/a\0b", "/a\x01", "/a\x1f",
                     "/a\x7f", "/a\x9f", "/\ufff0"):
            self.assertEqual(client.request(CREATE, create_body(path))[0], -8, repr(path))
        self.assertEqual(client.request(DELETE, string("/") + struct.pack(">i", -1))[0], -8)
        self.assertEqual(client.request(EXISTS, path_and_watch(self.home))[0], 0)

    def test_flags_that_do_not_exist_are_refused(self):
        client = self.connected()
        for flags in (7, 99, -1):
            self.assertEqual(client.request(CREATE, create_body(self.home + "/flags", flags=flags))[0], -8, flags)

    def test_bad_acls_are_refused(self):
        client = self.connected()

        def acl(scheme, name):
            return struct.pack(">ii", 1, 31) + string(scheme) + string(name)
        for bad in (struct.pack(">i", 0), struct.pack(">i", -1), acl("world", "nobody"), acl("nonsense", "x"),
                    acl("digest", "x"), acl("ip", "here"), acl("auth", "")):
            self.assertEqual(client.request(CREATE, create_body(self.home + "/acl", acl=bad))[0], -114, bad)

    # ---- rubbish

    def test_rubbish_ends_its_connection_at_worst(self):
        generator = random.Random(5)
        for _ in range(60):
            client = self.raw(generator.choice(self.ensemble.nodes))
            try:
                if generator.random() < 0.5:
                    client.connect()
                if generator.random() < 0.5:
                    client.send(generator.randbytes(generator.randrange(1, 3000)))
                else:
                    op = generator.choice((1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 14, 15, 100, 101, 105, -11))
                    client.send_request(op, generator.randbytes(generator.randrange(0, 80)))
            except (Closed, ConnectionError):
                pass
            client.socket.close()

    def test_a_multi_of_rubbish_changes_nothing(self):
        generator = random.Random(6)
        good = struct.pack(">i?i", CREATE, False, -1) + create_body(self.home + "/multi")
        for _ in range(60):
            client = self.connected(generator.choice(self.ensemble.nodes))
            client.send_request(MULTI, good + struct.pack(">i?i", generator.choice((1, 2, 5, 13, 15)), False, -1) +
                                generator.randbytes(generator.randrange(0, 40)))
            try:
                error, body, _ = client.reply(1)
                if error == 0:
                    self.assertEqual(struct.unpack(">i", body[:4])[0], -1)
            except Closed:
                pass
            client.socket.close()
        self.check_absent(self.home + "/multi")

    # ---- connections

    def test_half_open_connections_do_not_hinder_others(self):
        silent = [self.raw() for _ in range(20)]
        half = [self.raw() for _ in range(20)]
        for client in half:
            client.send(connect_request()[:10])
        reader = self.connected()
        self.assertEqual(reader.request(EXISTS, path_and_watch(self.home))[0], 0)
        self.assertEqual(len(silent) + len(half), 40)

    def test_a_client_that_reads_nothing_does_not_hinder_others(self):
        owner = self.connected()
        path = self.home + "/big"
        self.assertEqual(owner.request(CREATE, create_body(path, bytes(500000)))[0], 0)
        greedy = self.connected()
        greedy.socket.settimeout(0.5)
        try:
            for _ in range(2000):
                greedy.send_request(GET_DATA, path_and_watch(path))
        except OSError:
            pass
        for _ in range(100):
            self.assertEqual(owner.request(EXISTS, path_and_watch(self.home))[0], 0)

    def test_a_connection_reset_in_the_middle_of_replies_is_only_its_own_end(self):
        owner = self.connected()
        path = self.home + "/reset"
        self.assertEqual(owner.request(CREATE, create_body(path, bytes(100000)))[0], 0)
        for _ in range(20):
            client = self.connected()
            for _ in range(20):
                client.send_request(GET_DATA, path_and_watch(path, True))
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.socket.close()
        self.assertEqual(owner.request(EXISTS, path_and_watch(path))[0], 0)


@harness.needs_processes
class BadPeers(harness.EnsembleTest):
    processes = True

    def test_rubbish_on_the_port_of_the_peers_is_only_its_own_end(self):
        generator = random.Random(7)
        client = self.client()
        home = self.place(client)
        pids = [self.ensemble.pid(n) for n in self.ensemble.nodes]
        leader = self.ensemble.wait_for_all()
        for node in self.ensemble.nodes:
            for port in self.peer_ports(node):
                for payload in self.rubbish(generator):
                    with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
                        try:
                            s.sendall(payload)
                        except ConnectionError:
                            pass
                    client.set(home, payload[:100])
        self.assertEqual(self.ensemble.leader(), leader)
        self.assertEqual([self.ensemble.pid(n) for n in self.ensemble.nodes], pids)
        self.assertTrue(all(self.ensemble.runs(n) for n in self.ensemble.nodes))

    def peer_ports(self, node):
        """Where the node listens, but for clients."""
        inodes = {os.readlink(f.path)[8:-1] for f in os.scandir("/proc/%d/fd" % self.ensemble.pid(node))
                  if os.readlink(f.path).startswith("socket:")}
        ports = set()
        with open("/proc/net/tcp") as table:
            for line in list(table)[1:]:
                column = line.split()
                if column[3] == "0A" and column[9] in inodes:
                    ports.add(int(column[1].split(":")[1], 16))
        ports.discard(self.ensemble.address(node)[1])
        self.assertTrue(ports, "node %d listens for no peer" % node)
        return ports

    @staticmethod
    def rubbish(generator):
        yield b""
        yield bytes(32)
        yield b"\xff" * 64
        yield b"GET / HTTP/1.0\r\n\r\n"
        for _ in range(30):
            yield generator.randbytes(generator.randrange(1, 5000))
        for length in (0, 1, 7, 8, 1 << 20, 0x7fffffff, 0xffffffff):
            for order in "<>":
                yield struct.pack(order + "I", length) + generator.randbytes(200)


if __name__ == "__main__":
    harness.main()
