"""The required ends of disk faults: what a node must do, and say, when its disk fails or its files are not what it wrote."""

import re
import signal
import time

import disk


class Breach(Exception):
    """The server did what it must not."""


# What names a failed disk in the last lines of a log: the error's own text, or what was found.
STOPPED = re.compile(r"Input/output error|No space left|MDB_PANIC|cannot be trusted|disk", re.I)


def check_last_words(rig, node, kind):
    words = rig.last_words(node, 8)
    code = rig.processes[node].returncode
    if code < 0:
        # Another nemesis may have killed it while it was on its way out.
        if code == -9:
            return
        raise Breach("node %d died of signal %d after %s: %s" % (node, -code, kind, words))
    if code != 0 and rig.logs[node].blocked_since_start:
        return  # nobody read them
    if code == 0 or not STOPPED.search(words):
        raise Breach("node %d stopped with code %d after %s without a clear message: %s" % (node, code, kind, words))
    rig.say("node %d stopped after %s: %s", node, kind, words)


def refuses(rig, node):
    """A node that runs on damaged files ended, with a clear message. LMDB may end it by a signal: it trusts its pages."""
    code, words = rig.processes[node].returncode, rig.last_words(node)
    if code > 0:
        return bool(words) or rig.logs[node].blocked_since_start
    return -code in (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT) and "move the data directory away" in words


def spoil(rig, random, how, kind):
    """Damages one file of one node that was killed. It must refuse to start with a clear message, or start and be right;
    a node that refuses is wiped and comes back by synchronisation. That it is right is seen at the end, by comparing."""
    victim = random.choice(rig.victims)
    others = [n for n in rig.nodes if n != victim]
    if random.random() < 0.5:
        rig.kill(victim)
    else:
        rig.stop(victim)
    rig.wait_for_all(others)
    done = how(random.choice(disk.files_below(rig.data(victim))))
    if not done:
        rig.start(victim)
        return rig.wait_for_all()
    rig.say("%s: %s", kind, done)
    rig.count(kind)
    rig.start(victim)
    rig.expected_dead.add(victim)
    end = time.monotonic() + 120
    while rig.runs(victim) and not rig.mode(victim):
        if time.monotonic() > end:
            raise Breach("node %d neither serves nor refuses after damage: %s" % (victim, done))
        time.sleep(0.05)
    # What is read late may be found late: a while of work shows it.
    end = time.monotonic() + 1
    while rig.runs(victim) and time.monotonic() < end:
        time.sleep(0.05)
    if rig.runs(victim):
        rig.count(kind + ", recovered")
        rig.expected_dead.discard(victim)
        # It may still find the damage when it reads there, and must refuse then: Rig.watch allows it.
        rig.spoiled.add(victim)
        return rig.wait_for_all()
    code, words = rig.processes[victim].returncode, rig.last_words(victim)
    if not refuses(rig, victim):
        raise Breach("node %d: code %d and no clear refusal after damage (%s): %s" % (victim, code, done, words))
    rig.say("node %d refuses: %s", victim, words)
    rig.count(kind + (", refused" if code > 0 else ", ended by a signal"))
    return bring_back(rig, victim)


def bring_back(rig, victim):
    """A node that refused its data gets them again from its peers."""
    rig.spoiled.discard(victim)
    rig.wipe(victim)
    rig.start(victim)
    rig.wait_for_all()
