#!/usr/bin/python3
"""lock.py CONNECT [WORKERS [TURNS]]: workers that take turns under a distributed lock.

Every worker is a session of its own and adds 1 to a counter znode TURNS times, by a plain read and a plain write that
only the lock makes safe. Prints the counter, which must be WORKERS x TURNS.
"""
import sys
import threading

from kazoo.client import KazooClient

connect = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:2181"
workers = int(sys.argv[2]) if len(sys.argv) > 2 else 4
turns = int(sys.argv[3]) if len(sys.argv) > 3 else 10


def work(name):
    zk = KazooClient(hosts=connect)
    zk.start()
    lock = zk.Lock("/example/lock", name)
    for _ in range(turns):
        with lock:
            value, _ = zk.get("/example/counter")
            zk.set("/example/counter", str(int(value) + 1).encode())
    zk.stop()


def main():
    zk = KazooClient(hosts=connect)
    zk.start()
    zk.sync("/")  # what an earlier run has made is not made again
    zk.ensure_path("/example")
    if zk.exists("/example/counter"):
        zk.set("/example/counter", b"0")
    else:
        zk.create("/example/counter", b"0")
    threads = [threading.Thread(target=work, args=(f"worker-{i}",)) for i in range(workers)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    zk.sync("/example/counter")  # the node of this session may not have heard of the others' last write yet
    value = int(zk.get("/example/counter")[0])
    print(f"counter: {value}, expected {workers * turns}")
    zk.stop()
    sys.exit(0 if value == workers * turns else 1)


main()
