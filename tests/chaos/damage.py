"""The required ends of disk faults: what a node must do, and say, when its disk fails or its files are not what it wrote."""

import re
import signal
import time

import disk


class Breach(Exception):
    """The server did what it must not."""


# What names a failed disk: the error's own text, or what was found.
FAILED_DISK = re.compile(r"Input/output error|No space left|MDB_PANIC|cannot be trusted|the disk", re.I)
# How a node that ends in order begins its last words: the critical line of the log, or what `troupe` complains of. What
# an exception that nobody caught makes of it is no order.
PARTING = re.compile(r"critical stopping: |^troupe: (?!ended by an exception|SIG)")
# The executable's documented exit codes, but for 0.
ORDERLY = (1, 2)
ADVICE = "move the data directory away"


def parting_words(rig, node):
    """The lines with which it took leave and which name its data directory, or a file there."""
    lines = rig.last_words(node, 12, "\n").split("\n")
    return [line for line in lines if PARTING.search(line) and rig.data(node) in line]


def check_last_words(rig, node):
    """A node whose disk failed must have ended in order, and named the file and the failure."""
    words, code = rig.last_words(node, 8), rig.processes[node].returncode
    clear = rig.logs[node].blocked_since_start or any(FAILED_DISK.search(w) for w in parting_words(rig, node))
    if code not in ORDERLY or not clear:
        raise Breach("node %d stopped with code %d after its disk failed, without a clear message: %s" % (
            node, code, words))
    rig.say("node %d stopped, its disk failed: %s", node, words)


def refuses(rig, node):
    """A node that runs on damaged files ended, naming them. LMDB may end it by a signal: it trusts its pages."""
    code, words = rig.processes[node].returncode, rig.last_words(node, 12)
    if code in ORDERLY:
        return bool(parting_words(rig, node)) or rig.logs[node].blocked_since_start
    return (-code in (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT) and ADVICE in words and rig.data(node) in words
            and "ended by an exception" not in words)


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
    rig.looked_at.add(victim)
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
        rig.looked_at.discard(victim)
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
