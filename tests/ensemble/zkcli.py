"""ZooKeeper's own shell, as its users run it."""

import os
import re
import shutil
import subprocess
import unittest

import harness

ZKCLI = "/usr/share/zookeeper/bin/zkCli.sh"


@unittest.skipUnless(shutil.which("java") and os.path.exists(ZKCLI), "needs java and Debian's package zookeeper")
class ZkCli(harness.EnsembleTest):
    def shell(self, *commands, node=None):
        """What the shell says to these lines. A JVM takes a second to start: one for many commands."""
        done = subprocess.run([ZKCLI, "-server", self.ensemble.host(node) if node else self.ensemble.connect],
                              input="\n".join(commands + ("quit", "")), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              universal_newlines=True, timeout=120)
        return done.stdout

    def test_create_read_write_delete(self):
        home = self.place(self.client())
        said = self.shell(
            "create %s/a hello" % home, "get %s/a" % home, "set %s/a goodbye" % home, "get -s %s/a" % home,
            "create -e %s/e x" % home, "create -s %s/s- x" % home, "create -s -e %s/s- x" % home, "ls %s" % home,
            "stat %s/a" % home, "delete -v 7 %s/a" % home, "deleteall %s/a" % home, "ls %s" % home, "sync %s" % home,
            "get %s/none" % home)
        for expected in ("Created %s/a" % home, "hello", "goodbye", "dataVersion = 1", "Created %s/e" % home,
                         "Created %s/s-0000000002" % home, "Created %s/s-0000000003" % home,
                         "[a, e, s-0000000002, s-0000000003]", "numChildren = 0", "version No is not valid : %s/a" % home,
                         "[e, s-0000000002, s-0000000003]", "Sync is OK", "Node does not exist: %s/none" % home):
            self.assertIn(expected, said)

    def test_acls_and_digests(self):
        home = self.place(self.client())
        said = self.shell(
            "addauth digest ann:pass", "create %s/x secret auth::cdrwa" % home, "getAcl %s/x" % home, "get %s/x" % home,
            "create %s/y open" % home, "setAcl %s/y world:anyone:r" % home, "getAcl -s %s/y" % home,
            "set %s/y no" % home)
        for expected in ("'digest,'ann:", ": cdrwa", "secret", "'world,'anyone", ": r", "aclVersion = 1",
                         "Insufficient permission : %s/y" % home):
            self.assertIn(expected, said)
        self.assertIn("Insufficient permission : %s/x" % home, self.shell("get %s/x" % home))

    def test_watches_and_ephemerals_of_a_shell_that_ends(self):
        client = self.client()
        home = self.place(client)
        said = self.shell("create -e %s/e x" % home, "ls -w %s" % home, "create %s/n x" % home, "get -w %s/n" % home,
                          "set %s/n y" % home, node=1)
        self.assertRegex(said, re.compile("WatchedEvent.*NodeChildrenChanged.*path:%s$" % home, re.M))
        self.assertRegex(said, re.compile("WatchedEvent.*NodeDataChanged.*path:%s/n$" % home, re.M))
        client.sync(home)
        self.assertEqual(client.get_children(home), ["n"])


if __name__ == "__main__":
    harness.main()
