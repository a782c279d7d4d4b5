#!/usr/bin/python3
"""transfer.py CONNECT: money from one znode to another in one round trip, by an unmodified ZooKeeper client."""
import json
import sys

from kazoo.client import KazooClient

zk = KazooClient(hosts=sys.argv[1])
zk.start()
for account, balance in (("ann", b"100"), ("bob", b"0")):
    path = "/example/bank/" + account
    zk.ensure_path(path)
    zk.set(path, balance)

call = "/zookeeper/call/bank.transfer"
request = {"from": "/example/bank/ann", "to": "/example/bank/bob", "amount": 30}
reply = zk.create(call, json.dumps(request).encode())  # no such znode comes into being: the path is the reply
print(json.loads(reply[len(call) + 1:]))
zk.stop()
