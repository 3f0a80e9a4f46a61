"""More than a subscriber can take: its publishers wait for it, as long as it moves (O5)."""

import json

from harness import wire
from harness.deadline import wait_until
from harness.registry import test
from harness.wire import connected

_MB = 1_000_000
_DROPPED = "tandem_publish_dropped_total"
_PAUSED = "tandem_publishers_paused"
_PAUSES = "tandem_publisher_pauses_total"


def _sum(nodes, name, **labels):
    return sum(node.metrics().value(name, **labels) or 0 for node in nodes)


def _fan_in(t, nodes, rate):
    """Publishers on the first node, the subscriber on the last one; both lists of one are fine."""
    before = [node.resident_bytes() for node in nodes]
    path = t.new_path("bench.json")
    t.tool("tandem-bench", "fan-in", "-h", ",".join(node.address for node in nodes), "-c", 20, "-q", 1,
           "-s", 64, "--rate", rate, "--warmup", 0.2, "--duration", 2, "--check", "--quiet", "--json",
           path, seconds=60)
    with open(path, encoding="utf-8") as file:
        result = json.load(file)
    growth = max(node.resident_bytes() - earlier for node, earlier in zip(nodes, before))
    pauses, dropped = _sum(nodes, _PAUSES), _sum(nodes, _DROPPED)
    t.note(f"{result['received_ever']} messages, {pauses:.0f} pauses, grew by {growth / _MB:.0f} MB")
    assert result["good"] and result["received_ever"] == result["published_ever"], result
    assert dropped == 0, f"{dropped} dropped"
    assert pauses > 0, "nobody had to wait: it was no overload"
    for node in nodes:
        node.wait_metric(_PAUSED, 0)
        node.wait_metric("tandem_sessions_congested", 0)
    if not t.sanitizer:
        assert growth < 64 * _MB, f"{growth / _MB:.0f} MB"


# A window of 10 makes any subscriber slow, and a mark of 250 messages is soon passed.
_LIMITS = {"queue": {"per_session_messages": 500}, "mqtt": {"max_inflight": 10}}


@test("a fan-in beyond what its subscriber takes loses nothing, in bounded memory, on one node (O5)",
      seconds=90)
def _(t):
    _fan_in(t, [t.new_node(changes=_LIMITS)], 1_000_000)


@test("a fan-in beyond what its subscriber takes loses nothing, in bounded memory, across nodes (O5)",
      seconds=90)
def _(t):
    _fan_in(t, t.new_pair(changes=_LIMITS).nodes, 1_000_000)


@test("publishers wait for a subscriber that moves, and not for one that has stalled (O5)",
      seconds=60)
def _(t):
    # On one core, where the brake is felt at once: from another one all would have come before it.
    node = t.new_node(changes={"queue": {"per_session_messages": 100, "stalled_after": "3s"},
                               "engine": {"cores": "0"}})
    topic = t.unique("slow")
    slow = connected(node.address, props=((wire.RECEIVE_MAXIMUM, 10),))
    slow.subscribe(topic, qos=1)
    publisher, other = connected(node.address), connected(node.address)
    publisher.send(b"".join(wire.publish_packet(topic, b"%d" % n, 1, n) for n in range(1, 301)))
    node.wait_metric(_PAUSED, 1)
    other.publish(t.unique("elsewhere"), "nobody waits for me", qos=1)
    # It moves: all that it takes is followed by more, and nothing is lost.
    for number in range(1, 201):
        assert slow.receive().payload == b"%d" % number
    node.wait_metric(_PAUSED, 1)
    assert node.metrics().value(_DROPPED) == 0
    # It stalls: the publisher is let go, and what is too much for the queue goes.
    publisher.expect(wire.PUBACK, packet_id=300, seconds=20)
    node.wait_metric(_PAUSED, 0)
    assert node.metrics().value("tandem_session_stalls_total") == 1
    wait_until(lambda: other.publish(topic, "more", qos=1)
               and node.metrics().value(_DROPPED, reason="stalled") > 0, 20, "something is dropped")
    assert slow.receive().payload == b"201"
