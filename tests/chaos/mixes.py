"""Which nemeses meet in one run. The twelve mixes together hold every kind; CTest runs each once."""

import bad_links  # noqa: F401  each module adds its nemeses
import disk_faults  # noqa: F401
import nemesis
import partitions  # noqa: F401
import power_loss  # noqa: F401
import process_faults  # noqa: F401
import surroundings  # noqa: F401

MIXES = {
    "kills": ["kill-one", "kill-leader", "kill-majority", "kill-all"],
    "pauses": ["pause-leader", "pause-follower", "pause-all"],
    "partitions": ["isolate-one", "isolate-leader", "halves", "bridge", "majority-ring"],
    "one-way": ["send-only", "receive-only", "random-ways", "swizzle"],
    "bad-links": ["delay", "slow", "client-delay", "cut-links", "cut-clients", "clients-apart"],
    "disks": ["sync-error", "write-error", "torn-write", "disk-full", "sync-stall"],
    "lost-data": ["wipe", "rot", "truncated-file", "lost-file"],
    "leaders": ["kill-leader", "pause-leader", "isolate-leader", "cut-links", "rolling-restart"],
    "power": ["power-loss", "power-loss-all", "power-loss-all", "kill-one"],
    "surroundings": ["clock-jump", "clock-drift", "blocked-log", "kill-leader", "sync-error"],
    "everything": [name for name, n in nemesis.ALL.items() if not n.exclusive],
    "snapshots": ["lagging-learner", "lagging-learner", "kill-leader", "kill-all", "kill-one", "isolate-one", "wipe",
                  "disk-full"],
}


def plan(seed, random, only=None):
    """(name, nemeses) of a run. Half of the seeds keep to few kinds, so that one does not hide what another would show."""
    if only in MIXES:
        return only, MIXES[only]
    if only:
        return only, only.split(",")
    if random.random() < 0.5:
        name = random.choice(sorted(MIXES))
        return name, MIXES[name]
    names = sorted(nemesis.ALL)
    drawn = random.sample(names, random.choice([1, 2, 3, 4, len(names)]))
    return ",".join(drawn) if len(drawn) < len(names) else "all", drawn


def all_have_a_turn(names):
    """Whether a run lasts until each of these kinds has come once: there would be no end if they were many."""
    return len(set(names)) <= 8


def may_trim(names):
    """Whether no fault of these needs the one node that keeps the whole log (Rig's keeper)."""
    return set(names) <= set(MIXES["snapshots"])


def settings(random, trims):
    """Keys of group troupe. Odd timers on purpose; but a slow machine must be able to live with them."""
    tick = random.choice([100, 200, 500])
    ping = random.choice([100, 300, 500])
    heartbeat = random.choice([100, 300, 500])
    return {
        "tick": "%dms" % tick,
        "min-session-timeout": "500ms",
        "max-session-timeout": "10s",
        "init-timeout": random.choice(["4s", "10s", "20s"]),
        "sync-timeout": random.choice(["2s", "3s", "5s"]),
        "ping-interval": "%dms" % ping,
        "election-finalize-wait": random.choice(["10ms", "50ms", "200ms"]),
        "link-heartbeat": "%dms" % heartbeat,
        "link-timeout": random.choice(["1500ms", "3s"]),
        "snapshot-distance": random.choice([50, 300]) if trims else random.choice([50, 1000, 100_000]),
        "log-retain": random.choice([20, 200]) if trims else 100_000_000,
        "log-retain-bytes": '"1TiB"',
        "map-size": '"1GiB"',
        "min-free-space": '"16MiB"',
        "ballast": "false",
        "max-client-connections": 0,
        "log-level": '"info"',
    }, tick
