"""What the files of a finished run say: do the nodes' logs agree, and is the history one of a correct ensemble?"""

import json
import os
import re
import subprocess

from damage import Breach


def zxid_of(line):
    return json.loads(line)["txn"]


def dump_log(program, data, to):
    """One node's log into a file, as the history has it; the zxid with which it ends."""
    with open(to, "wb") as out:
        done = subprocess.run([program, data], stdout=out, stderr=subprocess.PIPE, universal_newlines=True, timeout=300)
    if done.returncode != 0:
        raise Breach("the log of %s cannot be read: %s" % (data, done.stderr.strip()))
    return int(re.search(r" last (0x[0-9a-f]+) ", done.stderr).group(1), 16)


def merge_logs(files):
    """All transactions of all logs in order, which must agree where they overlap."""
    merged, owner = {}, {}
    for node, name in files.items():
        with open(name) as f:
            for line in f:
                zxid = zxid_of(line)
                if merged.setdefault(zxid, line) != line:
                    raise Breach("nodes %d and %d have different transactions of zxid %#x:\n%s%s" % (
                        owner[zxid], node, zxid, merged[zxid], line))
                owner.setdefault(zxid, node)
    order = sorted(merged)
    return [merged[z] for z in order], order


def holes(order):
    """Zxids behind which something is missing: a counter goes up by one, and a new epoch begins with 1."""
    before, found = 0, []
    for z in order:
        same = z >> 32 == before >> 32
        if (z & 0xffffffff) != ((before & 0xffffffff) + 1 if same else 1):
            found.append(before)
        before = z
    return found


def check(programs, directory, served, data_of, spoiled):
    """Writes whole.jsonl, the history with the log, and has it checked. What the checker says; Breach if it objects.
    `served`: node -> the highest zxid that it has answered with at the end: its log must have it.
    The log of a node whose files were `spoiled`, and which never had to read there, may be refused now."""
    files = {}
    for n in served:
        name = os.path.join(directory, "log-%d.jsonl" % n)
        try:
            last = dump_log(programs["log_dump"], data_of(n), name)
        except Breach:
            if n not in spoiled:
                raise
            continue
        if last < served[n]:
            raise Breach("node %d answered with zxid %#x, but its log ends at %#x" % (n, served[n], last))
        files[n] = name
    lines, order = merge_logs(files)
    missing = holes(order)
    # Every log must be a piece of the whole without a hole, whatever it was trimmed to.
    for n, name in files.items():
        with open(name) as f:
            own = [zxid_of(line) for line in f]
        at = order.index(own[0]) if own else 0
        if own != order[at:at + len(own)]:
            raise Breach("the log of node %d has a hole" % n)
    whole = os.path.join(directory, "whole.jsonl")
    with open(whole, "w") as out, open(os.path.join(directory, "history.jsonl")) as entries:
        for line in entries:
            out.write(line)
        out.writelines(lines)
    if missing:
        raise Breach("unchecked: no node has the log behind %#x any more, so nobody can judge the history. One node must "
                     "keep all of it: see the keeper of rig.py, and may_trim and log-retain in mixes.py" % missing[0])
    return recheck(programs, whole)


def recheck(programs, whole):
    done = subprocess.run([programs["check"], whole], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True, timeout=900)
    with open(os.path.join(os.path.dirname(whole), "verdict"), "w") as f:
        f.write(done.stdout)
    if done.returncode != 0:
        raise Breach("history: " + done.stdout.strip()[:2000])
    return "ok: " + done.stdout.strip().splitlines()[0].rpartition("whole.jsonl: ")[2]
