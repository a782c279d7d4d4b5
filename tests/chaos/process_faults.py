"""Processes that die, stand still or are restarted."""

from nemesis import NOT_NOW, leader_or_any, majority, nemesis, restart_soon


def kill(rig, random, later, victims, kind):
    killed = [n for n in victims if rig.kill(n)]
    for n in killed:
        rig.count(kind)
        restart_soon(rig, random, later, n)
    return None if killed else NOT_NOW


@nemesis("kill-one")
def kill_one(rig, random, later):
    return kill(rig, random, later, [random.choice(rig.victims)], "kill-one")


@nemesis("kill-leader")
def kill_leader(rig, random, later):
    return kill(rig, random, later, [leader_or_any(rig, random)], "kill-leader")


@nemesis("kill-majority")
def kill_majority(rig, random, later):
    voters = [n for n in rig.voters if n in rig.victims]
    return kill(rig, random, later, random.sample(voters, min(majority(rig), len(voters))), "kill-majority")


@nemesis("kill-all")
def kill_all(rig, random, later):
    return kill(rig, random, later, rig.victims, "kill-all")


@nemesis("lagging-learner")
def lagging_learner(rig, random, later):
    """A node misses so much that its leader has it neither in its log (where nodes trim) nor, restarted meanwhile, in
    memory: it gets a checkpoint (SNAP)."""
    leader = rig.leader()
    victims = [n for n in rig.victims if n != leader and rig.runs(n)]
    victim = random.choice(victims) if victims else None
    if not victim or not rig.kill(victim):
        return NOT_NOW
    rig.count("lagging-learner")
    away = random.uniform(1.5, 4)

    def restart_leader():
        now = rig.leader()
        if now in rig.victims and rig.runs(now):
            rig.kill(now)
            rig.start(now)
    later(away, restart_leader)
    return later(away + random.uniform(0.5, 2), lambda: rig.runs(victim) or rig.start(victim))


def pause(rig, random, later, victims, kind):
    awake = [n for n in victims if rig.runs(n) and n not in rig.paused]
    for n in awake:
        rig.pause(n)
        rig.count(kind)
        # Some short ones, that no timeout sees, and some that outlast all of them.
        later(random.choice([random.uniform(0.1, 1), random.uniform(1, 8)]), lambda n=n: rig.resume(n))
    return None if awake else NOT_NOW


@nemesis("pause-leader")
def pause_leader(rig, random, later):
    return pause(rig, random, later, [leader_or_any(rig, random)], "pause-leader")


@nemesis("pause-follower")
def pause_follower(rig, random, later):
    leader = rig.leader()
    return pause(rig, random, later, [random.choice([n for n in rig.nodes if n != leader])], "pause-follower")


@nemesis("pause-all")
def pause_all(rig, random, later):
    return pause(rig, random, later, rig.nodes, "pause-all")


@nemesis("rolling-restart", exclusive=True)
def rolling_restart(rig, random, later):
    for n in random.sample(rig.nodes, len(rig.nodes)):
        rig.stop(n)
        rig.start(n)
        rig.wait_for_all()
        rig.count("rolling-restart")
