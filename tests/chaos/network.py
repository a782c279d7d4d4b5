"""The network of a run: the proxy process with a route for each pair of peers and one for the clients of each node.

Of a pair the node with the larger id dials, so only its list of members names the proxy's port. Each nemesis puts its
own weather on a direction; what holds is all of them together, so that they can end in any order.
"""

import itertools
import subprocess

FAIR = {"delay": 0, "jitter": 0, "rate": 0, "stall": 0}


def peers_route(a, b):
    return "p%d-%d" % (max(a, b), min(a, b))


def clients_route(node):
    return "c%d" % node


class Network:
    def __init__(self, executable, seed, nodes, ports, log):
        """`ports`: client and peer -> {node: port}, clients_proxy -> {node: port}, peers_proxy -> {route: port}."""
        self.nodes = nodes
        self._log = log
        self._weather = {}  # (route, direction) -> {token: weather}
        self._met_before = {}  # token -> {(route, direction): what weather had met there when it began}
        self._tokens = itertools.count(1)
        routes = []
        for n in nodes:
            routes.append("%s:%d:%d" % (clients_route(n), ports["clients_proxy"][n], ports["client"][n]))
        for a, b in itertools.combinations(nodes, 2):
            route = peers_route(a, b)
            routes.append("%s:%d:%d" % (route, ports["peers_proxy"][route], ports["peer"][a]))
        self._process = subprocess.Popen([executable, "--seed=%d" % seed, *routes], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, universal_newlines=True)
        if self._process.stdout.readline().strip() != "ready":
            raise OSError("the proxy did not start")

    def _say(self, line):
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        if not answer.startswith("ok"):
            raise AssertionError("proxy: %s: %s" % (line, answer))
        return answer[3:]

    # ---- directions

    def way(self, a, b):
        """The direction in which bytes go from node a to node b."""
        return (peers_route(a, b), "up" if a > b else "down")

    def client_ways(self, node):
        return [(clients_route(node), "up"), (clients_route(node), "down")]

    def between(self, group, other, both=True):
        """All directions from one group of nodes to another, and back if `both`."""
        ways = [self.way(a, b) for a in group for b in other if a != b]
        return ways + ([self.way(b, a) for a in group for b in other if a != b] if both else [])

    def all_ways(self):
        return [self.way(a, b) for a in self.nodes for b in self.nodes if a != b]

    # ---- weather

    def disturb(self, ways, **weather):
        """Puts weather on these directions; give what it returns to `calm`."""
        token = next(self._tokens)
        self._met_before[token] = {way: self._met(way) for way in ways}
        for way in ways:
            self._weather.setdefault(way, {})[token] = dict(FAIR, **weather)
            self._apply(way)
        return token

    def calm(self, token):
        """Ends it; how many pieces and connects it held or delayed. (Each weather on a direction meets all that pass.)"""
        met = sum(self._met(way) - before for way, before in self._met_before.pop(token, {}).items())
        for way, tokens in self._weather.items():
            if tokens.pop(token, None) is not None:
                self._apply(way)
        return met

    def _met(self, way):
        return int(self._say("met %s %s" % way))

    def calm_all(self):
        self._weather.clear()
        self._met_before.clear()
        self._say("set * both")

    def _apply(self, way):
        all_of_them = list(self._weather.get(way, {}).values())
        rates = [w["rate"] for w in all_of_them if w["rate"]]
        self._say("set %s %s delay=%d jitter=%d rate=%d stall=%d" % (
            *way, sum(w["delay"] for w in all_of_them), max([w["jitter"] for w in all_of_them], default=0),
            min(rates, default=0), any(w["stall"] for w in all_of_them)))

    def cut(self, route):
        """Breaks its connections; returns how many."""
        return int(self._say("cut " + route))

    def close(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
