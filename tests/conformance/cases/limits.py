"""Bounds that clients meet: queues, slow readers, connections; each with its counter."""

import contextlib

from lab import packets
from lab.properties import MAXIMUM_PACKET, RECEIVE_MAXIMUM
from lab.registry import config, test

_MIB = 1 << 20


def _queue(when_full):
    return config(f"queue-{when_full}", queue={"per_session_messages": 5, "when_full": when_full})


def dropped(t, reason):
    """Over all nodes of the deployment."""
    return sum(node.metrics().value("tandem_publish_dropped_total", reason=reason) or 0
               for node in t.deployment.nodes)


def _publish_to_absent(t, count, payload=b""):
    topic = t.topic("x")
    s = t.session(node=t.there)
    s.subscribe(topic, qos=1)
    s.drop()
    p = t.client()
    for n in range(count):
        p.publish(topic, str(n).encode() + payload, qos=1)
    return s.client_id


@test(v5="A30", v3="A30", on=_queue("drop-oldest"))
def a_full_queue_drops_the_oldest(t):
    before = dropped(t, "queue_full")
    s = t.session(_publish_to_absent(t, 8))
    for n in range(3, 8):
        s.take(str(n))
    s.quiet()
    assert dropped(t, "queue_full") - before >= 3


@test(v5="A30", v3="A30", on=_queue("drop-newest"))
def a_full_queue_drops_the_newest(t):
    before = dropped(t, "queue_full")
    s = t.session(_publish_to_absent(t, 8))
    for n in range(5):
        s.take(str(n))
    s.quiet()
    assert dropped(t, "queue_full") - before >= 3


@test(v5="A30", on=_queue("disconnect"))
def a_full_queue_disconnects_the_subscriber(t):
    topic = t.topic("x")
    s = t.session(node=t.there, properties=[(RECEIVE_MAXIMUM, 1)])
    s.subscribe(topic, qos=1)
    p = t.client()
    for n in range(7):
        p.publish(topic, str(n), qos=1)
    s.message(b"0")
    s.refused(0x97)


@test(v5="A30", on=config("queue-bytes", mqtt={"max_packet_size": "8KiB"},
                                           queue={"per_session_bytes": "16KiB"}))
def a_queue_is_bounded_in_bytes(t):
    s = t.session(_publish_to_absent(t, 8, b"x" * 4000))
    got = []
    s.send(packets.PINGREQ)
    while (packet := s.receive()).type == "PUBLISH":
        got.append(packet.payload[:1])
    assert got == [b"5", b"6", b"7"] or got == [b"4", b"5", b"6", b"7"], f"got {got}"


@test(v5="A32", v3="A32", alone=True)
def a_subscriber_that_stops_reading_costs_a_bounded_memory_and_holds_nobody_up(t):
    topic, other = t.topic("x"), t.topic("y")
    stuck, reader, p = t.other(), t.other(), t.client()
    stuck.subscribe(topic)
    reader.subscribe(other)
    p.publish(topic, b"warm up")
    stuck.message(b"warm up")
    before = [node.resident_bytes() for node in t.deployment.nodes]
    for n in range(100):
        for _ in range(8):
            p.send(packets.publish(t.v, topic, bytes(_MIB // 8)))
        p.publish(other, str(n))
        reader.message(str(n))
    assert dropped(t, "slow_consumer") > 0
    grown = [node.resident_bytes() - was for node, was in zip(t.deployment.nodes, before)]
    assert max(grown) < 64 * _MIB, f"the nodes grew by {grown} bytes for 100 MiB"
    stuck.subscribe(other)  # what was kept is read, and it is served on
    p.publish(other, b"end")
    while stuck.message().topic != other:
        pass


@test(v5="", v3="", two=False, on=config("three", listener={"max_connections": 3}), alone=True)
def connections_above_the_limit_of_a_listener_are_closed(t):
    clients = [t.client() for _ in range(3)]
    with contextlib.suppress(OSError):  # it may be closed before we have said anything
        above = t.open()
        above.send(packets.connect(t.v, t.id()))
        got = above.next()
        assert got is None or (got.type == "CONNACK" and got.reason), f"got {got}"
    for c in clients:
        c.quiet()


@test(v5="", two=False)
def a_session_has_a_bounded_number_of_subscriptions(t):
    """The bound of the configuration is 10,000."""
    c, granted = t.client(), 0
    for first in range(0, 10_500, 500):
        codes = c.subscribe(*[t.topic(str(n)) for n in range(first, first + 500)])
        granted += codes.count(0)
        assert set(codes) <= {0, 0x97}
    assert granted == 10_000, f"{granted} subscriptions"
    c.leave()


@test(v5="3.1.2-25 A49", two=False)
def skipped_messages_are_counted(t):
    before = dropped(t, "packet_too_large")
    s, topic = t.client(properties=[(MAXIMUM_PACKET, 100)]), t.topic("x")
    s.subscribe(topic)
    t.client().publish(topic, bytes(200), qos=1)
    s.quiet()
    assert dropped(t, "packet_too_large") > before
