"""Fault after fault against one pair under load, judged after each."""

import collections
import datetime
import os
import time
from dataclasses import dataclass, field

from faults import balancer, kinds
from faults.load import Load
from faults.oracle import Oracle
from harness import wire
from harness.deadline import TooLate, wait_until

# Nothing may be dropped because a client of ours is slow, and a node that is drained need not wait
# for a balancer longer than ours takes.
CHANGES = {"queue": {"per_session_messages": 1_000_000, "per_session_bytes": "1GiB"},
           "cluster": {"drain_notice": "1s", "will_grace": "2s"}}

# The policy under which both sides of a partition serve; under every other one it costs nothing.
_SERVE = "serve"

# What README.md says that is not kept: within groups always, and in a partition that both sides serve.
_KNOWN_SHORTFALLS = frozenset({"group_order", "will_parted"})
_COSTS_OF_A_PARTITION = _KNOWN_SHORTFALLS | {"order", "suffix", "twice", "transient_lost",
                                             "will_twice", "retained_older"}
_PARTITIONS = frozenset({"cut"})

_OWED_SECONDS = 20


@dataclass
class Result:
    """Of one fault. `violations` break a promise; `costs` are what is allowed at this fault."""

    kind: str
    victim: str
    seconds: float = 0.0
    disturbed: bool = False  # a partition came that was not part of the story
    service: float = None  # seconds until the survivor acknowledged again
    broken: list = field(default_factory=list)
    unbroken: list = field(default_factory=list)
    violations: dict = field(default_factory=dict)
    costs: dict = field(default_factory=dict)


class Campaign:
    """Over a running `pair`; a world for the functions in kinds.py. Files go to `directory`.

    `programs`: two builds of tandemd; a drained node comes back as the other one.
    """

    def __init__(self, pair, tools, directory, rng, policy=_SERVE, programs=()):
        self.pair = pair
        self.rng = rng
        self.oracle = Oracle()
        self._tools = tools
        self._policy = policy
        self._programs = programs
        self._timeline = open(os.path.join(directory, "timeline"), "w")
        self._told = 0  # stories of the oracle that were looked at
        self._judged = collections.Counter()
        self._copies_told = collections.Counter()  # by node: lines of the log that were looked at
        self._round = 0
        self._balancer = balancer.Balancer(directory)
        self._load = None
        try:
            self._balancer.wait_up()
            self._load = Load(self.oracle, balancer.ADDRESS, pair.nodes)
        except BaseException:
            self.stop()
            raise

    def stop(self):
        if self._load:
            self._load.stop()
        self._balancer.stop()

    # --- for the faults ---

    def sides(self):
        """(victim, survivor), the same during one fault."""
        return self._sides

    def begin(self, strike=lambda: None):
        """Calls `strike`, if that is quick, at the moment from which times are counted."""
        def begin():
            self._load.let_die(0)
            strike()
            self._load.mark(time.monotonic())
        self._log("begins")
        self._load.call(begin)

    def begin_service(self):
        """The partner is out of reach only now."""
        self._load.call(lambda: self._load.mark_service(time.monotonic()))

    def let_time_pass(self, seconds):
        kinds.pass_time(seconds)

    def wait_for_service(self):
        """Every publisher has got something acknowledged since the fault."""
        self._wait_for_progress(1)

    def tandemctl(self, node, *arguments):
        command = [os.path.join(self._tools, "tandemctl"), "--admin",
                   node.config["admin"]["address"], *arguments]
        return ["ip", "netns", "exec", node.namespace, *command]

    def other_program(self, node):
        """Of two, the one that `node` is not; None if there is only one."""
        return next((program for program in self._programs if program != node.program), None)

    # --- a round ---

    def play(self, kind):
        """One fault from quiet to quiet."""
        begun = time.monotonic()
        self._round += 1
        self._sides = self._draw_sides(kind)
        self.oracle.now = f"{self._round} {kind} {self._sides[0].name}"
        result = Result(kind, self._sides[0].name)
        failovers = self._failovers()
        if kind in _PARTITIONS:  # what it costs may not be mistaken for what the fault before cost
            self._wait_for_wills()
        self.oracle.wills.parted = kind in _PARTITIONS and self._policy == _SERVE
        self._gather()
        self._wait_for_progress(10)
        self.let_time_pass(self.rng.uniform(0, 0.2))
        kinds.FAULTS[kind](self)
        self._log("is over")
        self._load.call(lambda: self._load.let_die(1))
        self._wait_for_progress(5)
        outage = self._load.call(self._load.outage)
        result.service = outage["service"].get(self._sides[1].side)
        result.broken, result.unbroken = outage["broken"], outage["unbroken"]
        result.disturbed = self._was_disturbed(kind, failovers)
        allowed = self._allowed(result)
        self._come_to_rest(allowed)
        self._judge(result, allowed)
        result.seconds = time.monotonic() - begun
        return result

    def _draw_sides(self, kind):
        """(victim, survivor). Under prefer:NAME nobody goes on when the host of NAME falls silent."""
        sides = self.rng.sample(self.pair.nodes, 2)
        if kind == "host" and self._policy == f"prefer:{sides[0].name}":
            sides.reverse()
        return sides

    def _gather(self):
        """Everybody is connected, spread over both nodes, and the publishers go on."""
        self._balancer.wait_up()
        self._wait_for_everyone()
        self._load.call(lambda: self._load.spread(self.rng))
        self._load.call(self._load.send_mortals)
        self._wait_for_everyone()
        self._load.call(self._load.go)

    def _wait_for_everyone(self):
        self._wait_empty(self._load.waiting_for, "clients are not connected")

    def _wait_empty(self, names, what):
        try:
            wait_until(lambda: not self._load.call(names), _OWED_SECONDS, what)
        except TooLate as late:
            raise TooLate(f"{late}: {self._load.call(names)}") from None

    def _wait_for_progress(self, messages):
        before = self._load.call(self._load.counts)
        wait_until(lambda: all(now >= then + messages for then, now in
                               zip(before, self._load.call(self._load.counts))),
                   _OWED_SECONDS, f"every publisher has {messages} more acknowledged")

    def _come_to_rest(self, allowed):
        """All that was sent is acknowledged, and has arrived or never will."""
        self._load.call(self._load.pause)
        self._wait_empty(self._load.busy, "publishers are not acknowledged")
        self._wait_for_everyone()
        try:
            transient = "transient_lost" not in allowed
            wait_until(lambda: self._load.call(lambda: self.oracle.owed(transient)) == 0,
                       _OWED_SECONDS, "everything has arrived")
        except TooLate:
            pass  # the oracle says what has not

    def _failovers(self):
        return {node.name: node.metrics().value("tandem_cluster_failovers_total")
                for node in self.pair.nodes}

    def _was_disturbed(self, kind, before):
        """Whether a node lost its partner more often than the fault accounts for, as happens on a
        machine that has no time for its processes."""
        after = self._failovers()
        victim, survivor = (node.name for node in self._sides)
        if kind in kinds.RESTARTS:
            return after[victim] > 0 or after[survivor] > before[survivor] + 1
        return any(after[name] > before[name] + 1 for name in after)

    # --- the verdict ---

    def _judge(self, result, allowed):
        self._load.call(self.oracle.settle)
        for name, count in self._load.call(self._load.lost_sessions):
            self.oracle.find("session_lost", f"{name}, {count} times")
        self._compare_retained()
        self._ask_for_copies()
        self._sort(result, allowed)

    def _ask_for_copies(self):
        """The nodes compare the copies of sessions all the time, if both know how."""
        for node in self.pair.nodes:
            lines = [line for line in node.log().splitlines()
                     if "the copy of a session differs" in line]
            for line in lines[self._copies_told[node.name]:]:
                self.oracle.find("copy_differs", f"{node.name}: {line}")
            self._copies_told[node.name] = len(lines)

    def _sort(self, result, allowed):
        """What the oracle has found since the last time, into violations and costs."""
        found_before = self._judged
        self._judged = self._load.call(self.oracle.findings.copy)
        found = self._judged - found_before
        result.violations = {kind: count for kind, count in found.items() if kind not in allowed}
        result.costs = {kind: count for kind, count in found.items() if kind in allowed}

    def _allowed(self, result):
        both_serve = self._policy == _SERVE and (result.disturbed or result.kind in _PARTITIONS)
        return _COSTS_OF_A_PARTITION if both_serve else _KNOWN_SHORTFALLS

    def _compare_retained(self):
        values = [_retained_at(node) for node in self.pair.nodes]
        for topic in {*values[0], *values[1]}:
            if values[0].get(topic) != values[1].get(topic):
                self.oracle.find("retained", f"{topic}: {[value.get(topic) for value in values]}")
        for topic, value in self._load.call(self._load.retained).items():
            if values[0].get(topic) != b"%d" % value:
                self.oracle.find("retained_older", f"{topic}: {values[0].get(topic)}, wrote {value}")

    def finish(self):
        """Everybody leaves; what the wills say then, of all faults. Yields a Result."""
        self.oracle.now = "end"
        result = Result("end", "")
        self._wait_for_wills()
        self._load.call(self._load.leave)
        self._load.call(self.oracle.wills.judge)
        self._sort(result, _KNOWN_SHORTFALLS)
        return result

    def _wait_for_wills(self):
        try:
            wait_until(lambda: not self._load.call(self.oracle.wills.outstanding), _OWED_SECONDS,
                       "every will that is due has come")
        except TooLate:
            pass  # the oracle says which have not, at the end

    def new_stories(self):
        """What the oracle has found since the last call, and what was going on."""
        told, self._told = self._told, len(self.oracle.stories)
        stories = self.oracle.stories[told:]
        for story in stories:
            self._log(story)
        return stories

    def _log(self, what):
        self._timeline.write(f"{datetime.datetime.now(datetime.UTC):%H:%M:%S.%f} "
                             f"{self.oracle.now} {what}\n")
        self._timeline.flush()


def _retained_at(node):
    reader = wire.connected(node.address)
    reader.subscribe("retained/#", qos=1)
    reader.subscribe("end of retained", qos=1)
    reader.publish("end of retained", "", qos=1)
    values = {}
    while (message := reader.receive()).topic != "end of retained":
        values[message.topic] = message.payload
    reader.disconnect()
    return values
