"""What is done to an ensemble while clients work. A nemesis is a function of (rig, random, later): it begins a fault at
once, and puts its end, and whatever comes between, into the schedule by later(seconds, action). It says what really
happened by rig.count(kind). `exclusive` ones run alone, on an ensemble that is whole, and leave it whole: their faults
take data away for good, of which only one node at a time may lose some.

To add one: write the function, put it under @nemesis with a name and, if wanted, name it in a mix of mixes.py.
"""

import os

import damage
import disk

ALL = {}


def nemesis(name, exclusive=False):
    def add(function):
        function.nemesis_name, function.exclusive = name, exclusive
        ALL[name] = function
        return function
    return add


def majority(rig):
    return len(rig.nodes) // 2 + 1


def leader_or_any(rig, random):
    leader = rig.leader()
    return leader if leader in rig.victims else random.choice(rig.victims)


# ---- processes


def kill(rig, random, later, victims, kind):
    victims = [n for n in victims if rig.runs(n)]
    for n in victims:
        rig.kill(n)
        rig.count(kind)
        later(random.choice([0, 0, random.uniform(0, 3)]), lambda n=n: rig.runs(n) or rig.start(n))


@nemesis("kill-one")
def kill_one(rig, random, later):
    kill(rig, random, later, [random.choice(rig.victims)], "kill-one")


@nemesis("kill-leader")
def kill_leader(rig, random, later):
    kill(rig, random, later, [leader_or_any(rig, random)], "kill-leader")


@nemesis("kill-majority")
def kill_majority(rig, random, later):
    kill(rig, random, later, random.sample(rig.victims, min(majority(rig), len(rig.victims))), "kill-majority")


@nemesis("kill-all")
def kill_all(rig, random, later):
    kill(rig, random, later, rig.victims, "kill-all")


@nemesis("lagging-learner")
def lagging_learner(rig, random, later):
    """A node misses so much that its leader has it neither in its log (where nodes trim) nor, restarted meanwhile, in
    memory: it gets a checkpoint (SNAP)."""
    leader = rig.leader()
    victims = [n for n in rig.victims if n != leader and rig.runs(n)]
    if not victims:
        return
    victim = random.choice(victims)
    rig.kill(victim)
    rig.count("lagging-learner")
    away = random.uniform(1.5, 4)

    def restart_leader():
        now = rig.leader()
        if now in rig.victims and rig.runs(now):
            rig.kill(now)
            rig.start(now)
    later(away, restart_leader)
    later(away + random.uniform(0.5, 2), lambda: rig.runs(victim) or rig.start(victim))


def pause(rig, random, later, victims, kind):
    for n in victims:
        if rig.runs(n) and n not in rig.paused:
            rig.pause(n)
            rig.count(kind)
            # Some short ones, that no timeout sees, and some that outlast all of them.
            later(random.choice([random.uniform(0.1, 1), random.uniform(1, 8)]), lambda n=n: rig.resume(n))


@nemesis("pause-leader")
def pause_leader(rig, random, later):
    pause(rig, random, later, [leader_or_any(rig, random)], "pause-leader")


@nemesis("pause-follower")
def pause_follower(rig, random, later):
    leader = rig.leader()
    pause(rig, random, later, [random.choice([n for n in rig.nodes if n != leader])], "pause-follower")


@nemesis("pause-all")
def pause_all(rig, random, later):
    pause(rig, random, later, rig.nodes, "pause-all")


@nemesis("rolling-restart", exclusive=True)
def rolling_restart(rig, random, later):
    for n in random.sample(rig.nodes, len(rig.nodes)):
        rig.stop(n)
        rig.start(n)
        rig.wait_for_all()
        rig.count("rolling-restart")


# ---- partitions


def stall(rig, random, later, ways, kind):
    token = rig.network.disturb(ways, stall=1)
    rig.count(kind)
    rig.say("%s: nothing passes %s", kind, ways)

    def end():
        rig.say("%s ends", kind)
        # As when a cable is back: sometimes what waited arrives late, sometimes its connection has died.
        if random.random() < 0.4:
            for route in sorted({r for r, _ in ways}):
                rig.network.cut(route)
        rig.network.calm(token)
    later(random.choice([random.uniform(0.2, 2), random.uniform(2, 8)]), end)


@nemesis("isolate-one")
def isolate_one(rig, random, later):
    n = random.choice(rig.victims)
    stall(rig, random, later, rig.network.between([n], rig.nodes), "isolate-one")


@nemesis("isolate-leader")
def isolate_leader(rig, random, later):
    n = leader_or_any(rig, random)
    stall(rig, random, later, rig.network.between([n], rig.nodes), "isolate-leader")


@nemesis("halves")
def halves(rig, random, later):
    one = random.sample(rig.nodes, majority(rig))
    stall(rig, random, later, rig.network.between(one, [n for n in rig.nodes if n not in one]), "halves")


@nemesis("bridge")
def bridge(rig, random, later):
    """Two halves that see each other only through one node, which sees all."""
    order = random.sample(rig.nodes, len(rig.nodes))
    middle = len(order) // 2
    stall(rig, random, later, rig.network.between(order[:middle], order[middle + 1:]), "bridge")


@nemesis("majority-ring")
def majority_ring(rig, random, later):
    """Each node sees a majority, no two the same one: neighbours in a ring. With three nodes one link is cut."""
    order, size = random.sample(rig.nodes, len(rig.nodes)), len(rig.nodes)
    near = 1 if size > 3 else 0
    ways = [w for i in range(size) for j in range(i)
            if min((i - j) % size, (j - i) % size) > near
            for w in rig.network.between([order[i]], [order[j]])]
    if size == 3:
        ways = ways[:2]
    stall(rig, random, later, ways, "majority-ring")


@nemesis("send-only")
def send_only(rig, random, later):
    n = leader_or_any(rig, random) if random.random() < 0.5 else random.choice(rig.victims)
    stall(rig, random, later, rig.network.between(rig.nodes, [n], both=False), "send-only")


@nemesis("receive-only")
def receive_only(rig, random, later):
    n = leader_or_any(rig, random) if random.random() < 0.5 else random.choice(rig.victims)
    stall(rig, random, later, rig.network.between([n], rig.nodes, both=False), "receive-only")


@nemesis("random-ways")
def random_ways(rig, random, later):
    ways = [w for w in rig.network.all_ways() if random.random() < 0.35]
    stall(rig, random, later, ways, "random-ways")


@nemesis("clients-apart")
def clients_apart(rig, random, later):
    """Clients' connections to some nodes, both ways or one."""
    ways = [w for n in random.sample(rig.nodes, majority(rig)) for w in rig.network.client_ways(n)]
    if random.random() < 0.5:
        direction = random.choice(["up", "down"])
        ways = [w for w in ways if w[1] == direction]
    stall(rig, random, later, ways, "clients-apart")


@nemesis("swizzle")
def swizzle(rig, random, later):
    """Stops the links one after another and lets them go in another order: FoundationDB's swizzle-clog."""
    chosen = [w for n in random.sample(rig.nodes, random.randrange(2, len(rig.nodes) + 1))
              for w in rig.network.between([n], rig.nodes)]
    ways = list(dict.fromkeys(chosen))
    random.shuffle(ways)
    at = 0.0
    tokens = []
    for way in ways:
        at += random.uniform(0, 0.4)
        later(at, lambda way=way: tokens.append(rig.network.disturb([way], stall=1)))
    at += random.uniform(0, 2)

    def release():
        if tokens:
            rig.network.calm(tokens.pop(random.randrange(len(tokens))))
    for _ in ways:
        at += random.uniform(0, 0.5)
        later(at, release)
    rig.count("swizzle")
    rig.say("swizzle over %d directions", len(ways))


# ---- links that are bad rather than gone


def weather(rig, random, later, ways, kind, **how):
    token = rig.network.disturb(ways, **how)
    rig.count(kind)
    rig.say("%s: %s", kind, how)
    later(random.uniform(1, 8), lambda: rig.network.calm(token))


@nemesis("delay")
def delay(rig, random, later):
    ways = rig.network.all_ways()
    if random.random() < 0.5:
        ways = random.sample(ways, len(ways) // 2)
    weather(rig, random, later, ways, "delay", delay=random.choice([2, 20, 100, 300]),
            jitter=random.choice([0, 5, 50, 300]))


@nemesis("slow")
def slow(rig, random, later):
    ways = random.sample(rig.network.all_ways(), len(rig.nodes))
    weather(rig, random, later, ways, "slow", rate=random.choice([1_000, 5_000, 30_000, 200_000]))


@nemesis("client-delay")
def client_delay(rig, random, later):
    ways = [w for n in rig.nodes for w in rig.network.client_ways(n) if random.random() < 0.7]
    weather(rig, random, later, ways, "client-delay", delay=random.choice([0, 5, 50, 400]),
            jitter=random.choice([5, 50, 400]))


@nemesis("cut-links")
def cut_links(rig, random, later):
    """Connections between peers break, some again and again: bytes on their way are lost."""
    routes = sorted({r for r, _ in rig.network.all_ways() if random.random() < 0.6})
    at = 0.0
    for _ in range(random.randrange(1, 6)):
        for route in routes:
            later(at, lambda route=route: rig.count("cut-links", rig.network.cut(route)))
        at += random.uniform(0.01, 1.2)


@nemesis("cut-clients")
def cut_clients(rig, random, later):
    for n in rig.nodes:
        if random.random() < 0.7:
            later(random.uniform(0, 1), lambda n=n: rig.count("cut-clients", rig.network.cut("c%d" % n)))


# ---- disks that fail under a running node


def disk_fault(rig, random, later, kind, name, countdown, must_stop=True):
    """The node must stop by itself and say why; its peers go on; it starts again when the disk is good."""
    victim = leader_or_any(rig, random) if random.random() < 0.5 else random.choice(rig.victims)
    if not rig.runs(victim) or victim in rig.expected_dead:
        return
    before = rig.disks[victim].fired
    rig.expected_dead.add(victim)
    rig.disks[victim].arm(kind, countdown)
    rig.say("%s for node %d, call %d from now", name, victim, countdown)
    waits = [0]

    def look():
        if rig.disks[victim].fired == before and rig.runs(victim) and waits[0] < 40:
            waits[0] += 1
            return later(0.2, look)
        if rig.disks[victim].fired == before:  # nothing was written there, or it was killed: not this fault's affair
            rig.disks[victim].disarm()
            if rig.runs(victim):
                rig.expected_dead.discard(victim)
            return None
        rig.count(name)
        return later(0.2, ended)

    def ended():
        if rig.runs(victim):
            waits[0] += 1
            # Paused by another nemesis it cannot end.
            if victim not in rig.paused and waits[0] > 600:
                raise damage.breach("node %d goes on after %s on its disk" % (victim, name))
            return later(0.2, ended)
        damage.check_last_words(rig, victim, name)
        rig.disks[victim].disarm()
        return later(random.uniform(0, 3), lambda: rig.runs(victim) or rig.start(victim))

    later(0.1, look)


@nemesis("sync-error")
def sync_error(rig, random, later):
    disk_fault(rig, random, later, disk.SYNC_ERROR, "sync-error", random.choice([0, 1, 2, 5, 50]))


@nemesis("write-error")
def write_error(rig, random, later):
    disk_fault(rig, random, later, disk.WRITE_ERROR, "write-error", random.choice([0, 1, 2, 3, 5, 8, 50]))


@nemesis("torn-write")
def torn_write(rig, random, later):
    disk_fault(rig, random, later, disk.SHORT_WRITE, "torn-write", random.choice([0, 1, 2, 3, 5, 8, 50]))


@nemesis("disk-full")
def disk_full(rig, random, later):
    disk_fault(rig, random, later, disk.NO_SPACE, "disk-full", random.choice([0, 1, 2, 3, 5, 8, 50]))


@nemesis("sync-stall")
def sync_stall(rig, random, later):
    victim = leader_or_any(rig, random) if random.random() < 0.6 else random.choice(rig.victims)
    control, ms = rig.disks[victim], int(random.uniform(1000, 12_000))
    before = control.fired
    control.arm(disk.SYNC_STALL, random.choice([0, 1, 5]), ms)
    rig.say("sync-stall of %d ms for node %d", ms, victim)

    def end():
        control.disarm()
        if control.fired > before:
            rig.count("sync-stall")
    later(ms / 1000, end)


# ---- data that are gone, of one node at a time


@nemesis("wipe", exclusive=True)
def wipe(rig, random, later):
    """Known gap (docs/STATUS.md): a wiped node votes at once. So it comes back only when the others serve without it."""
    victim = leader_or_any(rig, random) if random.random() < 0.5 else random.choice(rig.victims)
    others = [n for n in rig.nodes if n != victim]
    rig.kill(victim)
    rig.wait_for_all(others)
    rig.wipe(victim)
    rig.start(victim)
    rig.count("wipe")
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
