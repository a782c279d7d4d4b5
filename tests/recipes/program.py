"""A program that takes commands on its standard input and answers each by a line `ok`: the trials of this folder."""

import os
import queue
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "ensemble"))

# A trial gives up by itself before.
PATIENCE_S = 180


def actor_ports(ensemble):
    """`troupe up` puts them 1000 above the client ports."""
    return [str(port + 1000) for _, port in ensemble.addresses]


class Program:
    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True)
        self.lines, self.said = queue.Queue(), []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def line(self):
        try:
            line = self.lines.get(timeout=PATIENCE_S)
        except queue.Empty:
            raise AssertionError("the trial says nothing for %d s; before: %s" % (PATIENCE_S, self.said)) from None
        self.said.append(line)
        return line

    def expect_ok(self):
        line = self.line()
        if line is None:
            raise AssertionError("the trial ended with exit code %d; before: %s"
                                 % (self.process.wait(timeout=PATIENCE_S), self.said))
        if line != "ok":
            self.process.stdin.close()
            raise AssertionError("the trial says: %s" % "\n".join([str(line)] + self.rest()))

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        self.expect_ok()

    def rest(self):
        """What it says until it ends."""
        out = []
        while True:
            line = self.line()
            if line is None:
                return out
            out.append(line)

    def finish(self):
        self.process.stdin.write("finish\n")
        self.process.stdin.flush()
        out = self.rest()
        code = self.process.wait(timeout=PATIENCE_S)
        print("\n".join(out), flush=True)
        if code != 0:
            raise AssertionError("the trial failed with exit code %d:\n%s" % (code, "\n".join(out)))
        return out

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
