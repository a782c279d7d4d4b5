"""Disks that fail under a running node, and data that are gone, of one node at a time."""

import os
import time

import damage
import disk
from nemesis import NOT_NOW, leader_or_any, nemesis


def some_call(random):
    """How many calls come before the one that fails: 0 to 199, as often below 14 as above."""
    return int(200 ** random.random()) - 1


def healthy(rig, node):
    """It runs, and no fault of its disk waits, lasts, or is about to end it: of two at once nobody could say which struck."""
    return rig.runs(node) and rig.disks[node].armed == disk.NONE and not rig.must_end(node)


def disk_fault(rig, random, later, kind, name):
    """The node must stop by itself and say why (Rig.account looks at that); its peers go on; it starts again when the disk
    is good."""
    victim = leader_or_any(rig, random) if random.random() < 0.5 else random.choice(rig.victims)
    if not healthy(rig, victim):
        return NOT_NOW
    control, process, countdown = rig.disks[victim], rig.processes[victim], some_call(random)
    before = control.fired
    control.arm(kind, countdown)
    rig.say("%s for node %d, call %d from now", name, victim, countdown + 1)
    waits = [0]
    report = rig.ends(lambda: rig.count(name, control.fired > before))

    def look():
        waits[0] += 1
        gone = process.poll() is not None or rig.processes[victim] is not process
        if control.fired == before and not gone and waits[0] < 40:
            return later(0.2, look)
        if control.fired == before:  # too few calls came, or another nemesis killed it first
            control.disarm()
        report()
        return ended() if control.fired > before else None

    def ended():
        waits[0] += 1
        if process.poll() is None:
            if victim not in rig.paused and waits[0] > 600:  # paused by another nemesis it cannot end
                raise damage.Breach("node %d goes on after %s on its disk" % (victim, name))
            return later(0.2, ended)
        control.disarm()
        if rig.processes[victim] is not process:  # killed on its way out, and started again
            return None
        rig.account(victim)
        return later(random.uniform(0, 3), lambda: rig.runs(victim) or rig.start(victim))

    return later(0.1, look)


@nemesis("sync-error")
def sync_error(rig, random, later):
    return disk_fault(rig, random, later, disk.SYNC_ERROR, "sync-error")


@nemesis("write-error")
def write_error(rig, random, later):
    return disk_fault(rig, random, later, disk.WRITE_ERROR, "write-error")


@nemesis("torn-write")
def torn_write(rig, random, later):
    return disk_fault(rig, random, later, disk.SHORT_WRITE, "torn-write")


@nemesis("disk-full")
def disk_full(rig, random, later):
    return disk_fault(rig, random, later, disk.NO_SPACE, "disk-full")


@nemesis("sync-stall")
def sync_stall(rig, random, later):
    victim = leader_or_any(rig, random) if random.random() < 0.6 else random.choice(rig.victims)
    control, ms = rig.disks[victim], int(random.uniform(1000, 12_000))
    before = control.fired
    if not healthy(rig, victim):
        return NOT_NOW
    control.arm(disk.SYNC_STALL, random.choice([0, 1, 5]), ms)
    rig.say("sync-stall of %d ms for node %d", ms, victim)

    def end():
        if control.armed == disk.SYNC_STALL:
            control.disarm()
        rig.count("sync-stall", control.fired > before)
    return later(ms / 1000, rig.ends(end))


@nemesis("wipe", exclusive=True)
def wipe(rig, random, later):
    """Comes back empty: while the others serve, or while one of them, which may be the only one with the newest writes, is
    away. A voter that was never synchronised counts only beside all others, so the rest must wait for that one."""
    victim = leader_or_any(rig, random) if random.random() < 0.5 else random.choice(rig.victims)
    others = [n for n in rig.nodes if n != victim]
    rig.kill(victim)
    if random.random() < 0.5:
        rig.wait_for_all(others)
        rig.wipe(victim)
        rig.start(victim)
        rig.count("wipe")
    else:
        away = random.choice([n for n in rig.victims if n != victim])
        rig.kill(away)
        rig.wipe(victim)
        rig.start(victim)
        rig.count("wipe, another away")
        time.sleep(random.uniform(0.1, 2))
        rig.start(away)
    rig.wait_for_all()


@nemesis("rot", exclusive=True)
def rot(rig, random, later):
    damage.spoil(rig, random, lambda path: disk.flip_bytes(path, random, random.choice([1, 1, 8, 512])), "rot")


@nemesis("truncated-file", exclusive=True)
def truncated_file(rig, random, later):
    damage.spoil(rig, random, lambda path: disk.cut_file(path, random), "truncated-file")


@nemesis("lost-file", exclusive=True)
def lost_file(rig, random, later):
    def lose(path):
        os.remove(path)
        return path + ": removed"
    damage.spoil(rig, random, lose, "lost-file")
