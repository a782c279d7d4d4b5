"""What is done to an ensemble while clients work. A nemesis is a function of (rig, random, later): it begins a fault at
once, and puts its end, and whatever comes between, into the schedule by later(seconds, action); a run that ends drops
what is still there, but for what rig.ends(action) was given, which then happens while everything is healed. It says what
really happened by rig.count(kind): that it was set is not enough. Its kind is its name, or begins with its name and a
comma. What cannot begin now returns NOT_NOW and is asked again. `exclusive` ones run alone, on an ensemble that is
whole, and leave it whole: their faults take data away for good, of which only one node at a time may lose some.

They stand in process_faults.py, partitions.py, bad_links.py, disk_faults.py, power_loss.py and surroundings.py. To add
one: write the function, put it under @nemesis with a name, and name it in a mix of mixes.py.
"""

ALL = {}
NOT_NOW = "not now"


def nemesis(name, exclusive=False):
    def add(function):
        function.nemesis_name, function.exclusive = name, exclusive
        ALL[name] = function
        return function
    return add


def majority(rig):
    return len(rig.voters) // 2 + 1


def restart_soon(rig, random, later, node):
    later(random.choice([0, 0, random.uniform(0, 3)]), lambda: rig.runs(node) or rig.start(node))


def leader_or_any(rig, random):
    leader = rig.leader()
    return leader if leader in rig.victims else random.choice(rig.victims)
