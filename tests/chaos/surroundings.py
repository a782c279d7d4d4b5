"""What surrounds a node: clocks that are wrong, a reader of its log that has stopped."""

from nemesis import NOT_NOW, leader_or_any, nemesis


@nemesis("clock-jump")
def clock_jump(rig, random, later):
    """The wall clock of one node jumps, by hours or by little, and some time later it is put right, or jumps again."""
    victim = random.choice(rig.victims)
    ms = random.choice([-1, 1]) * random.choice([200, 5000, 3_600_000, random.randrange(1, 86_400_000)])
    rig.say("clock of node %d: %d ms", victim, ms)
    before = rig.disks[victim].shifted
    rig.disks[victim].shift_clock(ms)

    def end():
        rig.disks[victim].shift_clock(0)
        rig.count("clock-jump", rig.disks[victim].shifted > before)
    end = rig.ends(end)
    if random.random() < 0.5:
        later(random.uniform(0.2, 4), end)


@nemesis("clock-drift")
def clock_drift(rig, random, later):
    """It runs up to a half too fast or too slowly (at most backwards by nothing: those are jumps), in steps of 50 ms."""
    victim, rate, steps = random.choice(rig.victims), random.uniform(-0.5, 0.5), random.randrange(20, 100)
    before = rig.disks[victim].shifted
    end = rig.ends(lambda: rig.count("clock-drift", rig.disks[victim].shifted > before))

    def step(done=1):
        rig.disks[victim].shift_clock(int(rate * done * 50))
        later(0.05, (lambda: step(done + 1)) if done < steps else end)
    step()


@nemesis("blocked-log")
def blocked_log(rig, random, later):
    """Whoever reads the log of a node reads no more, and the pipe is full: the node must work on, and must end if its disk
    fails or it is told to. Its last words may be lost then, and are not asked for."""
    victim = leader_or_any(rig, random) if random.random() < 0.5 else random.choice(rig.victims)
    if not rig.runs(victim) or not rig.logs[victim].block():
        return NOT_NOW
    rig.say("nobody reads the log of node %d", victim)
    rig.count("blocked-log")
    return later(random.uniform(0.5, 8), lambda: rig.logs[victim].unblock())
