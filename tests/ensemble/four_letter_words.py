"""ruok, srvr, stat, mntr, isro, conf, cons, as monitoring tools read them."""

import re
import socket

import harness
from harness import four_letter_word


class FourLetterWords(harness.EnsembleTest):
    def ask(self, word, node=1):
        return four_letter_word(self.ensemble.address(node), word)

    def test_ruok(self):
        for node in self.ensemble.nodes:
            self.assertEqual(self.ask("ruok", node), "imok")

    def test_isro(self):
        self.assertEqual(self.ask("isro").strip(), "rw")

    def test_srvr_tells_mode_zxid_and_counts(self):
        modes = []
        for node in self.ensemble.nodes:
            text = self.ask("srvr", node)
            for line in (r"^Zookeeper version: \S", r"^Latency min/avg/max: \d+/[\d.]+/\d+$", r"^Received: \d+$",
                         r"^Sent: \d+$", r"^Connections: \d+$", r"^Outstanding: \d+$", r"^Zxid: 0x[0-9a-f]+$",
                         r"^Node count: \d+$"):
                self.assertRegex(text, re.compile(line, re.M))
            modes.append(re.search(r"^Mode: (\S+)$", text, re.M).group(1))
        self.assertEqual(sorted(modes), ["follower"] * (len(modes) - 1) + ["leader"])

    def test_srvr_follows_what_happens(self):
        client = self.client(1)
        home = self.place(client)

        def numbers():
            text = self.ask("srvr")
            return {k: int(re.search(r"^%s: (\w+)" % k, text, re.M).group(1), 0)
                    for k in ("Received", "Sent", "Connections", "Zxid", "Node count")}
        before = numbers()
        for i in range(10):
            client.create(home + "/%d" % i)
        after = numbers()
        self.assertGreaterEqual(after["Received"], before["Received"] + 10)
        self.assertGreaterEqual(after["Sent"], before["Sent"] + 10)
        self.assertGreaterEqual(after["Node count"], before["Node count"] + 10)
        self.assertGreaterEqual(after["Zxid"], client.exists(home + "/9").czxid)
        self.assertGreaterEqual(before["Connections"], 1)

    def test_stat_lists_clients(self):
        client = self.client(1)
        self.place(client)
        text = self.ask("stat")
        self.assertRegex(text, re.compile(r"^ /127\.0\.0\.1:\d+\[\d+\]\(queued=\d+,recved=\d+,sent=\d+\)$", re.M))
        self.assertRegex(text, re.compile(r"^Mode: \S+$", re.M))
        self.assertLess(text.index("Clients:"), text.index("Latency"))

    def test_cons_lists_sessions(self):
        client = self.client(1)
        self.place(client)
        text = self.ask("cons")
        session = "sid=0x%x," % (client.client_id[0] & 0xffffffffffffffff)
        line = [l for l in text.splitlines() if session in l]
        self.assertEqual(len(line), 1, text)
        self.assertRegex(line[0], r"^ /127\.0\.0\.1:\d+\[1\]\(queued=\d+,recved=\d+,sent=\d+,.*to=10000.*\)$")

    def test_mntr_has_the_keys_that_dashboards_read(self):
        leaders = 0
        for node in self.ensemble.nodes:
            lines = [l for l in self.ask("mntr", node).splitlines() if l]
            self.assertTrue(all(re.match(r"^zk_\S+\t.*$", l) for l in lines), lines)
            values = dict(l.split("\t", 1) for l in lines)
            for key in ("version", "server_state", "avg_latency", "max_latency", "min_latency", "packets_received",
                        "packets_sent", "num_alive_connections", "outstanding_requests", "znode_count", "watch_count",
                        "ephemerals_count", "approximate_data_size", "open_file_descriptor_count",
                        "max_file_descriptor_count"):
                self.assertIn("zk_" + key, values)
            self.assertGreaterEqual(float(values["zk_znode_count"]), 4)
            if values["zk_server_state"] == "leader":
                leaders += 1
                self.assertEqual(int(float(values["zk_synced_followers"])), len(self.ensemble.addresses) - 1)
        self.assertEqual(leaders, 1)

    def test_mntr_counts_watches_and_ephemerals(self):
        client = self.client(1)
        home = self.place(client)

        def values():
            return dict(l.split("\t", 1) for l in self.ask("mntr").splitlines() if l)
        before = values()
        for i in range(5):
            client.create(home + "/%d" % i, ephemeral=True)
            client.exists(home + "/none-%d" % i, watch=print)
        after = values()
        for key, more in (("zk_watch_count", 5), ("zk_ephemerals_count", 5), ("zk_znode_count", 5)):
            self.assertEqual(int(float(after[key])) - int(float(before[key])), more, key)

    def test_conf(self):
        text = self.ask("conf")
        for key in ("clientPort", "dataDir", "tickTime", "maxClientCnxns", "minSessionTimeout", "maxSessionTimeout",
                    "serverId"):
            self.assertRegex(text, re.compile(r"^%s=\S+" % key, re.M))
        self.assertIn("clientPort=%d\n" % self.ensemble.address(1)[1], text)

    def test_a_word_in_pieces(self):
        with socket.create_connection(self.ensemble.address(1), timeout=20) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for letter in "ruok":
                s.sendall(letter.encode())
            self.assertEqual(s.recv(100), b"imok")
            self.assertEqual(s.recv(100), b"")

    def test_a_word_that_is_none_is_no_frame_either(self):
        with socket.create_connection(self.ensemble.address(1), timeout=20) as s:
            s.sendall(b"nope")
            try:
                self.assertEqual(s.recv(100), b"")
            except ConnectionError:
                pass

    def test_kazoo_asks_words_too(self):
        self.assertEqual(self.client(1).command(b"ruok"), "imok")


if __name__ == "__main__":
    harness.main()
