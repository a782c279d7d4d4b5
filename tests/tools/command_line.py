import pathlib
import subprocess
import time
import unittest

import support


class CommandLine(support.TestCase):
    def test_help_names_every_subcommand(self):
        code, out, err = support.run("--help")
        self.assertEqual((code, err), (0, ""))
        for name in ("node", "up", "down", "status"):
            self.assertIn(f"\n  {name} ", out)
            self.assertEqual(support.run(name, "--help")[0], 0)

    def test_version_is_the_projects(self):
        code, out, _ = support.run("--version")
        wanted = (support.SOURCE / "CMakeLists.txt").read_text().split("project(troupe VERSION ")[1].split()[0]
        self.assertEqual((code, out), (0, f"troupe {wanted}\n"))

    def test_no_subcommand_is_a_usage_error(self):
        self.assert_refused(support.run(), "subcommand is required")

    def test_an_unknown_subcommand_is_named(self):
        self.assert_refused(support.run("upp"), "'upp'", "node, up, down, status")

    def test_an_unknown_option_is_named(self):
        self.assert_refused(support.run("up", f"--dir={self.dir}/e", "--nodez=3"), "--nodez=3")

    def test_a_missing_option_is_named(self):
        for name in ("up", "down", "status"):
            self.assert_refused(support.run(name), "--dir is required")
        self.assert_refused(support.run("node"), "--config-file=FILE is missing")

    def test_a_number_that_is_none_is_named(self):
        self.assert_refused(support.run("up", f"--dir={self.dir}/e", "--nodes=three"), "--nodes")

    def test_down_and_status_refuse_a_directory_without_an_ensemble(self):
        for name in ("down", "status"):
            self.assert_refused(support.run(name, f"--dir={self.dir}"), "holds no ensemble")

    def test_up_refuses_what_cannot_be_and_creates_nothing(self):
        target = self.dir / "e"
        self.assert_refused(support.run("up", f"--dir={target}", "--nodes=0"), "--nodes must be from 1 to 255")
        self.assert_refused(support.run("up", f"--dir={target}", "--base-port=65535"), "65535 to 65537")
        self.assert_refused(support.run("up", f"--dir={target}", "--set=tick"), "is not KEY=VALUE")
        self.assert_refused(support.run("up", f"--dir={target}", "--set=tik=1s"), "unknown key 'tik'")
        self.assertFalse(target.exists())

    def test_a_simulation_that_is_ended_ends_its_workers(self):
        simulation = subprocess.Popen([support.TROUPE, "simulate", "--seeds=1..1000000000", "--jobs=2"], stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        for end in (simulation.stdout.close, simulation.wait, simulation.kill):  # the last one first
            self.addCleanup(end)
        children = pathlib.Path(f"/proc/{simulation.pid}/task/{simulation.pid}/children")
        deadline = time.monotonic() + 60
        while len(workers := children.read_text().split()) < 2:
            self.assertLess(time.monotonic(), deadline, "no workers")
            time.sleep(0.01)
        simulation.terminate()
        try:
            simulation.communicate(timeout=60)  # its stdout is the workers' as well, and ends with the last of them
        except subprocess.TimeoutExpired:
            for worker in workers:
                subprocess.run(["kill", worker], check=False)
            self.fail("workers still run")


unittest.main()
