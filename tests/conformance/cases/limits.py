"""Bounds that clients meet: queues, slow readers, connections; each with its counter."""

import contextlib

from harness.deadline import wait_until
from lab import packets
from lab.properties import MAXIMUM_PACKET, RECEIVE_MAXIMUM, SUBSCRIPTION_ID
from lab.registry import config, test

_MIB = 1 << 20


def _queue(when_full):
    # The bound holds once the subscriber stalls; until then its publishers wait for it.
    return config(f"queue-{when_full}", queue={"per_session_messages": 5, "when_full": when_full,
                                               "stalled_after": "1s"})


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


def refused_connects(t, reason):
    return sum(node.metrics().value("tandem_connects_refused_total", reason=reason) or 0
               for node in t.deployment.nodes)


def connect_refused(t, reason, source=None, client_id=None):
    """A connection whose CONNECT is answered with the reason, or for 3.x with its nearest."""
    c = t.open(source=source)
    c.send(packets.connect(t.v, client_id or t.id()))
    got = c.expect_type("CONNACK")
    assert got.reason == (reason if t.v == 5 else 3), f"got {got}"
    c.ends()


@test(v5="", v3="3.2.2.3-a", two=False, on=config("three", listener={"max_connections": 3}),
      alone=True)
def connections_above_the_limit_of_a_listener_are_refused(t):
    clients = [t.client() for _ in range(3)]
    for _ in range(5):
        connect_refused(t, 0x97)
    assert refused_connects(t, "busy") == 5
    for c in clients:
        c.quiet()
    clients[0].leave()
    t.here.wait_metric("tandem_connections", 2, 20, listener="mqtt")  # its place is free again
    t.client().quiet()


@test(v5="", v3="", two=False, alone=True, on=config("crowd", listener={"max_connections": 1}))
def a_crowd_of_refused_connections_is_closed_unheard(t):
    """Those that wait to be told so have a bound of their own (256)."""
    first = t.client()
    for _ in range(300):
        with contextlib.suppress(OSError):  # it may be closed before it is set up
            t.open()
    wait_until(lambda: refused_connects(t, "busy") > 0, 20, "some are closed")
    first.quiet()


@test(v5="", v3="", two=False, alone=True,
      on=config("address", listener={"max_connections_per_address": 2}))
def connections_above_the_limit_of_an_address_are_refused(t):
    clients = [t.open(source="127.0.0.2") for _ in range(2)]
    for c in clients:
        c.connect(t.id())
    connect_refused(t, 0x97, source="127.0.0.2")
    other = t.open(source="127.0.0.3")
    other.connect(t.id())
    clients[0].leave()
    t.here.wait_metric("tandem_connections", 2, 20, listener="mqtt")
    again = t.open(source="127.0.0.2")
    again.connect(t.id())
    for c in (again, other, clients[1]):
        c.quiet()


@test(v5="", v3="", two=False, alone=True, on=config("rate", listener={"max_connect_rate": 5}))
def connections_that_come_too_fast_are_refused(t):
    """One of twenty at once waits its turn at the latest when a fifth of a second has passed."""
    taken = []
    for _ in range(20):
        c = t.open()
        c.send(packets.connect(t.v, t.id()))
        taken.append(c.expect_type("CONNACK").reason)
    wanted = 0x9F if t.v == 5 else 3
    assert set(taken) == {0, wanted} and taken[:5] == [0] * 5, f"got {taken}"
    assert refused_connects(t, "connect_rate") == taken.count(wanted)
    assert "connections refused by a limit" in t.here.log()


@test(v5="", v3="", two=False, alone=True,
      on=config("address-rate", listener={"max_connect_rate_per_address": 3}))
def connections_that_come_too_fast_from_one_address_are_refused(t):
    greedy = []
    for _ in range(10):
        c = t.open(source="127.0.0.2")
        c.send(packets.connect(t.v, t.id()))
        greedy.append(c.expect_type("CONNACK").reason)
    assert greedy[:3] == [0] * 3 and (0x9F if t.v == 5 else 3) in greedy, f"got {greedy}"
    other = t.open(source="127.0.0.3")
    other.connect(t.id())


@test(v5="", v3="", alone=True, on=config("takeovers", mqtt={"max_takeovers_per_minute": 10}))
def clients_that_fight_over_a_client_id_are_slowed(t):
    """One CONNECT after the other with the same id, on both nodes in turn."""
    client_id, answers, holder = t.id(), [], None
    for n in range(60):
        c = t.open((t.here, t.there)[n % 2])
        c.send(packets.connect(t.v, client_id))
        answers.append(c.expect_type("CONNACK").reason)
        if answers[-1] == 0:
            holder = c
    wanted = 0x9F if t.v == 5 else 3
    assert set(answers) == {0, wanted}, f"got {answers}"
    assert answers.count(0) <= 10 * len(t.deployment.nodes) + 5, f"got {answers}"
    assert refused_connects(t, "takeover_storm") == answers.count(wanted)
    holder.quiet()  # who has it is served on


def _retained_counts(t):
    return [node.metrics().value("tandem_retained_messages") for node in t.deployment.nodes]


@test(v5="4.3-a 2.4-a", alone=True, on=config("retained", mqtt={"max_retained_messages": 50}))
def a_retained_message_above_the_limit_is_refused_as_a_whole(t):
    """Codes below 0x80 say that the message is taken, others that nothing of it is."""
    s, p, q = t.other(), t.client(), t.other()
    s.subscribe(t.topic("#"), qos=2)
    taken = []
    for n in range(80):
        topic = t.topic(str(n))
        reason = (p, q)[n % 2].publish(topic, str(n), qos=1 + n % 2, retain=1).reason
        if n < 50:
            assert reason < 0x80, f"{n}: {reason:#x}"
        else:
            assert reason == 0x97, f"{n}: {reason:#x}"
        if reason < 0x80:
            taken.append(topic)
    for _ in taken:
        assert s.take().topic in taken
    s.quiet()
    assert _retained_counts(t) == [50] * len(t.deployment.nodes)
    refused = sum(node.metrics().value("tandem_publish_refused_total", reason="quota_exceeded")
                  for node in t.deployment.nodes)
    assert refused == 30, f"counted {refused}"
    p.publish(taken[0], b"new", qos=1, retain=1)
    q.publish(taken[1], b"", qos=1, retain=1)  # makes room
    assert p.publish(t.topic("room"), b"x", qos=1, retain=1).reason < 0x80


@test(v3="", alone=True, on="retained")
def what_cannot_be_retained_is_delivered_all_the_same(t):
    s, p = t.other(), t.client()
    s.subscribe(t.topic("#"), qos=1)
    for n in range(80):
        p.publish(t.topic(str(n)), str(n), qos=n % 2, retain=1)
        assert s.take().payload == str(n).encode()
    late = t.other()
    late.subscribe(t.topic("#"))
    stored = [late.message().topic for _ in range(50)]
    late.quiet()
    assert stored and set(stored) == {t.topic(str(n)) for n in range(50)}


@test(v5="", v3="", alone=True, on=config("flood", mqtt={"max_retained_bytes": "4MiB"}))
def a_flood_of_retained_messages_takes_a_bounded_memory(t):
    """100 MiB of values, then as many deletions."""
    p, before = t.client(), [node.resident_bytes() for node in t.deployment.nodes]
    payload = bytes(8192)
    for first in range(0, 12_800, 100):
        p.send(*[packets.publish(t.v, t.topic(str(n)), payload, retain=1)
                 for n in range(first, first + 100)])
        p.quiet()
    for first in range(0, 100_000, 1000):
        p.send(*[packets.publish(t.v, t.topic("gone", str(n)), retain=1)
                 for n in range(first, first + 1000)])
        p.quiet()
    grown = [node.resident_bytes() - was for node, was in zip(t.deployment.nodes, before)]
    assert max(grown) < 96 * _MIB, f"the nodes grew by {grown} bytes"
    assert all(count <= 4 * _MIB // 8192 for count in _retained_counts(t))
    s = t.other()
    s.subscribe(t.topic("0"))
    s.message(payload, t.topic("0"))


@test(v5="", two=False)
def a_session_has_a_bounded_number_of_subscriptions(t):
    """The bound of the configuration is 10,000."""
    refused = t.here.metrics().value("tandem_subscriptions_refused_total")
    c, granted = t.client(), 0
    for first in range(0, 10_500, 500):
        codes = c.subscribe(*[t.topic(str(n)) for n in range(first, first + 500)])
        granted += codes.count(0)
        assert set(codes) <= {0, 0x97}
    assert granted == 10_000, f"{granted} subscriptions"
    assert t.here.metrics().value("tandem_subscriptions_refused_total") >= refused + 500
    c.leave()


@test(v5="3.1.2-25 A49", two=False)
def skipped_messages_are_counted(t):
    before = dropped(t, "packet_too_large")
    s, topic = t.client(properties=[(MAXIMUM_PACKET, 100)]), t.topic("x")
    s.subscribe(topic)
    t.client().publish(topic, bytes(200), qos=1)
    s.quiet()
    assert dropped(t, "packet_too_large") > before


@test(v5="3.3.4-5 A6", v3="A6", on=config("copies", mqtt={"overlapping_subscriptions": "copy-each"}))
def overlapping_subscriptions_may_give_a_copy_each(t):
    s, topic = t.session(node=t.there), t.topic("a", "b")
    for n, (name, qos) in enumerate(((t.topic("a", "b"), 0), (t.topic("+", "b"), 1),
                                     (t.topic("#"), 2)), 1):
        s.subscribe(name, qos=qos, properties=[(SUBSCRIPTION_ID, n)] if t.v == 5 else ())
    t.client().publish(topic, b"x", qos=2)
    got = [s.take(b"x", topic) for _ in range(3)]
    assert sorted(m.qos for m in got) == [0, 1, 2], f"got {got}"
    if t.v == 5:
        assert sorted((m.qos, m.prop(SUBSCRIPTION_ID)) for m in got) == [(0, 1), (1, 2), (2, 3)]
    s.quiet()


@test(v5="A31", v3="A31", on=config("keep-qos0", queue={"keep_qos0": True}))
def qos_0_messages_may_wait_for_absent_clients(t):
    topic = t.topic("x")
    s = t.session(node=t.there)
    s.subscribe(topic, qos=1)
    s.drop()
    p = t.client()
    for n in range(4):
        p.publish(topic, str(n), qos=n % 2)
    p.quiet()
    for node in (t.there, t.here):  # it moves to the other node with its queue
        s = t.session(s.client_id, node=node)
        for n in range(4):
            s.take(str(n), qos=n % 2)
        s.quiet()
        s.drop()
        for n in range(4):
            p.publish(topic, str(n), qos=n % 2)
        p.quiet()
