"""What is measured: the table of ratios that a release has to reach. A new row is a line of SCENARIOS."""

from dataclasses import dataclass, field

# Which brokers a scenario runs on.
EACH = ("reference", "others", "one")  # the reference (mosquitto), brokers given by option, one node of ours
# Where the kernel has most of the cost: also bare_relay, which keeps no promise and says what a broker can have there.
BESIDE_CEILING = ("reference", "others", "ceiling", "one")
OURS = ("one",)
SCALING = ("nodes apart", "two cores")  # two nodes of a core each that know nothing of one another; one node of two cores
PAIR = ("pair",)
BESIDE = ("pair beside",)  # all clients on one node; the other one shares the generator's CPU


@dataclass(frozen=True)
class Goal:
    """`figure` of ours, divided by `of`'s, against `must` and `aim`."""

    figure: str  # rate (messages/s), cpu (us/message), p50, p99, ack_p50, ack_p99 (us), bytes (per connection)
    must: float
    aim: float
    of: str = "mosquitto"  # a broker's name in the same scenario, the name of another scenario of ours, or "" for absolute
    more: bool = True  # more is better

    def is_met(self, value, limit):
        return value >= limit if self.more else value <= limit


@dataclass(frozen=True)
class Scenario:
    name: str
    arguments: tuple
    goals: tuple = ()
    brokers: tuple = EACH
    # load; idle: resident bytes; overload: twice the rate that `of` reached; scaling: generators on each of the broker's CPUs
    kind: str = "load"
    of: str = ""
    options: dict = field(default_factory=dict)


def _less(figure, must, aim, of="mosquitto"):
    return Goal(figure, must, aim, of, more=False)


def _load(name, text, *goals, **more):
    return Scenario(name, tuple(text.split()), goals, **more)


_QOS_1 = "pair -c 10 -q 1 -s 64 --window 50"
_QOS_1_ONE = "pair -c 10 -q 1 -s 64 --window 1"

SCENARIOS = [
    _load("pairs, QoS 0", "pair -c 10 -q 0 -s 64 --window 50", Goal("rate", 10, 13 * 1.2)),
    _load("pairs, QoS 1", _QOS_1, Goal("rate", 14, 18 * 1.2)),
    _load("pairs, QoS 2", "pair -c 10 -q 2 -s 64 --window 50", Goal("rate", 16, 23 * 1.2)),
    _load("fan-in 100 to 1, QoS 1", "fan-in -c 100 -q 1 -s 64 --window 50", Goal("rate", 9, 9.9)),
    _load("shared group, 100 to 10, QoS 1", "shared -c 100 --members 10 -q 1 -s 64 --window 50", Goal("rate", 9, 9.9)),
    _load("fan-out 1 to 1000, QoS 0", "fan-out -c 1000 -q 0 -s 64 --window 20", Goal("rate", 7, 12.5)),
    _load("fan-out 1 to 1000, one at a time", "fan-out -c 1000 -q 0 -s 64 --window 1", _less("cpu", 0.55, 0.5),
          _less("cpu", 1.15, 1.05, of="ceiling"), brokers=BESIDE_CEILING),
    _load("pairs, QoS 1, window 1", "pair -c 10 -q 1 -s 64 --window 1", Goal("rate", 1.7, 1.9),
          Goal("rate", 0.85, 0.95, of="ceiling"), brokers=BESIDE_CEILING),
    _load("1000 pairs, QoS 1, 5 k/s", "pair -c 1000 -q 1 -s 64 --rate 5000", _less("cpu", 0.75, 0.55),
          _less("cpu", 1.25, 1.1, of="ceiling"), _less("p50", 1.1, 0.9), _less("p99", 1.1, 0.9), brokers=BESIDE_CEILING),
    _load("wildcards, 6,900 filters, 22 matches", "wildcard -c 14 --filters 6900 -s 64 --window 20", Goal("rate", 15, 20)),
    _load("wildcards, 1,000 filters", "wildcard -c 14 --filters 1000 -s 64 --window 20", brokers=OURS),
    _load("wildcards, 1,000,000 filters", "wildcard -c 14 --filters 1000000 -s 64 --window 20",
          _less("cpu", 2, 1.5, of="wildcards, 1,000 filters"), brokers=OURS),
    _load("pairs, 64 KiB, QoS 0", "pair -c 10 -q 0 -s 65536 --window 10", Goal("rate", 1.0, 1.3)),
    _load("10,000 idle connections, a subscription each", "sub -c 10000 -t idle/%i -q 1", _less("bytes", 2000, 1200, of=""),
          kind="idle"),
    _load("CONNECT, CONNACK, DISCONNECT", "reconnect -c 50", _less("cpu", 44, 33, of="")),
    # Both nodes share the one CPU that a single node has in the row compared with, so the rate is of half a CPU each. With a CPU
    # each, the busier one is full first: what its CPU time allows is the rate that a pair on two hosts is held to.
    _load("pairs across nodes, QoS 0", "pair -c 10 -q 0 -s 64 --window 50", _less("cpu", 1 / 0.5, 1 / 0.7, of="pairs, QoS 0"),
          brokers=PAIR),
    _load("pairs across nodes, QoS 1", "pair -c 10 -q 1 -s 64 --window 50", Goal("rate", 0.3, 0.4, of="pairs, QoS 1"),
          _less("cpu", 1 / 0.3, 1 / 0.4, of="pairs, QoS 1"), brokers=PAIR),
    # Both CPUs have as much to do for two nodes as for two cores, and the kernel as much between them, so what differs is what cores
    # do for one another: about every second message crosses. Of the pairs of each generator half are on either node.
    *(_load(f"pairs on two cores, QoS {qos}", f"pair -c 10 -q {qos} -s 64 --window 50", _less("cpu", 1.15, 1, of="tandemd apart"),
            brokers=SCALING, kind="scaling") for qos in (0, 1)),
    # What waiting for the other node costs, with publishers and subscribers on one node: nothing waits for clean sessions there,
    # PUBACK waits for the copy of each session that is kept. The partner shares the generator's CPU, so its work slows down the
    # load and not the node that is measured.
    _load("gate: kept sessions, alone", f"{_QOS_1} --session-expiry 3600", brokers=OURS),
    _load("gate: kept sessions, paired", f"{_QOS_1} --session-expiry 3600",
          Goal("rate", 0.5, 0.7, of="gate: kept sessions, alone"), brokers=BESIDE),
    _load("gate: clean sessions, alone", _QOS_1, brokers=OURS),
    _load("gate: clean sessions, paired", _QOS_1, Goal("rate", 0.5, 0.7, of="gate: clean sessions, alone"), brokers=BESIDE),
    _load("gate: kept sessions, window 1, alone", f"{_QOS_1_ONE} --session-expiry 3600", brokers=OURS),
    _load("gate: kept sessions, window 1, paired", f"{_QOS_1_ONE} --session-expiry 3600", brokers=BESIDE),
    _load("overload, QoS 1 pairs", "pair -c 10 -q 1 -s 64", brokers=OURS, kind="overload", of="pairs, QoS 1"),
    _load("overload, QoS 1 fan-in", "fan-in -c 100 -q 1 -s 64", brokers=OURS, kind="overload", of="fan-in 100 to 1, QoS 1"),
    _load("overload across nodes, QoS 1 fan-in", "fan-in -c 100 -q 1 -s 64", brokers=PAIR, kind="overload",
          of="pairs across nodes, QoS 1"),
]
