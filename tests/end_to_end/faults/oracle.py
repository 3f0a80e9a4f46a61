"""What clients sent, were promised and received, and what of that breaks a promise.

Knows MQTT and nothing of the broker: it sees numbered messages of publishers, acknowledgements, and
arrivals at receivers. No clock, no socket; `findings` collects what is wrong, by kind:

    lost            an acknowledged message that a persistent receiver, or a group, never got (P4)
    transient_lost  the same for a transient one whose connection stood all the time (P3, P4)
    late            came after it had been judged lost
    twice           a QoS 2 message that came again (P5)
    order           a message that came first after a newer one (P6)
    suffix          a repetition at QoS 1 that left something out on its way (P6)
    group_order     `order` at one member of a group, which README.md says may happen
    session_lost    a persistent session that was not there any more (P1)
    retained        a retained value that is not the same on both nodes (P9)
    retained_older  one that is not the newest that was acknowledged to its only writer (P4)
    copy_differs    a copy of a session that the nodes found to differ from it
    will_missing, will_twice, will_undue (P8)
    will_parted     one of the last two, of a will that a partition has met
"""

import collections


class Flow:
    """The messages of one publisher as one receiver gets them."""

    def __init__(self, exactly_once, required_from=None):
        self.required_from = required_from  # None: nothing is owed yet
        self.lost = set()
        self.repeated = 0
        self._exactly_once = exactly_once
        self._settled = 0  # below it everything has been judged
        self._seen = set()
        self._newest = -1
        self._previous = -1

    def has(self, number):
        return number < self._settled or number in self._seen

    def arrive(self, number, ordered=True):
        """What is wrong about this arrival: None or a kind of finding."""
        previous, self._previous = self._previous, number
        if number in self.lost:
            self.lost.discard(number)
            return "late"
        if self.has(number):
            self.repeated += 1
            if self._exactly_once:
                return "twice"
            return "suffix" if ordered and number > previous + 1 else None
        self._seen.add(number)
        behind = number < self._newest
        left_out = previous < self._newest < number  # a repetition ended before its end
        self._newest = max(self._newest, number)
        if not ordered or self.required_from is None or number < self.required_from:
            return None
        if behind:
            return "order"
        return "suffix" if left_out else None

    def owed(self, end):
        """Numbers below `end` that must have arrived and have not."""
        if self.required_from is None:
            return []
        return [number for number in range(max(self.required_from, self._settled), end)
                if number not in self._seen]

    def settle(self, end):
        """Everything below `end` is judged: what is owed now is lost. Yields those numbers."""
        owed = self.owed(end)
        self.lost.update(owed)
        self._seen = {number for number in self._seen if number >= end}
        self._settled = max(self._settled, end)
        return owed


class Receiver:
    """A subscriber, or a shared group with its members; `transient` ones start anew with each connection."""

    def __init__(self, name, transient=False, is_group=False):
        self.name = name
        self.transient = transient
        self.is_group = is_group
        self.flows = {}
        self.newest_at = collections.defaultdict(lambda: -1)  # of (member, publisher), for groups


class Oracle:
    def __init__(self):
        self.findings = collections.Counter()
        self.stories = []  # a line for each finding
        self.now = "start"  # what is going on, for the stories
        self.sent = {}  # publisher: how many numbers it has used
        self.acknowledged = 0
        self.delivered = 0
        self.wills = Wills(self.find)
        self._exactly_once = {}
        self._receivers = []

    def find(self, kind, story):
        self.findings[kind] += 1
        self.stories.append(f"{self.now}: {kind}: {story}")

    @property
    def repeated(self):
        return sum(flow.repeated for receiver in self._receivers
                   for flow in receiver.flows.values())

    # --- who is there ---

    def add_publisher(self, publisher, qos):
        self.sent[publisher] = 0
        self._exactly_once[publisher] = qos == 2

    def add_receiver(self, receiver):
        self._receivers.append(receiver)
        if not receiver.transient:
            self.subscribed(receiver)

    def opened(self, receiver):
        """A transient receiver has a new connection, on which nothing is owed yet."""
        receiver.flows = {publisher: Flow(once) for publisher, once in self._exactly_once.items()}

    def subscribed(self, receiver):
        """From now on everything that is sent for the first time is owed."""
        if not receiver.flows:
            self.opened(receiver)
        for publisher, flow in receiver.flows.items():
            flow.required_from = self.sent[publisher]

    def closed(self, receiver):
        receiver.flows = {}

    # --- what happens ---

    def send(self, publisher):
        """The number of a new message."""
        number = self.sent[publisher]
        self.sent[publisher] += 1
        return number

    def deliver(self, receiver, member, publisher, number):
        self.delivered += 1
        flow = receiver.flows[publisher]
        is_new = not flow.has(number)
        kind = flow.arrive(number, ordered=not receiver.is_group)
        if receiver.is_group and is_new:
            key = (member, publisher)
            if number < receiver.newest_at[key]:
                kind = kind or "group_order"
            receiver.newest_at[key] = max(receiver.newest_at[key], number)
        if kind:
            self.find(kind, f"{publisher} {number} at {member}")

    # --- judgement ---

    def owed(self, transient=True):
        """How many messages have not arrived yet; call it when all that was sent is acknowledged.
        `transient`: also at transient receivers."""
        return sum(len(flow.owed(self.sent[publisher])) for receiver in self._receivers
                   if transient or not receiver.transient
                   for publisher, flow in receiver.flows.items())

    def settle(self):
        """Whatever is owed is lost."""
        for receiver in self._receivers:
            kind = "transient_lost" if receiver.transient else "lost"
            for publisher, flow in receiver.flows.items():
                for number in flow.settle(self.sent[publisher]):
                    self.find(kind, f"{publisher} {number} at {receiver.name}")


class Wills:
    """Each will has a name of its own, which is its payload."""

    def __init__(self, find):
        self._find = find
        self._fate = {}  # name: "due", "not due" or "may come"
        self._when = {}  # name: what went on when its fate was known
        self._arrived = collections.defaultdict(list)  # name: what went on at each arrival
        self.parted = False  # whether both sides serve at present, or may
        self._met_partition = set()

    def decide(self, name, fate, when):
        assert fate in ("due", "not due", "may come"), fate
        self._fate[name] = fate
        self._when[name] = when
        self._meet(name)

    def _meet(self, name):
        if self.parted:
            self._met_partition.add(name)

    def _find_about(self, kind, name):
        kind = "will_parted" if name in self._met_partition else kind
        self._find(kind, f"{name} of {self._when.get(name)}: {self._arrived[name]}")

    def arrive(self, name, when):
        self._arrived[name].append(when)
        self._meet(name)
        if len(self._arrived[name]) == 2:
            self._find_about("will_twice", name)

    @property
    def due(self):
        return sum(1 for fate in self._fate.values() if fate == "due")

    def outstanding(self):
        return [name for name, fate in self._fate.items()
                if fate == "due" and name not in self._arrived]

    def judge(self):
        """At the end, when every client with a will has gone."""
        for name in self.outstanding():
            self._find("will_missing", f"{name}, due in {self._when[name]}")
        for name in self._arrived:
            if self._fate.get(name, "not due") == "not due":
                self._find_about("will_undue", name)
