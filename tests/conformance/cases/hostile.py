"""Malformed input of every kind ends its own connection and touches nothing else (4.13)."""

import random

from lab import packets
from lab.bytes import frame, raw
from lab.packets import Will
from lab.properties import SUBSCRIPTION_ID, TABLE, USER, example
from lab.registry import test

_ACKS = ("PUBACK", "PUBREC", "PUBREL", "PUBCOMP")


def every_packet(t, topic):
    """One of each type that a client may send, with everything that may be in it."""
    v = t.v
    user = [(USER, ("k", "v"))] if v == 5 else ()
    whole = [example(n) for n, (_, senders, _) in TABLE.items()
             if "PUBLISH" in senders.split() and n != 0x23] if v == 5 else ()
    found = {
        "PUBLISH": packets.publish(v, topic, b"payload", 1, 7, properties=whole),
        "SUBSCRIBE": packets.subscribe(v, 8, (topic, 1), (topic + "/+", 0), properties=[
            (SUBSCRIPTION_ID, 9), *user] if v == 5 else ()),
        "UNSUBSCRIBE": packets.unsubscribe(v, 9, topic, topic + "/#", properties=user),
        "PINGREQ": packets.PINGREQ,
        "DISCONNECT": packets.disconnect(*([0x04, user] if v == 5 else ())),
    }
    for kind in _ACKS:
        found[kind] = packets.ack(kind, 5, *([0, user] if v == 5 else ()))
    if v == 5:
        found["AUTH"] = frame(0xF0, "19", "04", "15 00 01 4d")
    return found


def serves_on(t, bystander):
    """After whatever was done: another connection works, and so do new ones."""
    topic = t.topic("alive", t.id())
    bystander.subscribe(topic, qos=1)
    t.client().publish(topic, b"x", qos=1)
    bystander.take(b"x", topic)


def throw(t, *data):
    """Sends it on a fresh connection, then the end of the stream; yields what comes back."""
    c = t.client()
    try:
        c.send(*data)
        c.close()
    except OSError:
        pass  # closed while we were writing
    got = []
    while (packet := c.next()) is not None:
        got.append(packet)
    c.abandon()
    return got


@test(v5="4.13.1-1 4.13.1-c", v3="4.8.0-1", two=False)
def every_cut_of_every_packet_is_refused(t):
    bystander = t.client()
    for name, whole in every_packet(t, t.topic("cut")).items():
        body = whole[2:]
        for length in range(len(body)):
            got = throw(t, frame(whole[0], body[:length]), packets.PINGREQ)
            # A cut may leave a shorter packet that is right; whatever it is, it is strict output.
            assert len(got) <= 3, f"{name} cut to {length}: got {got}"
    serves_on(t, bystander)


@test(v5="4.13.1-1 4.13.1-c", v3="4.8.0-1", two=False)
def every_packet_with_surplus_bytes_is_refused(t):
    bystander = t.client()
    for name, whole in every_packet(t, t.topic("surplus")).items():
        if name == "PUBLISH":
            continue  # they are payload
        c = t.client()
        c.send(frame(whole[0], whole[2:], "00"))
        c.refused(0x81, 0x82)
    serves_on(t, bystander)


@test(v5="4.13.1-1 4.13.1-c", v3="4.8.0-1")
def flipped_bits_of_every_packet_do_no_harm(t):
    """Each bit once; whatever it means then, the answers are strict and the rest is served on."""
    bystander = t.other()
    for whole in every_packet(t, t.topic("flip")).values():
        for bit in range(len(whole) * 8):
            flipped = bytearray(whole)
            flipped[bit // 8] ^= 1 << bit % 8
            throw(t, flipped)
    serves_on(t, bystander)


@test(v5="3.1.4-1", v3="3.1.4-1", two=False)
def flipped_bits_of_connect_do_no_harm(t):
    bystander = t.client()
    whole = packets.connect(t.v, t.id(), will=Will("w", b"x"), user="u", password=b"p",
                            properties=[(USER, ("k", "v"))] if t.v == 5 else ())
    for bit in range(len(whole) * 8):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        c = t.open()
        c.v = None  # the answer may have the form of any version
        c.send(flipped)
        c.close()
        while c.next() is not None:
            pass
        c.abandon()
    serves_on(t, bystander)


@test(v5="", v3="", two=False)
def random_bytes_do_no_harm(t):
    bystander, rng = t.client(), random.Random(815)
    for _ in range(300):
        throw(t, rng.randbytes(rng.randint(1, 200)))
    serves_on(t, bystander)


@test(v5="", v3="", two=False)
def lengths_that_promise_more_than_comes_cost_nothing(t):
    bystander, before = t.client(), t.here.resident_bytes()
    for first in (0x30, 0x82, 0xA2, 0xE0):
        for length in ("ff ff 03", "ff ff ff 7f", "ff ff 3f"):
            got = throw(t, bytes([first]), length, bytes(100))
            assert len(got) <= 1, f"got {got}"
    serves_on(t, bystander)
    assert t.here.resident_bytes() - before < 64 << 20


@test(v5="", v3="")
def packets_that_come_byte_by_byte_are_served(t):
    topic, s = t.topic("x"), t.other()
    s.subscribe(topic, qos=1)
    c = t.open()
    for byte in raw(packets.connect(t.v, t.id()), packets.publish(t.v, topic, b"x", 1, 1)):
        c.send(bytes([byte]))
    c.expect_type("CONNACK")
    c.expect_type("PUBACK")
    s.take(b"x")


@test(v5="", v3="")
def wildcards_of_every_shape_cost_a_bounded_time(t):
    """A forest of '+' and '#': each of 2^8 filters matches one topic of eight levels."""
    s, p = t.other(), t.client()
    root, levels = t.topic("w"), list("abcdefgh")
    filters = ["/".join([root, *("+" if mask >> n & 1 else levels[n] for n in range(8))])
               for mask in range(256)]
    for first in range(0, 256, 64):
        s.subscribe(*filters[first:first + 64], qos=1)
    p.publish("/".join([root, *levels]), b"x", qos=1)
    s.take(b"x")
    s.quiet()  # one copy


@test(v5="3.1.4-3", v3="3.1.4-2")
def a_storm_of_takeovers_leaves_one_connection(t):
    client_id = t.id()
    clients = [t.open((t.here, t.there)[n % 2]) for n in range(40)]
    for c in clients:
        c.send(packets.connect(t.v, client_id))
    alive = []
    for c in clients:
        try:
            c.send(packets.PINGREQ)
        except OSError:
            continue
        while (got := c.next()) is not None and got.type not in ("PINGRESP", "DISCONNECT"):
            pass
        if got is not None and got.type == "PINGRESP":
            alive.append(c)
    # A connection may have answered before a newer one took it over; ask those again.
    still = []
    for c in alive:
        try:
            c.send(packets.PINGREQ)
            got = c.next()
        except OSError:
            continue
        if got is not None and got.type == "PINGRESP":
            still.append(c)
    assert len(still) == 1, f"{len(still)} connections with one client id"


@test(v5="")
def as_many_properties_as_fit_are_taken(t):
    topic, s, p = t.topic("x"), t.other(), t.client()
    s.subscribe(topic, qos=1)
    properties = [(USER, (f"k{n}", "v" * 20)) for n in range(20_000)]
    p.publish(topic, b"x", qos=1, properties=properties)
    assert s.take(b"x").properties == properties


@test(v5="", v3="")
def topics_of_65535_levels_are_refused(t):
    """As many as a string can hold; the bound is 200."""
    bystander, deep = t.other(), "/" * 65_534
    for qos in (0, 1, 2):
        p = t.client()
        p.send(packets.publish(t.v, deep, b"x", qos, 1 if qos else None))
        p.refused(0x90)
    for topic_filter in (deep, deep[:-1] + "#", "+/" * 32_767, "$share/g/" + deep[:65_000]):
        s = t.client()
        s.send(packets.subscribe(t.v, 1, (topic_filter, 1)))
        if t.v == 5:
            assert s.expect_type("SUBACK").reasons == [0x8F]
        else:
            s.ends()
    c = t.open()
    c.send(packets.connect(t.v, t.id(), will=Will(deep)))
    assert (got := c.next()) is None or got.reason, f"got {got}"
    serves_on(t, bystander)


@test(v5="", v3="", alone=True)
def a_storm_of_reconnects_leaves_nothing_behind(t):
    """Clients that come, subscribe and are gone without a word, on both nodes."""
    bystander, before = t.other(), None
    for n in range(3000):
        c = t.open((t.here, t.there)[n % 2])
        c.send(packets.connect(t.v, f"{t.topic('storm')}{n % 200}"),
               packets.subscribe(t.v, 1, (t.topic("storm", str(n)), 1)))
        c.expect_type("CONNACK")
        if n % 3 == 0:
            c.reset()
        else:
            c.abandon()
        if n == 500:
            before = [node.resident_bytes() for node in t.deployment.nodes]
    serves_on(t, bystander)
    for node in t.deployment.nodes:
        node.wait_metric("tandem_sessions", 0, 20, state="offline")
    grown = [node.resident_bytes() - was for node, was in zip(t.deployment.nodes, before)]
    assert max(grown) < 32 << 20, f"the nodes grew by {grown} bytes"


@test(v5="", v3="", alone=True)
def subscription_bombs_cost_what_they_hold_and_no_longer(t):
    """Ten clients with 2,000 filters each, wildcards of every shape among them."""
    bystander = t.other()
    before = [node.resident_bytes() for node in t.deployment.nodes]
    bombs = [(t.client, t.other)[n % 2]() for n in range(10)]
    for n, c in enumerate(bombs):
        for first in range(0, 2000, 500):
            c.subscribe(*[t.topic(f"{n}", *("+" if k >> bit & 1 else f"{k % 7}{bit}"
                                            for bit in range(10)), f"{k}")
                          for k in range(first, first + 500)])
    t.client().publish(t.topic("3", *"abcdefghij", "77"), b"x", qos=1)
    serves_on(t, bystander)
    grown = [node.resident_bytes() - was for node, was in zip(t.deployment.nodes, before)]
    assert max(grown) < 100 << 20, f"the nodes grew by {grown} bytes"
    for c in (*bombs, bystander):
        c.leave()
    for node in t.deployment.nodes:
        node.wait_metric("tandem_subscriptions", 0, 20)
