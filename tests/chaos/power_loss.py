"""Power failures: a node is killed, and of what no flush made durable any part is taken back, before it starts again.

What the shim taped (unsynced.hpp) is judged as a disk with a write-back cache behaves: sectors are whole, everything else
may be of any age since the last flush, in any order. Creation and removal of files are taken for durable."""

import os
import struct

from nemesis import leader_or_any, nemesis, restart_soon

WRITE, SYNC, DURABLE_RANGE = 1, 2, 3
HEADER = struct.Struct("<7Q")
PAGE, SECTOR = 4096, 512


class File:
    """What the tape says of one file."""

    def __init__(self):
        self.writes = []  # (number, offset, bytes before), in order
        self.synced = 0  # the writes up to this number are durable
        self.ranges = {}  # page -> as `synced`, by writes that are durable at once
        self.size_before = None  # of the file, when the oldest write that is not durable began

    def open_writes(self):
        return [w for w in self.writes if w[0] > self.synced]

    def floor(self, page):
        return max(self.synced, self.ranges.get(page, 0))


def read_tape(name):
    """path -> File."""
    files = {}
    try:
        with open(name, "rb") as f:
            tape = f.read()
    except FileNotFoundError:
        return files
    at = 0
    while at + HEADER.size <= len(tape):
        kind, number, _, offset, size, file_size, name_size = HEADER.unpack_from(tape, at)
        before_size = size if kind == WRITE else 0
        end = at + HEADER.size + before_size + name_size
        if end > len(tape):
            break  # the process was killed here, and the write did not begin
        before = tape[at + HEADER.size:at + HEADER.size + before_size]
        file = files.setdefault(os.fsdecode(tape[end - name_size:end]), File())
        if kind == WRITE:
            if file.size_before is None:
                file.size_before = file_size
            file.writes.append((number, offset, before))
        elif kind == SYNC:
            file.synced = max(file.synced, number)
            file.writes = file.open_writes()
            file.size_before = None if not file.writes else max(file_size, file.size_before)
        else:
            for page in range(offset // PAGE, (offset + size - 1) // PAGE + 1):
                file.ranges[page] = number
        at = end
    return files


def lose(name, file, random):
    """Takes back a random part; how many sectors."""
    touched = {}  # sector -> numbers of writes, in order
    for number, offset, before in file.open_writes():
        for sector in range(offset // SECTOR, (offset + len(before) - 1) // SECTOR + 1):
            if number > file.floor(sector * SECTOR // PAGE):
                touched.setdefault(sector, []).append(number)
    if not touched:
        return 0
    # The whole file, or page by page, or sector by sector (a torn page).
    unit = random.choice([1 << 60, PAGE, PAGE, SECTOR]) // SECTOR
    oldest = random.random() < 0.3
    kept, drawn = {}, {}  # sector -> the last write that is kept
    for sector, numbers in sorted(touched.items()):
        if sector // unit not in drawn:
            drawn[sector // unit] = 0 if oldest else random.random()
        kept[sector] = ([0] + numbers)[int(drawn[sector // unit] * (len(numbers) + 1))]
    end = 0
    with open(name, "r+b") as f:
        size = f.seek(0, os.SEEK_END)
        for number, offset, before in reversed(file.open_writes()):
            for sector in range(offset // SECTOR, (offset + len(before) - 1) // SECTOR + 1):
                first, last = max(offset, sector * SECTOR), min(offset + len(before), (sector + 1) * SECTOR)
                if sector in kept and number > kept[sector]:
                    f.seek(first)
                    f.write(before[first - offset:last - offset])
                else:
                    end = max(end, last)
        # The new size may have been lost too, if nothing behind it was kept.
        shorter = max(end, file.size_before or 0)
        f.truncate(shorter if shorter < size and random.random() < 0.5 else size)
    return sum(kept[s] < numbers[-1] for s, numbers in touched.items())


def fail_power(rig, random, victims, kind):
    """Of all of them at once: first everyone is dead, then the disks are what they are."""
    victims = [n for n in victims if rig.disks[n].taping]
    for n in victims:
        rig.kill(n)
    for n in victims:
        control, lost = rig.disks[n], 0
        for name, file in sorted(read_tape(control.tape).items()):
            if os.path.isfile(name) and os.path.basename(name) not in ("lock", "lock.mdb", "ballast"):
                sectors = lose(name, file, random)
                if sectors:
                    rig.say("power failure of node %d: %d sectors of %s taken back", n, sectors, name)
                lost += sectors
        control.stop_tape()
        rig.count(kind + (", bytes lost" if lost else ", nothing to lose"))
    return victims


def power_loss(rig, random, later, victims, kind):
    for n in victims:
        rig.disks[n].start_tape()

    def fail():
        gone = fail_power(rig, random, victims, kind)
        for n in gone:
            # In a part of them again, while the node recovers.
            if random.random() < 0.3:
                rig.disks[n].start_tape()
                later(random.uniform(0.1, 1.5), lambda n=n: again(n))
            restart_soon(rig, random, later, n)

    def again(n):
        for m in fail_power(rig, random, [n], kind):
            restart_soon(rig, random, later, m)
    later(random.choice([random.uniform(0.02, 0.5), random.uniform(0.5, 3)]), fail)


@nemesis("power-loss")
def of_one(rig, random, later):
    victim = leader_or_any(rig, random) if random.random() < 0.5 else random.choice(rig.victims)
    power_loss(rig, random, later, [victim], "power-loss")


@nemesis("power-loss-all")
def of_all(rig, random, later):
    """The hall goes dark: what was acknowledged must be on the disks of a quorum."""
    power_loss(rig, random, later, list(rig.victims), "power-loss-all")
