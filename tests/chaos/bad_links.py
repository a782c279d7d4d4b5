"""Links that are bad rather than gone."""

from nemesis import nemesis


def weather(rig, random, later, ways, kind, **how):
    token = rig.network.disturb(ways, **how)
    rig.say("%s: %s", kind, how)
    later(random.uniform(1, 8), rig.ends(lambda: rig.count(kind, rig.network.calm(token) > 0)))


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
