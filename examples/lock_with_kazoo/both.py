#!/usr/bin/python3
"""both.py CLIENT_PORTS ACTOR_PORTS PROGRAM: one lock, taken in turns by kazoo and by an actor.

Each adds 1 to the same znode 10 times, by a plain read and a plain write that only the lock makes safe."""
import subprocess
import sys

from kazoo.client import KazooClient

client_ports, actor_ports, program = sys.argv[1:4]
turns = 10

zk = KazooClient(hosts=client_ports)
zk.start()
zk.ensure_path("/example/both-count")
zk.set("/example/both-count", b"0")

actor = subprocess.Popen([program, actor_ports, str(turns)])
lock = zk.Lock("/example/both", "kazoo")
for _ in range(turns):
    with lock:
        value, _ = zk.get("/example/both-count")
        zk.set("/example/both-count", str(int(value) + 1).encode())
code = actor.wait()

zk.sync("/example/both-count")  # the node of this session may not have heard of the actor's last write yet
value = int(zk.get("/example/both-count")[0])
print("counter: %d, expected %d" % (value, 2 * turns))
zk.stop()
sys.exit(code or value != 2 * turns)
