"""SUBSCRIBE, UNSUBSCRIBE, what matches (4.7), and shared subscriptions (4.8)."""

import random

from lab import packets
from lab.bytes import blob, frame, raw, u16
from lab.properties import SUBSCRIPTION_ID, example, prop, props
from lab.registry import config, test
from cases.publish import ILL_FORMED

_NO_LOCAL = 0x04
_RAP = 0x08


# --- the packets ---

@test(v5="3.8.1-1 3.10.1-1 2.1.3-1 2.1.3-a", v3="3.8.1-1 3.10.1-1 2.2.2-1 2.2.2-2", two=False)
def flags_of_the_fixed_header_are_checked(t):
    rest = {0x8: raw(u16(1), props() if t.v == 5 else b"", blob("a"), "00"),
            0xA: raw(u16(1), props() if t.v == 5 else b"", blob("a")),
            0x6: u16(1), 0x4: u16(1), 0x5: u16(1), 0x7: u16(1), 0xC: b"", 0xE: b""}
    for kind, body in rest.items():
        right = 2 if kind in (0x8, 0xA, 0x6) else 0
        for flags in range(16):
            if flags != right:
                c = t.client()
                c.send(frame(kind << 4 | flags, body))
                c.refused(0x81)


@test(v5="2.1.2-a", v3="2.2.1-a", two=False)
def packet_types_that_no_client_sends_end_the_connection(t):
    wrong = ("00 00", "20 02 00 00", "90 03 00 01 00", "b0 02 00 01", "d0 00",
             *(() if t.v == 5 else ("f0 00",)))
    for packet in wrong:
        c = t.client()
        c.send(packet)
        c.refused(0x81, 0x82)


@test(v5="1.5.5-1 1.5.5-a", v3="2.2.3-a", two=False)
def lengths_are_at_most_four_bytes_and_in_5_the_shortest(t):
    c = t.client()
    c.send("30 ff ff ff ff 01")
    c.refused(0x81)
    c = t.client()
    c.send("30 ff ff ff 7f")  # a legal length, above the limit on packets
    c.refused(0x95)
    c = t.client()
    c.send("c0 80 00")  # PINGREQ, the length 0 in two bytes
    if t.v == 5:
        c.refused(0x81)
        for bad in ("80 00", "80 80 80 80 00"):
            c = t.client()
            c.send(frame(0x82, "00 01", bad, blob("a"), "00"))
            c.refused(0x81)
    else:
        c.expect(packets.PINGRESP)


@test(v5="3.8.3-1 3.10.3-1", v3="3.8.3-1 3.10.3-1", two=False)
def ill_formed_filters_end_the_connection(t):
    for bad in ILL_FORMED:
        for packet in (packets.subscribe(t.v, 1, (b"a" + bad, 0)),
                       packets.unsubscribe(t.v, 1, b"a" + bad)):
            c = t.client()
            c.send(packet)
            c.refused(0x81)


@test(v5="3.8.3-2 3.8.3-a 3.10.3-2 3.10.3-a A8", v3="3.8.3-3 3.10.3-2 A8", two=False)
def a_request_without_filters_ends_the_connection(t):
    for packet in (packets.subscribe(t.v, 1), packets.unsubscribe(t.v, 1)):
        c = t.client()
        c.send(packet)
        c.refused(0x82)


@test(v5="2.2.2-1", two=False)
def a_missing_property_length_is_malformed(t):
    c = t.client()
    c.send("82 03"   # SUBSCRIBE, 3 bytes follow
           "00 01"   # packet identifier
           "7f")     # a property set that does not fit
    c.refused(0x81)
    c = t.client()
    c.send("82 06"      # SUBSCRIBE as 3.1.1 writes it
           "00 01"      # packet identifier
           "00 01 61"   # its first byte reads as no properties, the rest as a filter of 353 bytes
           "00")
    c.refused(0x81)


@test(v5="3.8.3-5 3.8.3.1-a 3.8.3.1-b", v3="3.8.3-4")
def wrong_subscription_options_end_the_connection(t):
    wrong = {0x40: 0x81, 0x80: 0x81, 0xC0: 0x81, 0x03: 0x82, 0x30: 0x82}
    if t.v != 5:
        wrong = dict.fromkeys((0x03, 0x04, 0x08, 0x10, 0x80), 0)
    topic = t.topic("x")
    s = t.session()
    for options, reason in wrong.items():
        s.send(packets.subscribe(t.v, 1, (topic, 0), (topic, options)))
        s.refused(reason, 0x81)
        s = t.session(s.client_id, t.there)
    t.client().publish(topic, b"x", qos=1)
    s.quiet()  # nothing of those packets was done


@test(v5="3.8.2-a 3.3.2.3.8-a", two=False)
def subscription_identifiers_are_1_to_268435455_and_one(t):
    for bad in ([prop(SUBSCRIPTION_ID, 0)], [example(SUBSCRIPTION_ID)] * 2):
        c = t.client()
        c.send(packets.subscribe(5, 1, (t.topic("x"), 0), properties=bad))
        c.refused(0x82)
    c = t.client()
    c.subscribe(t.topic("x"), properties=[(SUBSCRIPTION_ID, 268_435_455)])
    t.client().publish(t.topic("x"), b"x")
    assert c.message(b"x").all(SUBSCRIPTION_ID) == [268_435_455]


@test(v5="3.8.3-4", two=False)
def no_local_on_a_shared_subscription_is_a_protocol_error(t):
    c = t.client()
    c.send(packets.subscribe(5, 1, ("$share/g/a", _NO_LOCAL)))
    c.refused(0x82)


# --- acknowledgements ---

@test(v5="3.8.4-1 3.8.4-2 3.10.4-4 2.2.1-6 A29", v3="3.8.4-1 3.8.4-2 3.10.4-4 2.3.1-7 A29")
def each_request_is_acknowledged_with_its_identifier(t):
    c = t.client()
    ids = [*range(1, 100), 0x1234, 0xFFFF]
    c.send(*[packets.subscribe(t.v, n, (t.topic(str(n)), 0)) for n in ids])
    assert [c.expect_type("SUBACK").packet_id for _ in ids] == ids
    t.other().publish(t.topic("65535"), b"x")  # routed from either node by now
    c.message(b"x")
    c.send(*[packets.unsubscribe(t.v, n, t.topic(str(n))) for n in ids])
    assert [c.expect_type("UNSUBACK").packet_id for _ in ids] == ids


@test(v5="3.8.4-6 3.8.4-7 3.9.3-1 3.9.3-2 3.8.4-1", v3="3.8.4-5 3.9.3-1 3.9.3-2", two=False)
def suback_has_a_code_per_filter_in_order(t):
    filters = [(t.topic(str(n % 600)), n % 3) for n in range(1000)]
    assert t.client().subscribe(*filters) == [qos for _, qos in filters]
    if t.v == 5:
        got = t.client().subscribe((t.topic("a"), 2), ("a/#/b", 1), (t.topic("b"), 0))
        assert got == [2, 0x8F, 0], f"got {got}"


@test(v5="3.11.3-1 3.11.3-2 3.10.4-5 3.10.4-6 3.10.4-1", v3="3.10.4-5 3.10.4-6 3.10.4-1")
def unsubscribe_compares_whole_filters(t):
    s, p = t.other(), t.client()
    names = [t.topic(n) for n in ("+", "b", "B", "c")]
    s.subscribe(*names)
    codes = s.unsubscribe(t.topic("+"), t.topic("+"), t.topic("#"), t.topic("c"))
    assert codes == ([0, 0x11, 0x11, 0] if t.v == 5 else []), f"got {codes}"
    p.publish(t.topic("c"), b"gone", qos=1)
    for name in ("b", "B"):
        p.publish(t.topic(name), b"stays", qos=1)
        s.message(b"stays", t.topic(name))


@test(v5="3.10.4-2 3.10.4-a", v3="3.10.4-2 3.10.4-a")
def nothing_comes_after_unsuback(t):
    s, p = t.other(), t.client()
    s.subscribe(t.topic("x"), t.topic("y"), qos=1)
    for _ in range(5):
        p.publish(t.topic("x"), b"before", qos=1)
        s.take(b"before")
    s.unsubscribe(t.topic("x"))
    p.publish(t.topic("x"), b"after", qos=1)
    t.nothing_of(s, p, t.topic("y"), qos=1)


@test(v5="3.10.4-3", v3="3.10.4-3")
def deliveries_that_had_begun_are_finished_after_unsubscribe(t):
    topic = t.topic("x")
    s, p = t.session(node=t.there), t.client()
    s.subscribe(topic, qos=2)
    p.publish(topic, b"1", qos=2)
    p.publish(topic, b"2", qos=2)
    first, second = s.message(b"1"), s.message(b"2")
    s.unsubscribe(topic)
    s.finish(first)
    s.drop()
    s = t.session(s.client_id)
    s.take(b"2", dup=1, packet_id=second.packet_id)
    s.quiet()


# --- what a subscription does ---

@test(v5="3.8.4-8", v3="3.8.4-6")
def a_message_comes_at_the_lower_of_both_qos(t):
    p = t.client()
    for granted in (0, 1, 2):
        s, topic = t.other(), t.topic(str(granted))
        s.subscribe(topic, qos=granted)
        for published in (0, 1, 2):
            p.publish(topic, b"x", qos=published)
            s.take(b"x", qos=min(granted, published))


@test(v5="3.8.4-3 3.8.2-b", v3="3.8.4-3")
def a_second_subscription_replaces_the_first(t):
    topic, s, p = t.topic("x"), t.other(), t.client()
    s.subscribe(topic, qos=0, properties=[(SUBSCRIPTION_ID, 1)] if t.v == 5 else ())
    s.subscribe(topic, qos=2, properties=[(SUBSCRIPTION_ID, 5)] if t.v == 5 else ())
    p.publish(topic, b"x", qos=2)
    assert s.take(b"x", qos=2).all(SUBSCRIPTION_ID) == ([5] if t.v == 5 else [])
    s.subscribe(topic, qos=1)
    p.publish(topic, b"y", qos=2)
    assert s.take(b"y", qos=1).all(SUBSCRIPTION_ID) == []
    t.nothing_of(s, p, topic, qos=1)


@test(v5="3.8.4-4 3.8.4-a", v3="3.8.4-3 3.8.4-a")
def replacing_a_subscription_loses_no_message(t):
    topic, s, p = t.topic("x"), t.other(), t.client()
    p.publish(topic, b"retained", qos=1, retain=1)
    s.subscribe(topic, qos=1)
    s.take(b"retained", retain=1)
    numbers, retained = [], 0
    for n in range(60):
        p.send(packets.publish(t.v, topic, str(n), 1, n + 1))
        s.send(packets.subscribe(t.v, n + 1, (topic, 1)))
    for _ in range(60):
        p.expect_type("PUBACK")
    while len(numbers) < 60 or retained < 60:
        got = s.receive()
        if got.type == "PUBLISH":
            s.finish(got)
            if got.retain:
                retained += 1
            else:
                numbers.append(int(got.payload))
        else:
            assert got.type == "SUBACK"
    assert numbers == list(range(60)), f"got {numbers}"


@test(v5="3.8.4-5", v3="3.8.4-4")
def several_filters_act_like_several_subscribes(t):
    a, b = t.topic("a"), t.topic("b")
    s, p = t.other(), t.client()
    assert s.subscribe((a, 0), (a, 1), (b, 2)) == [0, 1, 2]
    p.publish(a, b"x", qos=2)
    s.take(b"x", a, qos=1)
    p.publish(b, b"y", qos=2)
    s.take(b"y", b, qos=2)
    s.quiet()


@test(v5="3.3.4-2 3.3.4-3 3.3.4-4 3.3.4-a A6", v3="3.3.5-1 3.3.5-a A6")
def overlapping_subscriptions_give_one_copy_at_the_highest_qos(t):
    s, p = t.other(), t.client()
    for number, (name, qos) in enumerate((("#", 0), ("b", 2), ("+", 1)), 1):
        s.subscribe(t.topic(name), qos=qos,
                    properties=[(SUBSCRIPTION_ID, number)] if t.v == 5 and number != 3 else ())
    p.publish(t.topic("b"), b"x", qos=2)
    got = s.take(b"x", qos=2)
    assert sorted(got.all(SUBSCRIPTION_ID)) == ([1, 2] if t.v == 5 else []), f"got {got}"
    t.nothing_of(s, p, t.topic("b"), qos=2)


@test(v5="3.3.4-4")
def the_same_identifier_of_two_subscriptions_comes_twice(t):
    s, p = t.other(), t.client()
    s.subscribe(t.topic("#"), t.topic("+"), properties=[(SUBSCRIPTION_ID, 9)])
    p.publish(t.topic("b"), b"x")
    assert s.message(b"x").all(SUBSCRIPTION_ID) == [9, 9]


@test(v5="3.3.4-b 3.8.4-d")
def a_message_carries_the_identifiers_of_its_receiver_only(t):
    topic, p = t.topic("x"), t.client()
    first, second, none = t.other(), t.client(), t.session(node=t.there)
    first.subscribe(topic, properties=[(SUBSCRIPTION_ID, 1)])
    second.subscribe(topic, properties=[(SUBSCRIPTION_ID, 2)])
    none.subscribe(topic, qos=1, properties=[(SUBSCRIPTION_ID, 3)])
    p.publish(topic, b"x", qos=1)
    assert first.take(b"x").all(SUBSCRIPTION_ID) == [1]
    assert second.take(b"x").all(SUBSCRIPTION_ID) == [2]
    assert none.message(b"x").all(SUBSCRIPTION_ID) == [3]
    none.subscribe(topic, qos=1)
    none.drop()
    none = t.session(none.client_id)
    assert none.take(b"x", dup=1).all(SUBSCRIPTION_ID) in ([3], [])
    p.publish(topic, b"y", qos=1)
    assert none.take(b"y").all(SUBSCRIPTION_ID) == []


@test(v5="3.8.3-3")
def no_local_keeps_a_clients_own_messages_away(t):
    topic = t.topic("x")
    c, other = t.session(), t.other()
    c.subscribe(topic, options=_NO_LOCAL, qos=1)
    other.subscribe(topic, qos=1)
    for node in (t.here, t.there):
        c.publish(topic, b"own", qos=1)
        other.take(b"own")
        t.nothing_of(c, other, topic, qos=1)
        other.take(b"behind")
        c.drop()
        c = t.session(c.client_id, node)


@test(v5="A7 4.7.1-1 4.7.1-2 4.7.3-1 4.8.2-1 4.8.2-2", v3="A7 4.7.1-2 4.7.1-3 4.7.3-1")
def invalid_filters_are_refused_and_nothing_of_a_closed_packet_is_done(t):
    good = t.topic("good")
    for bad in ("a#", "a/#/b", "#/", "##", "a+", "+a", "a/b+/c", "+#", "",
                "$share//a", "$share/", "$share/g+/a", "$share/#/a", "$share/g", "$share/g/"):
        s = t.session()
        s.send(packets.subscribe(t.v, 1, (good, 1), (bad, 1)))
        if t.v == 5:
            got = s.expect_type("SUBACK")
            assert got.reasons == [1, 0x8F], f"{bad!r}: got {got}"
        else:
            s.ends()
            s = t.session(s.client_id, t.there)
            t.client().publish(good, b"x", qos=1)
            s.quiet()
    for fine in ("#", "a/#", "/#", "+", "+/a/#", "a/+", "/", "$share/g/a", "$share/g//finance"):
        assert t.client().subscribe(fine)[0] == 0, f"{fine!r} was refused"


@test(v3="A7 3.8.4-5", two=False, on=config("lenient", mqtt={"close_on_invalid_filter": False}))
def invalid_filters_of_old_clients_may_fail_in_suback(t):
    c = t.client()
    assert c.subscribe((t.topic("a"), 1), ("a/#/b", 1), (t.topic("b"), 2)) == [1, 0x80, 2]
    c.unsubscribe("a/#/b")
    c.quiet()


def _matches(topic_filter, topic):
    """The reference: 4.7.1 and 4.7.2, written down as they read."""
    wanted, levels = topic_filter.split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] in ("#", "+"):
        return False
    for n, level in enumerate(wanted):
        if level == "#":
            return True
        if n >= len(levels) or level not in ("+", levels[n]):
            return False
    return len(wanted) == len(levels)


@test(v5="3.3.2-3 4.7.3-a 4.7.3-c", v3="3.3.2-3 3.8.3-a 3.3.2.1-a 4.7.3-a")
def random_filters_match_as_the_reference_says(t):
    rng = random.Random(4711)
    words = ("a", "b", "", "A", "a b")
    topics = sorted({"/".join(rng.choice(words) for _ in range(rng.randint(1, 4))) or "/"
                     for _ in range(60)})
    filters = set()
    while len(filters) < 40:
        levels = [rng.choice((*words, "+", "+")) for _ in range(rng.randint(1, 4))]
        filters.add("/".join(levels[:-1] + [rng.choice((levels[-1], "#"))]))
    root = t.topic("m")
    p, clients = t.client(), {}
    for f in sorted(filters):
        clients[f] = t.client((t.here, t.there)[len(clients) % 2])
        clients[f].subscribe(f"{root}/{f}", t.topic("end"), qos=1)
    for topic in topics:
        p.publish(f"{root}/{topic}", b"x", qos=1)
    p.publish(t.topic("end"), b"x", qos=1)
    for f, c in clients.items():
        got = []
        while (message := c.take(b"x")).topic != t.topic("end"):
            got.append(message.topic)
        wanted = [f"{root}/{topic}" for topic in topics if _matches(f"{root}/{f}", f"{root}/{topic}")]
        assert got == wanted, f"{f}: expected {wanted}, got {got}"


@test(v5="4.7.3-4", v3="4.7.3-4")
def matching_does_not_normalize(t):
    p = t.client()
    for filter_, topic in (("\u00e9", "e\u0301"), ("A", "a"), ("a/", "a"), ("a//b", "a/b"),
                           ("/a", "a"), ("a ", "a")):
        s = t.other()
        s.subscribe(t.topic("n", filter_))
        p.publish(t.topic("n", topic), b"other", qos=1)
        p.publish(t.topic("n", filter_), b"same", qos=1)
        s.message(b"same", t.topic("n", filter_))


@test(v5="4.7.3-3 4.7.3-b", v3="4.7.3-3")
def the_longest_topic_works_and_one_of_too_many_levels_is_refused(t):
    p, s = t.client(), t.other()
    longest = t.topic("x" * (65_535 - len(t.topic(""))))
    s.subscribe(longest, qos=1)
    p.publish(longest, b"x", qos=1)
    s.take(b"x", longest)
    deep = "/" * 65_535
    p.send(packets.publish(t.v, deep, b"x"))
    p.refused(0x90)
    c = t.client()
    c.send(packets.subscribe(t.v, 1, (deep, 0)))
    if t.v == 5:
        assert c.expect_type("SUBACK").reasons == [0x8F]
    else:
        c.ends()
    fits = t.topic(*["l"] * 199)
    s.subscribe(fits)
    t.client().publish(fits, b"y")
    s.message(b"y", fits)


@test(v5="4.7.2-1 4.7.2-a", v3="4.7.2-1 4.7.2-a", on=config("dollar"))
def wildcards_first_do_not_match_dollar_topics(t):
    name = t.topic("x")
    s, shared, p = t.other(), t.other(), t.client()
    s.subscribe("#", "+/" + name.split("/")[1], "+")
    shared.subscribe("$share/g/#", t.topic("end"))
    p.publish("$" + name, b"hidden", qos=1)
    p.publish("$own/" + name, b"hidden", qos=1)
    p.publish(t.topic("end"), b"seen")
    while (got := s.message()).topic != t.topic("end"):
        assert not got.topic.startswith("$"), f"got {got}"
    got = shared.message(b"seen", t.topic("end"))


# --- shared subscriptions ---

def group(t, n, name="g", **arguments):
    """Members on both nodes in turn, and the topic of the group."""
    topic = t.topic("work")
    members = [t.session(node=(t.here, t.there)[i % 2], **arguments) for i in range(n)]
    for m in members:
        m.subscribe(f"$share/{name}/{topic}", qos=2)
    return members, topic


def received(members, publisher, topic, qos=1):
    """What each member gets until a message that it alone is sent."""
    got = []
    for m in members:
        mine = topic + m.client_id
        m.subscribe(mine, qos=qos)
        publisher.publish(mine, b"end", qos=qos)
        payloads = []
        while (message := m.take()).topic != mine:
            payloads.append(message.payload)
        got.append(payloads)
    return got


@test(v5="4.8.2-a", v3="")
def a_message_goes_to_one_member_wherever_it_is(t):
    members, topic = group(t, 3)
    p = t.client()
    sent = [str(n).encode() for n in range(300)]
    for payload in sent:
        p.publish(topic, payload, qos=1)
    got = received(members, p, topic)
    assert sorted(sum(got, [])) == sorted(sent), f"each message once, got {got}"
    assert all(g == sorted(g, key=int) for g in got), "out of order"


@test(v5="4.8.2-b")
def a_group_is_its_name_and_its_filter(t):
    p, clients = t.client(), []
    for name, f in (("g", "+"), ("h", "+"), ("g", "a"), ("g", "b")):
        c = t.other()
        c.subscribe(f"$share/{name}/{t.topic(f)}")
        clients.append(c)
    p.publish(t.topic("a"), b"x")
    for c in clients[:3]:
        c.message(b"x", t.topic("a"))
    p.publish(t.topic("b"), b"y")
    clients[3].message(b"y", t.topic("b"))


@test(v5="4.8.2-3")
def a_shared_delivery_keeps_to_the_grant_of_its_member(t):
    topic, p = t.topic("x"), t.client()
    members = [t.client((t.here, t.there)[qos % 2]) for qos in range(3)]
    for qos, m in enumerate(members):
        m.subscribe(f"$share/g/{topic}", qos=qos)
    for n in range(30):
        p.publish(topic, str(n), qos=2)
    total = 0
    for qos, m in enumerate(members):
        m.subscribe(topic + str(qos))
        p.publish(topic + str(qos), b"end")
        while (got := m.take()).topic == topic:
            assert got.qos == qos
            total += 1
    assert total == 30


@test(v5="3.3.4-c 4.8.2-g A25")
def identifier_and_retain_as_published_are_those_of_the_member(t):
    topic, p = t.topic("x"), t.client()
    c = t.other()
    c.subscribe((f"$share/g/{topic}", _RAP), properties=[(SUBSCRIPTION_ID, 1)])
    c.subscribe(topic, properties=[(SUBSCRIPTION_ID, 2)])
    p.publish(topic, b"x", retain=1)
    got = sorted((c.message(b"x") for _ in range(2)), key=lambda m: m.all(SUBSCRIPTION_ID))
    assert [m.all(SUBSCRIPTION_ID) for m in got] == [[1], [2]], f"got {got}"
    assert [m.retain for m in got] == [1, 0], f"got {got}"


@test(v5="3.8.4-c A25", v3="A25")
def shared_subscriptions_get_no_retained_messages(t):
    topic, p = t.topic("x"), t.client()
    p.publish(topic, b"old", qos=1, retain=1)
    c = t.other()
    c.subscribe(f"$share/g/{topic}", qos=1)
    t.nothing_of(c, p, topic, qos=1)


@test(v5="4.8.2-f 3.10.4-b")
def one_unsubscribe_leaves_the_group(t):
    topic, p = t.topic("x"), t.client()
    leaver, stayer = t.client(), t.other()
    for c in (leaver, leaver, stayer):
        c.subscribe(f"$share/g/{topic}", qos=1)
    leaver.subscribe(t.topic("end"), qos=1)
    assert leaver.unsubscribe(f"$share/g/{topic}") == [0]
    assert leaver.unsubscribe(f"$share/g/{topic}") == [0x11]
    for n in range(10):
        p.publish(topic, str(n), qos=1)
        stayer.take(str(n))
    t.nothing_of(leaver, p, t.topic("end"), qos=1)
    stayer.unsubscribe(f"$share/g/{topic}")
    assert p.publish(topic, b"x", qos=1).reason == 0x10


@test(v5="4.8.2-e")
def what_nobody_took_goes_with_the_last_member(t):
    members, topic = group(t, 1, expiry_s=600)
    member = members[0]
    member.drop()
    p = t.client()
    p.publish(topic, b"old", qos=1)
    t.client(client_id=member.client_id).leave()  # Clean Start: the group has no member any more
    late, _ = group(t, 1)
    p.publish(topic, b"new", qos=1)
    late[0].take(b"new")


@test(v5="4.8.2-4")
def a_qos_2_message_begun_to_a_member_waits_for_it(t):
    members, topic = group(t, 2)
    p = t.client()
    p.publish(topic, b"x", qos=2)
    for m in members:
        m.send(packets.PINGREQ)
    first = [m.receive() for m in members]
    chosen = next(n for n in (0, 1) if first[n].type == "PUBLISH")
    other = members[1 - chosen]
    members[chosen].drop()
    other.subscribe(t.topic("end"), qos=1)
    p.publish(t.topic("end"), b"end", qos=1)
    other.take(b"end")
    back = t.session(members[chosen].client_id, t.there)
    back.take(b"x", dup=1, packet_id=first[chosen].packet_id)


def _with_a_message_in_flight(t, qos, expiry_s=600):
    """(member that got it, message, the other member, topic, publisher)."""
    topic, p = t.topic("work", t.id()), t.client()
    chosen, other = t.session(expiry_s=expiry_s), t.session(node=t.there)
    chosen.subscribe(f"$share/g/{topic}", qos=2)
    p.publish(topic, b"x", qos=qos)
    message = chosen.message(b"x", topic)
    other.subscribe(f"$share/g/{topic}", qos=2)
    other.subscribe(t.topic("end"), qos=1)
    return chosen, message, other, topic, p


@test(v5="4.8.2-5")
def a_qos_2_message_of_a_session_that_ends_goes_to_nobody(t):
    chosen, _, other, _, p = _with_a_message_in_flight(t, 2, expiry_s=1)
    chosen.drop()
    t.after(2)
    t.nothing_of(other, p, t.topic("end"), qos=1)


@test(v5="4.8.2-6")
def a_refused_shared_message_goes_to_nobody_else(t):
    chosen, message, other, _, p = _with_a_message_in_flight(t, 1)
    chosen.send(packets.ack("PUBACK", message.packet_id, 0x80))
    chosen.quiet()
    t.nothing_of(other, p, t.topic("end"), qos=1)
    chosen, message, other, _, p = _with_a_message_in_flight(t, 2)
    chosen.send(packets.ack("PUBREC", message.packet_id, 0x80))
    chosen.quiet()
    t.nothing_of(other, p, t.topic("end"), qos=1)


@test(v5="4.8.2-d 4.8.2-c A26")
def a_qos_1_message_of_a_session_that_ends_goes_to_another_member(t):
    chosen, _, other, topic, _ = _with_a_message_in_flight(t, 1, expiry_s=1)
    chosen.drop()
    other.take(b"x", topic)


@test(v5="A26", v3="A26")
def members_that_are_connected_come_first_and_nothing_is_lost(t):
    members, topic = group(t, 2)
    p = t.client()
    members[0].drop()
    for n in range(10):
        p.publish(topic, str(n), qos=1)
        members[1].take(str(n))
    members[1].drop()
    for n in range(10, 20):
        p.publish(topic, str(n), qos=1)
    back = [t.session(m.client_id, node) for m, node in zip(members, (t.here, t.there))]
    got = received(back, p, topic)
    assert sorted(sum(got, []), key=int) == [str(n).encode() for n in range(10, 20)], f"got {got}"


@test(v5="3.1.2.11.4-b A27")
def a_message_too_large_for_a_member_goes_to_another(t):
    topic, p = t.topic("x"), t.client()
    small = [(t.client, t.other)[n % 2](properties=[(0x27, 100)]) for n in range(3)]
    large = t.other()
    for c in (*small, large):
        c.subscribe(f"$share/g/{topic}", qos=1)
    for n in range(8):
        p.publish(topic, bytes([48 + n]) * (200 if n < 4 else 1), qos=1)
    got = received([*small, large], p, topic)
    assert all(len(payload) == 1 for member in got[:3] for payload in member), f"got {got}"
    assert sorted(x[:1] for x in sum(got, [])) == [bytes([48 + n]) for n in range(8)], f"got {got}"
    # In any order: what had to be handed on may come after what went there at once.
    assert sorted(x[:1] for x in got[3] if len(x) > 1) == [b"0", b"1", b"2", b"3"], f"got {got}"
