import os
import pathlib
import signal
import socket
import subprocess
import time
import unittest

import support


def ask(port, word):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
        s.sendall(word.encode())
        answer = b""
        while True:
            part = s.recv(65536)
            if not part:
                return answer.decode()
            answer += part


class EnsembleCommands(support.TestCase):
    def setUp(self):
        super().setUp()
        self.ensemble = self.dir / "e"

    def up(self, nodes=None, base=None, *more):
        """Starts it, checks the contract, returns the base port."""
        arguments = ["up", f"--dir={self.ensemble}", *more]
        if nodes is not None:
            self.nodes, self.base = nodes, base or support.free_base_port(nodes)
            arguments += [f"--nodes={nodes}", f"--base-port={self.base}"]
        self.addCleanup(support.run, "down", f"--dir={self.ensemble}")
        code, out, err = support.run(*arguments)
        self.assertEqual(code, 0, err)
        self.assertEqual(out.splitlines()[-1], ",".join(f"127.0.0.1:{self.base + i}" for i in range(self.nodes)))

    def pid(self, i):
        return int((self.ensemble / f"node-{i}" / "pid").read_text())

    def status(self):
        """{node: [address, pid, role, epoch, zxid, sessions]} and the exit code."""
        code, out, _ = support.run("status", f"--dir={self.ensemble}")
        rows = [line.split() for line in out.splitlines()[1:]]
        return {int(r[0].split("-")[1]): r[1:] for r in rows}, code

    def wait_until_serves(self, port):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if "Mode: " in ask(port, "srvr"):
                    return
            except OSError:
                time.sleep(0.01)
        self.fail(f"nothing serves at {port}")

    def kill(self, *nodes):
        for i in nodes:
            os.kill(self.pid(i), signal.SIGKILL)

    def test_three_nodes_serve_after_up_and_are_gone_after_down(self):
        self.up(3)
        rows, code = self.status()
        self.assertEqual(code, 0)
        self.assertEqual(sorted(rows[i][2] for i in rows), ["follower", "follower", "leader"])
        for i in (1, 2, 3):
            node = self.ensemble / f"node-{i}"
            self.assertTrue((node / "node.conf").is_file() and (node / "log").is_file())
            self.assertEqual(rows[i][:2], [f"127.0.0.1:{self.base + i - 1}", str(self.pid(i))])
            self.assertGreaterEqual(int(rows[i][3]), 1)
            self.assertTrue(rows[i][4].startswith("0x"))
            self.assertTrue(rows[i][5].isdigit(), rows[i])
            self.assertIn("Mode: ", ask(self.base + i - 1, "srvr"))
        pids = [self.pid(i) for i in (1, 2, 3)]
        self.assertEqual(support.run("down", f"--dir={self.ensemble}"), (0, "", ""))
        for pid in pids:
            self.assertFalse(pathlib.Path(f"/proc/{pid}/cmdline").exists()
                             and pathlib.Path(f"/proc/{pid}/cmdline").read_bytes())
        self.assertEqual(self.status()[1], 1)

    def test_every_node_has_an_actor_port(self):
        self.up(2)
        for i in (1, 2):
            self.assertIn(f"actor-port = {self.base + 1000 + i - 1}\n", (self.ensemble / f"node-{i}" / "node.conf").read_text())
            socket.create_connection(("127.0.0.1", self.base + 1000 + i - 1), timeout=5).close()

    def test_one_node_is_standalone(self):
        self.up(1)
        rows, code = self.status()
        self.assertEqual((code, rows[1][2]), (0, "standalone"))

    def test_up_again_at_once_after_kill_9_of_all_starts_all(self):
        self.up(3)
        for _ in range(3):
            self.kill(1, 2, 3)
            self.up()
            self.assertEqual(self.status()[1], 0)

    def test_up_again_leaves_alone_what_runs_and_starts_what_does_not(self):
        self.up(3)
        before = [self.pid(i) for i in (1, 2, 3)]
        self.kill(2)
        self.up()
        after = [self.pid(i) for i in (1, 2, 3)]
        self.assertEqual((before[0], before[2]), (after[0], after[2]))
        self.assertNotEqual(before[1], after[1])

    def test_a_stale_pid_file_counts_as_not_running(self):
        self.up(1)
        self.kill(1)
        (self.ensemble / "node-1" / "pid").write_text(f"{os.getpid()}\n")
        self.assertEqual(self.status()[0][1][2], "down")
        self.up()
        self.assertNotEqual(self.pid(1), os.getpid())

    def test_a_node_restarted_by_hand_is_known_to_status_and_down(self):
        self.up(1)
        self.kill(1)
        child = subprocess.Popen([support.TROUPE, "node", f"--config-file={self.ensemble}/node-1/node.conf"],
                                 stderr=subprocess.DEVNULL)
        self.addCleanup(child.kill)
        self.wait_until_serves(self.base)
        self.assertEqual(self.status()[0][1][1:3], [str(child.pid), "standalone"])
        self.assertEqual(self.pid(1), child.pid)
        support.run("down", f"--dir={self.ensemble}")
        child.wait(30)
        self.assertEqual(self.status()[1], 1)

    def test_an_existing_ensemble_keeps_its_size_and_its_ports(self):
        self.up(1)
        self.assert_refused(support.run("up", f"--dir={self.ensemble}", "--nodes=3"), "holds an ensemble of 1")
        self.assert_refused(support.run("up", f"--dir={self.ensemble}", f"--base-port={self.base + 1}"), f"at {self.base}")

    def test_a_taken_port_is_refused_and_next_free_goes_around_it(self):
        base = support.free_base_port(2)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", base))
            s.listen()
            result = support.run("up", f"--dir={self.ensemble}", "--nodes=1", f"--base-port={base}")
            self.assert_refused(result, f"127.0.0.1:{base} ('client-port') is in use")
            self.assertFalse(self.ensemble.exists())
            self.addCleanup(support.run, "down", f"--dir={self.ensemble}")
            code, out, err = support.run("up", f"--dir={self.ensemble}", "--nodes=1", f"--base-port={base}", "--next-free")
            self.assertEqual(code, 0, err)
            self.assertGreater(int(out.strip().rsplit(":", 1)[1]), base)

    def test_next_free_goes_around_a_taken_actor_port(self):
        base = support.free_base_port(2)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", base + 1000))
            s.listen()
            result = support.run("up", f"--dir={self.ensemble}", "--nodes=1", f"--base-port={base}")
            self.assert_refused(result, f"127.0.0.1:{base + 1000} ('actor-port') is in use")
            self.addCleanup(support.run, "down", f"--dir={self.ensemble}")
            code, out, err = support.run("up", f"--dir={self.ensemble}", "--nodes=1", f"--base-port={base}", "--next-free")
            self.assertEqual(code, 0, err)
            self.assertGreater(int(out.strip().rsplit(":", 1)[1]), base)

    def test_a_node_that_cannot_start_makes_up_fail_with_the_end_of_its_log(self):
        self.up(1)
        support.run("down", f"--dir={self.ensemble}")
        conf = self.ensemble / "node-1" / "node.conf"
        conf.write_text(conf.read_text().replace("[troupe]\n", '[troupe]\nensemble = "another"\n'))
        code, out, err = support.run("up", f"--dir={self.ensemble}")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("node-1 ended (exit code 2)", err)
        self.assertIn("the end of", err)


unittest.main()
