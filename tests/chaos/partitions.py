"""Partitions of every shape, between nodes and between clients and nodes."""

from nemesis import leader_or_any, majority, nemesis


def stall(rig, random, later, ways, kind):
    token = rig.network.disturb(ways, stall=1)
    rig.say("%s: nothing passes %s", kind, ways)

    def end():
        rig.say("%s ends", kind)
        # As when a cable is back: sometimes what waited arrives late, sometimes its connection has died.
        if random.random() < 0.4:
            for route in sorted({r for r, _ in ways}):
                rig.network.cut(route)
        rig.count(kind, rig.network.calm(token) > 0)
    later(random.choice([random.uniform(0.2, 2), random.uniform(2, 8)]), rig.ends(end))


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
    tokens, met = [], [0]
    for way in ways:
        at += random.uniform(0, 0.4)
        later(at, lambda way=way: tokens.append(rig.network.disturb([way], stall=1)))
    at += random.uniform(0, 2)

    def release():
        if tokens:
            met[0] += rig.network.calm(tokens.pop(random.randrange(len(tokens))))

    def end():
        while tokens:
            release()
        rig.count("swizzle", met[0] > 0)
    for _ in ways:
        at += random.uniform(0, 0.5)
        later(at, release)
    later(at, rig.ends(end))
    rig.say("swizzle over %d directions", len(ways))
