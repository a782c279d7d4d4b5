"""Every example runs as its README.md says, and prints what stands there.

A README's block ```console has a command behind `$ ` (it may go on on the next line, behind a backslash) and the lines
that it prints, in order; `...` stands for anything, as a line for any lines. The addresses of ./dev run are replaced by
those of an ensemble of this test's own, build/release by the build that is tested."""

import os
import re
import subprocess
import sys
import unittest

SOURCE = os.environ["TROUPE_SOURCE"]
BUILD = os.environ["EXAMPLES_BUILD"]
sys.path.insert(0, os.path.join(SOURCE, "tests", "ensemble"))
import harness  # noqa: E402


def blocks_of(text):
    """(command, expected lines) of each console block."""
    for block in re.findall(r"^```console\n(.*?)^```", text, re.M | re.S):
        lines, commands = block.replace("\\\n", " ").splitlines(), []
        for line in lines:
            if line.startswith("$ "):
                commands.append((line[2:], []))
            else:
                commands[-1][1].append(line)
        yield from commands


def pattern_of(lines):
    out = ""
    for line in lines:
        if line == "...":
            out += r"(?:.*\n)*?"
        else:
            out += ".*".join(re.escape(part) for part in line.split("...")) + r"\n"
    return out + r"\Z"


class Examples(harness.EnsembleTest):
    processes = True
    settings = {
        "plugins": "[%s]" % ", ".join('"%s"' % os.path.join(os.path.abspath(BUILD), "examples", *plugin) for plugin in
                                      (("request_type", "libbank.so"), ("node_actor", "libtally.so"))),
        "actors": '[{name="tally", type="example.tally", below="/"}]',
    }

    def local(self, command):
        base = self.ensemble.base_port
        for node in range(3):
            command = command.replace("127.0.0.1:%d" % (2181 + node), "127.0.0.1:%d" % (base + node))
            command = command.replace("127.0.0.1:%d" % (3181 + node), "127.0.0.1:%d" % (base + 1000 + node))
        return command.replace("build/release", BUILD)

    def run_example(self, folder):
        with open(os.path.join(SOURCE, "examples", folder, "README.md")) as f:
            blocks = list(blocks_of(f.read()))
        self.assertTrue(blocks, "no console block")
        for command, expected in blocks:
            done = subprocess.run(self.local(command), shell=True, cwd=SOURCE, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, universal_newlines=True, timeout=60)
            self.assertEqual(done.returncode, 0, "%s\n%s" % (command, done.stdout))
            self.assertRegex(done.stdout, pattern_of(expected), command)


def test_of(folder):
    return lambda self: self.run_example(folder)


for name in sorted(os.listdir(os.path.join(SOURCE, "examples"))):
    if os.path.exists(os.path.join(SOURCE, "examples", name, "README.md")):
        setattr(Examples, "test_" + name, test_of(name))


if __name__ == "__main__":
    unittest.main(verbosity=2)
