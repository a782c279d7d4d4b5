"""Disks that fail: the shim's control file, and damage to files of a node that does not run."""

import mmap
import os
import struct

# Kinds of fault_control.hpp.
NONE, SYNC_ERROR, WRITE_ERROR, NO_SPACE, SYNC_STALL, SHORT_WRITE = range(6)
SIZE = 80


class Control:
    """One node's fault_control, shared with the shim in its process."""

    def __init__(self, path):
        self.path, self.kind, self.fired_at_arm = path, NONE, 0  # the kind that was armed last
        with open(path, "wb") as f:
            f.write(bytes(SIZE))
        self._file = open(path, "r+b")
        self._map = mmap.mmap(self._file.fileno(), SIZE)

    @property
    def tape(self):
        """The file where the shim keeps what a power failure would undo (power_loss.py)."""
        return self.path + "-tape"

    def start_tape(self):
        if not self.taping:
            if os.path.exists(self.tape):
                os.remove(self.tape)
            self._put(6, 1)

    def stop_tape(self):
        self._put(6, 0)

    @property
    def taping(self):
        return self._get(6) != 0

    def shift_clock(self, ms):
        self._put(8, ms)

    def _put(self, word, value):
        self._map[8 * word:8 * word + 8] = struct.pack("<q", value)

    def _get(self, word):
        return struct.unpack("<q", self._map[8 * word:8 * word + 8])[0]

    def arm(self, kind, countdown, stall_ms=0):
        self.kind, self.fired_at_arm = kind, self.fired
        self._put(0, NONE)
        self._put(1, countdown)
        self._put(2, stall_ms)
        self._put(0, kind)

    def disarm(self):
        self._put(0, NONE)

    @property
    def armed(self):
        """The kind that waits to strike, or lasts; NONE otherwise."""
        return self._get(0)

    @property
    def fired(self):
        return self._get(3)

    @property
    def syncs(self):
        return self._get(4)

    @property
    def writes(self):
        return self._get(5)

    @property
    def shifted(self):
        """Readings of the clock that were wrong."""
        return self._get(9)

    def close(self):
        self._map.close()
        self._file.close()


def files_below(directory):
    """Files that hold the node's data; LMDB's lock files hold nothing."""
    found = []
    for at, _, names in os.walk(directory):
        found += [os.path.join(at, n) for n in names if n not in ("lock.mdb", "ballast", "lock")]
    return sorted(found)


def used_ranges(path):
    """Pages of 4096 bytes that are not all zeros: damage elsewhere would hit nothing."""
    pages = []
    with open(path, "rb") as f:
        at = 0
        while piece := f.read(4096):
            if piece.count(0) != len(piece):
                pages.append((at, len(piece)))
            at += len(piece)
    return pages


def flip_bytes(path, random, count=1):
    """Changes `count` bytes that stand close to one another; says where."""
    pages = used_ranges(path)
    if not pages:
        return ""
    at, size = random.choice(pages)
    with open(path, "r+b") as f:
        f.seek(at)
        page = bytearray(f.read(size))
        written = [i for i, b in enumerate(page) if b] or [0]
        first = random.choice(written)
        for i in range(first, min(first + count, size)):
            page[i] ^= random.randrange(1, 256)
        f.seek(at)
        f.write(page)
    return "%s: %d bytes changed at %d" % (path, count, at + first)


def cut_file(path, random):
    size = os.path.getsize(path)
    if size == 0:
        return ""
    left = random.choice([0, size // 2, max(0, size - 4096), random.randrange(size)])
    os.truncate(path, left)
    return "%s: cut from %d to %d bytes" % (path, size, left)
