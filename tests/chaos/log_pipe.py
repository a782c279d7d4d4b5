"""The way of a node's log into its file: a pipe, and a thread that reads it, and may be told to stop reading."""

import os
import re
import select
import threading


class LogPipe:
    """One for each node, for all its processes one after the other."""

    def __init__(self, path):
        self.path = path
        self._reading = threading.Lock()  # held while nobody is to read
        self._blocked = False  # the lock alone does not say it: who reads holds it too
        self._reader, self._threads = None, []
        self.blocked_since_start = False

    def open(self, head):
        """The writing end of a new pipe, for a process that starts now; the caller closes it."""
        with open(self.path, "ab") as f:
            f.write(head)
        self._reader, writer = os.pipe()
        self.blocked_since_start = self._blocked
        thread = threading.Thread(target=self._pump, args=(self._reader,), daemon=True)
        thread.start()
        self._threads = [t for t in self._threads if t.is_alive()] + [thread]
        return writer

    def _pump(self, reader):
        with open(self.path, "ab", buffering=0) as f:
            while True:
                select.select([reader], [], [])
                with self._reading:
                    piece = os.read(reader, 65536)
                if not piece:
                    break
                f.write(re.sub(rb"\n\n+", b"\n", piece))  # without what filled the pipe
        os.close(reader)

    def block(self):
        """Nobody reads, and the pipe is full: of empty lines, which are left out of the file. Whether it began now."""
        if self._blocked or not self._reading.acquire(timeout=10):
            return False
        self._blocked = self.blocked_since_start = True
        writer = os.open("/proc/self/fd/%d" % self._reader, os.O_WRONLY | os.O_NONBLOCK)
        for piece in (b"\n" * 4096, b"\n"):
            try:
                while True:
                    os.write(writer, piece)
            except BlockingIOError:
                pass
        os.close(writer)
        return True

    def unblock(self):
        if self._blocked:
            self._blocked = False
            self._reading.release()

    def wait(self, seconds=10):
        """Until all that ended processes have written is in the file."""
        for t in [] if self._blocked else self._threads:
            t.join(seconds)
