"""PUBLISH and its acknowledgements (3.3 to 3.7), the flows of chapter 4.3, ordering (4.6)."""

from lab import packets
from lab.bytes import blob, frame, raw, u16
from lab.packets import Will
from lab.properties import (ALIAS, ALIAS_MAXIMUM, CONTENT_TYPE, CORRELATION_DATA, MESSAGE_EXPIRY,
                            PAYLOAD_FORMAT, PROBLEM_INFO, REASON_STRING, RECEIVE_MAXIMUM,
                            RESPONSE_TOPIC, TABLE, USER, example, prop, props)
from lab.registry import config, test

ILL_FORMED = (b"\xed\xa0\x80", b"\xc0\x80", b"\xf5\x80\x80\x80", b"cut\xc3", b"a\0b")
ACKS = ("PUBACK", "PUBREC", "PUBREL", "PUBCOMP")


def pair(t, *filters, qos=2, options=0, **arguments):
    """A subscriber on the other node, a publisher here, and the topic."""
    topic = t.topic("x")
    subscriber = t.other(**arguments)
    subscriber.subscribe(*(filters or (topic,)), qos=qos, options=options)
    return subscriber, t.client(), topic


# --- the packet ---

@test(v5="1.5.4-1 1.5.4-2 1.5.4-c 3.3.2-1 4.7.3-2", v3="1.5.3-1 1.5.3-2 3.3.2-1 4.7.3-2")
def ill_formed_topics_end_the_connection(t):
    watcher = t.other()
    watcher.subscribe(t.topic("+"))
    for bad in ILL_FORMED:
        c = t.client()
        c.send(packets.publish(t.v, t.topic("").encode() + bad, b"x"))
        c.refused(0x81)
    t.nothing_of(watcher, t.client(), t.topic("x"))


@test(v5="1.5.4-3", v3="1.5.3-3")
def a_byte_order_mark_is_a_character(t):
    marked, plain = t.topic("\ufeffa"), t.topic("a")
    subscriber = t.other()
    subscriber.subscribe(marked)
    publisher = t.client()
    publisher.publish(plain, b"plain")
    properties = [(USER, ("\ufeffk", "\ufeffv"))] if t.v == 5 else []
    publisher.publish(marked, b"marked", properties=properties)
    got = subscriber.message(b"marked", marked)
    assert got.all(USER) == [value for _, value in properties]


@test(v5="1.5.4-a 1.5.4-b", v3="1.5.3-a 1.5.3-b")
def control_characters_and_non_characters_are_refused_alike(t):
    """Tandem's choice: as ill-formed text, in every string (one that passed could make a strict
    receiver disconnect again and again, 5.4.9)."""
    watcher = t.other()
    watcher.subscribe(t.topic("#"))
    for text in ("\x01", "\x1f", "\x7f", "\x85", "\ufffe", "\uffff", "\ufdd0", "\U0001ffff"):
        for bad in (packets.publish(t.v, t.topic(text), b"x"),
                    packets.subscribe(t.v, 1, (t.topic(text), 0)),
                    packets.unsubscribe(t.v, 1, t.topic(text))):
            c = t.client()
            c.send(bad)
            c.refused(0x81)
        c = t.open()
        c.send(packets.connect(t.v, t.id() + text))
        c.ends()
    t.nothing_of(watcher, t.client(), t.topic("x"))


@test(v5="3.3.2-1", v3="3.3.2-1", two=False)
def a_topic_that_does_not_fit_into_its_packet_is_malformed(t):
    for body in ("00", "00 05 61 62 63", "ff ff 61"):
        c = t.client()
        c.send(frame(0x30, body))
        c.refused(0x81)


@test(v5="3.3.2-2 4.7.0-1 A9", v3="3.3.2-2 4.7.1-1 A9")
def a_wildcard_in_a_topic_name_ends_the_connection(t):
    watcher = t.other()
    watcher.subscribe(t.topic("#"))
    for qos in (0, 1, 2):
        for bad in ("a/+", "a/#", "+x", "#"):
            c = t.client()
            c.send(packets.publish(t.v, t.topic(bad), b"x", qos, qos and 1 or None))
            c.refused(0x90)
    t.nothing_of(watcher, t.client(), t.topic("x"))


@test(v5="4.7.3-1 3.3.2.1-a", v3="4.7.3-1", two=False)
def an_empty_topic_name_ends_the_connection(t):
    c = t.client()
    c.send(packets.publish(t.v, "", b"x"))
    c.refused(0x82)


@test(v5="3.3.1-4 3.3.1.2-a", v3="3.3.1-4")
def qos_3_ends_the_connection(t):
    watcher = t.other()
    watcher.subscribe(t.topic("x"))
    for first in (0x36, 0x37, 0x3E):
        c = t.client()
        c.send(frame(first, blob(t.topic("x")), "00 01", props() if t.v == 5 else b"", b"x"))
        c.refused(0x81)
    t.nothing_of(watcher, t.client(), t.topic("x"))


@test(v5="3.3.1-2 4.3.1-1 2.2.1-2", v3="3.3.1-2 4.3.1-1 2.3.1-5")
def qos_0_has_neither_dup_nor_an_identifier(t):
    subscriber, publisher, topic = pair(t, qos=0)
    c = t.client()
    c.send(packets.publish(t.v, topic, b"x", dup=1))
    c.refused(0x81)
    publisher.publish(topic, b"x", qos=2)
    subscriber.expect(0x30 .to_bytes(1, "big"),
                      bytes([2 + len(topic) + (t.v == 5) + 1]),  # remaining length
                      blob(topic),
                      props() if t.v == 5 else b"",  # no identifier before this
                      b"x")


@test(v5="2.2.1-3 A39", v3="2.3.1-1 A39", two=False)
def identifier_0_ends_the_connection(t):
    topic = t.topic("x")
    for bad in (packets.publish(t.v, topic, b"x", 1, 0), packets.publish(t.v, topic, b"x", 2, 0),
                packets.subscribe(t.v, 0, (topic, 0)), packets.unsubscribe(t.v, 0, topic),
                packets.ack("PUBREL", 0)):
        c = t.client()
        c.send(bad)
        c.refused(0x82, 0x81)


@test(v5="2.2.1-3 2.2.1-a 3.9.3-a A40", v3="2.3.1-2", two=False)
def a_subscribe_may_use_the_identifier_of_an_open_qos_2_flow(t):
    c = t.client()
    c.send(packets.publish(t.v, t.topic("x"), b"x", 2, 7))
    c.expect_type("PUBREC")
    c.send(packets.subscribe(t.v, 7, *[(t.topic(n), 0) for n in "abc"]))
    got = c.expect_type("SUBACK")
    assert got.packet_id == 7 and got.reasons in ([0, 0, 0], [0x91] * 3), f"got {got}"
    c.send(packets.ack("PUBREL", 7))
    c.expect("70 02" "00 07")  # PUBCOMP, id 7


# --- flows, as a receiver ---

@test(v5="3.3.4-1 2.2.1-5", v3="3.3.4-1 2.3.1-6")
def each_qos_has_its_answer_with_its_identifier(t):
    c, subscribed = t.client(), t.topic("x")
    t.other().subscribe(subscribed)
    for topic in (subscribed, t.topic("nobody")):
        none = topic != subscribed and t.v == 5
        c.publish(topic, b"x")
        c.quiet()
        for packet_id in (1, 0x1234, 65_535, 2, 300):
            c.send(packets.publish(t.v, topic, b"x", 1, packet_id))
            c.send(packets.publish(t.v, topic, b"x", 2, packet_id ^ 1 or 9))
            got = c.receive(), c.receive()
            assert [(p.type, p.packet_id) for p in got] == [
                ("PUBACK", packet_id), ("PUBREC", packet_id ^ 1 or 9)], f"got {got}"
            assert all(p.reason in ((0, 0x10) if none else (0,)) for p in got), f"got {got}"
            c.send(packets.ack("PUBREL", packet_id ^ 1 or 9))
            c.expect_type("PUBCOMP")


@test(v5="3.4.2.1-a A28", v3="")
def no_matching_subscribers_is_said_only_if_no_node_has_one(t):
    topic = t.topic("x")
    c = t.client()
    assert c.publish(topic, b"x", qos=1).reason == (0x10 if t.v == 5 else 0)
    assert c.publish(topic, b"x", qos=2).reason == (0x10 if t.v == 5 else 0)
    s = t.session(node=t.there)
    s.subscribe(topic, qos=1)
    assert c.publish(topic, b"x", qos=1).reason == 0
    s.drop()
    assert c.publish(topic, b"x", qos=2).reason == 0


@test(v5="4.3.2-5 A12", v3="4.3.2-2")
def a_qos_1_identifier_is_new_after_puback(t):
    subscriber, publisher, topic = pair(t)
    for dup in (0, 1):
        publisher.send(packets.publish(t.v, topic, b"x", 1, 5, dup=dup))
        publisher.expect_type("PUBACK")
        subscriber.take(b"x", qos=1, dup=0)


@test(v5="4.3.3-10 4.3.3-8 A11 A46", v3="4.3.3-2 4.3.3-a A11")
def a_repeated_qos_2_publish_is_answered_and_not_delivered_again(t):
    subscriber, _, topic = pair(t)
    publisher = t.session()
    for dup in (0, 1, 0, 1):
        publisher.send(packets.publish(t.v, topic, b"x", 2, 9, dup=dup))
        publisher.expect("50 02" "00 09")  # PUBREC, id 9
    subscriber.take(b"x")  # before PUBREL
    publisher.drop()
    publisher = t.session(publisher.client_id, t.there)  # also on the other node
    publisher.send(packets.publish(t.v, topic, b"x", 2, 9, dup=1))
    publisher.expect("50 02" "00 09")
    publisher.send(packets.ack("PUBREL", 9))
    publisher.expect("70 02" "00 09")  # PUBCOMP, id 9
    t.nothing_of(subscriber, publisher, topic, qos=2)


@test(v5="4.3.3-11 4.3.3-12 A13", v3="4.3.3-2 2.3.1-3 A13")
def pubrel_is_answered_and_frees_the_identifier(t):
    subscriber, publisher, topic = pair(t)
    for payload in (b"first", b"second"):
        publisher.send(packets.publish(t.v, topic, payload, 2, 9))
        publisher.expect("50 02" "00 09")
        publisher.send(packets.ack("PUBREL", 9))
        publisher.expect("70 02" "00 09")
        publisher.send(packets.ack("PUBREL", 9))
        got = publisher.expect_type("PUBCOMP")
        assert got.packet_id == 9 and got.reason in ((0, 0x92) if t.v == 5 else (0,)), f"got {got}"
        subscriber.take(payload)


@test(v5="A13 2.2.1-5", v3="A13", two=False)
def acknowledgements_of_unknown_identifiers(t):
    c = t.client()
    c.send(packets.ack("PUBREL", 500))
    c.expect("70 03" "01 f4" "92" if t.v == 5 else "70 02" "01 f4")  # PUBCOMP
    c.send(packets.ack("PUBREC", 501))
    c.expect("62 03" "01 f5" "92" if t.v == 5 else "62 02" "01 f5")  # PUBREL
    c.send(packets.ack("PUBACK", 502), packets.ack("PUBCOMP", 503))
    c.quiet()


@test(v5="A15 4.9.0-2", v3="")
def acknowledgements_of_unknown_identifiers_raise_no_quota(t):
    topic = t.topic("x")
    properties = [(RECEIVE_MAXIMUM, 2)]
    s = t.other(properties=properties if t.v == 5 else ())
    s.subscribe(topic, qos=1)
    for unknown in range(1000, 1010):
        s.send(packets.ack("PUBACK", unknown), packets.ack("PUBCOMP", unknown))
    p = t.client()
    for n in range(4):
        p.publish(topic, str(n), qos=1)
    got = [s.message(str(n)) for n in range(2 if t.v == 5 else 4)]
    s.quiet()
    for message in got:
        s.finish(message)


@test(v5="4.3.3-13")
def a_qos_2_flow_goes_on_after_the_message_expired(t):
    p = t.client()
    p.send(packets.publish(5, t.topic("x"), b"x", 2, 3, properties=[(MESSAGE_EXPIRY, 1)]))
    p.expect_type("PUBREC")
    t.after(2)
    p.send(packets.ack("PUBREL", 3))
    p.expect("70 02" "00 03")


@test(v5="3.4.2.1-b", two=False)
def every_form_of_an_acknowledgement_is_taken(t):
    s, topic = t.client(), t.topic("x")
    s.subscribe(topic, qos=2)
    p = t.client()
    forms = [{}, {"reason": 0}, {"reason": 0, "properties": ()},
             {"reason": 0, "properties": [(REASON_STRING, "why"), (USER, ("k", "v"))]}]
    for form in forms:
        p.publish(topic, b"x", qos=1)
        s.send(packets.ack("PUBACK", s.message(qos=1).packet_id, **form))
        p.publish(topic, b"y", qos=2)
        packet_id = s.message(qos=2).packet_id
        s.send(packets.ack("PUBREC", packet_id, **form))
        s.expect_type("PUBREL")
        s.send(packets.ack("PUBCOMP", packet_id, **form))
        p.send(packets.publish(5, topic, b"", 2, 4))
        p.expect_type("PUBREC")
        p.send(packets.ack("PUBREL", 4, **form))
        p.expect("70 02" "00 04")
        s.take(b"", qos=2)
    s.quiet()


@test(v5="3.4.2-1 3.5.2-1 3.6.2-1 3.7.2-1", two=False)
def reason_codes_of_other_packets_are_refused_in_acknowledgements(t):
    wrong = {"PUBACK": (0x01, 0x92, 0xFF), "PUBREC": (0x02, 0x92), "PUBREL": (0x80, 0x10),
             "PUBCOMP": (0x87, 0x91)}
    for kind, codes in wrong.items():
        for code in codes:
            c = t.client()
            c.send(packets.ack(kind, 1, code))
            c.refused(0x82, 0x81)


@test(v5="3.4.2.2-a", two=False)
def a_reason_string_twice_is_a_protocol_error(t):
    for kind in ACKS:
        c = t.client()
        c.send(packets.ack(kind, 1, 0, [(REASON_STRING, "a"), (REASON_STRING, "b")]))
        c.refused(0x82)
    c = t.client()
    c.send(packets.disconnect(0, [(REASON_STRING, "a"), (REASON_STRING, "b")]))
    c.refused(0x82)


@test(v5="3.6.1-1", v3="3.6.1-1", two=False)
def pubrel_needs_its_flags(t):
    for first in (0x60, 0x61, 0x63, 0x66, 0x6A):
        c = t.client()
        c.send(bytes([first]), "02 00 01")
        c.refused(0x81)


@test(v5="3.4.2-2 3.4.2-3 3.5.2-2 3.5.2-3 3.6.2-2 3.6.2-3 3.7.2-2 3.7.2-3 3.9.2-1 3.9.2-2 "
         "3.11.2-1 3.11.2-2 3.14.2-3 3.14.2-4", two=False)
def reason_strings_give_way_to_the_packet_limit(t):
    """The limit is the smallest that lets CONNACK through, and each answer is some error."""
    whole = t.client().connack.raw
    limit = len(whole)
    c = t.client(properties=[(0x27, limit)])
    c.send(packets.publish(5, t.topic("x"), b"x", 1, 1))
    c.expect_type("PUBACK")
    c.send(packets.publish(5, t.topic("x"), b"x", 2, 2))
    c.expect_type("PUBREC")
    c.send(packets.ack("PUBREC", 8), packets.ack("PUBREL", 9))
    c.expect_type("PUBREL")
    c.expect_type("PUBCOMP")
    c.send(packets.subscribe(5, 3, ("a/#/b", 0)), packets.unsubscribe(5, 4, "none"))
    c.expect_type("SUBACK")
    c.expect_type("UNSUBACK")
    c.send(packets.publish(5, t.topic("#"), b"x"))
    c.refused(0x90)


@test(v5="3.1.2-29 3.1.2.11.7-b", two=False)
def without_problem_information_no_acknowledgement_explains_itself(t):
    c = t.client(properties=[(PROBLEM_INFO, 0)])
    topic = t.topic("x")
    c.subscribe(topic)
    c.send(packets.publish(5, t.topic("none"), b"x", 1, 1), packets.ack("PUBREC", 8),
           packets.ack("PUBREL", 9), packets.subscribe(5, 3, ("a/#/b", 0)),
           packets.unsubscribe(5, 4, "none"))
    for name in ("PUBACK", "PUBREL", "PUBCOMP", "SUBACK", "UNSUBACK"):
        got = c.expect_type(name)
        assert not got.all(REASON_STRING) and not got.all(USER), f"got {got}"
    c.publish(topic, b"x", properties=[(USER, ("k", "v"))])
    assert c.message(b"x").all(USER) == [("k", "v")]


# --- flows, as a sender ---

@test(v5="4.3.2-1 4.3.2-2 4.3.3-1 4.3.3-2 3.3.1-3", v3="3.3.1-3 4.3.2-1 4.3.3-1")
def a_first_delivery_has_dup_0_whatever_came(t):
    subscriber, publisher, topic = pair(t)
    for qos in (1, 2):
        publisher.send(packets.publish(t.v, topic, b"x", qos, 3, dup=1))
        publisher.receive()
        subscriber.take(b"x", qos=qos, dup=0)


@test(v5="3.3.1-1 4.3.2-3 4.3.3-3 4.4.0-1 3.1.2-5 A50", v3="3.3.1-1 4.3.2-1 4.3.3-1 4.4.0-1 A50")
def what_was_not_acknowledged_comes_again_with_dup(t):
    topic = t.topic("x")
    s = t.session()
    s.subscribe(topic, qos=2)
    p = t.client()
    for n, qos in enumerate((1, 2, 1, 2)):
        p.publish(topic, str(n), qos=qos)
    first = [s.message(str(n), dup=0) for n in range(4)]
    s.drop()
    p.publish(topic, b"queued", qos=1)
    s = t.session(s.client_id, t.there)
    again = [s.message(m.payload, dup=1, qos=m.qos) for m in first]
    assert [m.packet_id for m in again] == [m.packet_id for m in first], f"{again} for {first}"
    s.take(b"queued", dup=0)
    for message in again:
        s.finish(message)
    s.drop()
    s = t.session(s.client_id)
    s.quiet()


@test(v5="4.3.3-4 4.3.3-5 4.3.3-6", v3="4.3.3-1 4.4.0-1")
def after_pubrec_only_pubrel_is_repeated(t):
    topic = t.topic("x")
    s = t.session()
    s.subscribe(topic, qos=2)
    t.client().publish(topic, b"x", qos=2)
    packet_id = s.message(b"x").packet_id
    pubrel = raw("62 02", u16(packet_id))
    s.send(packets.ack("PUBREC", packet_id))
    s.expect(pubrel)
    for node in (t.there, t.here):
        s.drop()
        s = t.session(s.client_id, node)
        s.expect(pubrel)
        s.quiet()
    s.send(packets.ack("PUBREC", packet_id))  # a repeated PUBREC is answered again
    s.expect(pubrel)
    s.send(packets.ack("PUBCOMP", packet_id))
    s.quiet()
    s.drop()
    t.session(s.client_id, t.there).quiet()


@test(v5="4.3.3-4 4.4.0-2 A14")
def a_refusing_acknowledgement_ends_the_delivery(t):
    topic = t.topic("x")
    s = t.session(properties=[(RECEIVE_MAXIMUM, 1)])
    s.subscribe(topic, qos=2)
    p = t.client()
    p.publish(topic, b"one", qos=1)
    p.publish(topic, b"two", qos=2)
    p.publish(topic, b"three", qos=1)
    s.send(packets.ack("PUBACK", s.message(b"one").packet_id, 0x80))
    s.send(packets.ack("PUBREC", s.message(b"two").packet_id, 0x83))
    s.take(b"three")  # the slot is free, and no PUBREL came
    s.drop()
    t.session(s.client_id, t.there).quiet()


@test(v5="4.4.0-1", v3="4.4-a")
def nothing_is_repeated_while_the_connection_lasts(t):
    subscriber, publisher, topic = pair(t)
    publisher.publish(topic, b"x", qos=1)
    publisher.publish(topic, b"y", qos=2)
    subscriber.message(b"x")
    subscriber.message(b"y")
    t.after(3)
    subscriber.quiet()


@test(v5="2.2.1-4 2.2.1-b", v3="2.3.1-4", two=False)
def identifiers_in_flight_are_distinct(t):
    s, p, topic = t.client(), t.client(), t.topic("x")
    s.subscribe(topic, qos=1)
    seen, held = [], []
    for n in range(300):
        p.publish(topic, b"x", qos=1)
        message = s.message()
        seen.append(message.packet_id)
        if n % 3 == 0:
            held.append(message.packet_id)
        else:
            s.finish(message)
    assert 0 not in seen and len(set(held)) == len(held)
    assert all(seen.count(packet_id) == 1 for packet_id in held), "an id in use was given again"


@test(v5="4.6.0-2 4.6.0-3 4.6.0-4", v3="4.6.0-2 4.6.0-3 4.6.0-4")
def acknowledgements_out_of_order_are_tolerated(t):
    subscriber, publisher, topic = pair(t)
    for n, qos in enumerate((1, 1, 1, 2, 2, 2)):
        publisher.publish(topic, str(n), qos=qos)
    got = [subscriber.message(str(n)) for n in range(6)]
    for n in (2, 0, 1):
        subscriber.send(packets.ack("PUBACK", got[n].packet_id))
    for n in (5, 3, 4):
        subscriber.send(packets.ack("PUBREC", got[n].packet_id))
        assert subscriber.expect_type("PUBREL").packet_id == got[n].packet_id
    for n in (4, 5, 3):
        subscriber.send(packets.ack("PUBCOMP", got[n].packet_id))
    publisher.publish(topic, b"more", qos=2)
    subscriber.take(b"more")


@test(v5="4.6.0-1", v3="4.6.0-1 4.6.0-2 4.6.0-3 4.6.0-4")
def answers_come_in_the_order_of_the_questions(t):
    _, publisher, topic = pair(t)
    ids = [40, 7, 300, 2, 9]
    for qos, name in ((1, "PUBACK"), (2, "PUBREC")):
        publisher.send(*[packets.publish(t.v, topic, b"x", qos, n) for n in ids])
        assert [publisher.expect_type(name).packet_id for _ in ids] == ids
    publisher.send(*[packets.ack("PUBREL", n) for n in ids])
    assert [publisher.expect_type("PUBCOMP").packet_id for _ in ids] == ids


@test(v5="4.6.0-5 4.6.0-6 4.6-a A47", v3="4.6.0-5 4.6.0-6 4.6-a A47")
def messages_of_a_publisher_keep_their_order(t):
    topics = [t.topic(str(qos)) for qos in (0, 1, 2)]
    s = t.session(node=t.there)
    s.subscribe(*topics, qos=2)
    p = t.client()
    seen = {topic: [] for topic in topics}
    for step in range(3):
        for n in range(step * 40, step * 40 + 40):
            for qos, topic in enumerate(topics):
                if qos or step != 1:  # QoS 0 is not kept for who is away
                    p.publish(topic, str(n), qos=qos)
            if step != 1:
                for _ in topics:
                    got = s.take()
                    seen[got.topic].append(int(got.payload))
        if step == 0:
            s.drop()
        if step == 1:
            s = t.session(s.client_id, t.here)
            for _ in range(80):
                got = s.take()
                seen[got.topic].append(int(got.payload))
    for qos, topic in enumerate(topics):
        wanted = [n for n in range(120) if qos or not 40 <= n < 80]
        assert seen[topic] == wanted, f"QoS {qos}: {seen[topic]}"


@test(v5="4.5.0-1 3.1.2-5", v3="4.5.0-1 3.1.2-5 3.1.2-4")
def every_matching_session_gets_the_message_connected_or_not(t):
    topic = t.topic("x")
    sessions = [t.session(node=(t.here, t.there)[n % 2]) for n in range(6)]
    for s in sessions:
        s.subscribe(topic, qos=1)
    for s in sessions[:4]:
        s.drop()
    p = t.client()
    p.publish(topic, b"zero", qos=0)
    p.publish(topic, b"one", qos=1)
    p.publish(topic, b"two", qos=2)
    for n, s in enumerate(sessions):
        if n < 4:
            s = t.session(s.client_id, (t.there, t.here)[n % 2])
        else:
            s.take(b"zero")
        s.take(b"one")
        s.take(b"two", qos=1)
        s.quiet()


@test(v5="4.5.0-2 3.3.4-9 4.9.0-1 4.9-b 3.1.2.11.3-b", v3="4.5.0-2")
def the_receive_maximum_of_a_client_is_kept(t):
    topic = t.topic("x")
    s = t.session(node=t.there, properties=[(RECEIVE_MAXIMUM, 3)] if t.v == 5 else ())
    s.subscribe(topic, qos=2)
    p = t.client()
    for n in range(8):
        p.publish(topic, str(n), qos=1 + n % 2)
    if t.v != 5:  # no such property: all of it comes
        for n in range(8):
            s.take(str(n))
        return
    first = [s.message(str(n)) for n in range(3)]
    s.quiet()
    s.send(packets.ack("PUBREC", first[1].packet_id))  # success frees no slot
    s.expect_type("PUBREL")
    s.quiet()
    s.send(packets.ack("PUBCOMP", first[1].packet_id))
    fourth = s.message("3")
    s.send(packets.ack("PUBREC", fourth.packet_id, 0x80))  # a refusal does
    s.message("4")
    s.quiet()
    s.drop()
    s = t.session(s.client_id, t.here, properties=[(RECEIVE_MAXIMUM, 1)])  # a new count
    for n in (0, 2, 4, 5, 6, 7):
        message = s.message(str(n))
        s.quiet()
        s.finish(message)


@test(v5="A17")
def resends_keep_to_a_smaller_receive_maximum(t):
    topic = t.topic("x")
    s = t.session()
    s.subscribe(topic, qos=2)
    p = t.client()
    for n in range(5):
        p.publish(topic, str(n), qos=2)
    first = [s.message(str(n)) for n in range(5)]
    s.send(packets.ack("PUBREC", first[0].packet_id))
    s.expect_type("PUBREL")
    s.drop()
    s = t.session(s.client_id, t.there, properties=[(RECEIVE_MAXIMUM, 2)])
    pubrel = s.expect_type("PUBREL")  # takes no quota, or some: the publishes stay within it
    assert pubrel.packet_id == first[0].packet_id
    s.send(packets.ack("PUBCOMP", pubrel.packet_id))
    held = [s.message("1", dup=1), s.message("2", dup=1)]
    s.quiet()
    for message in held:
        s.send(packets.ack("PUBREC", message.packet_id))
        s.expect_type("PUBREL")
        s.send(packets.ack("PUBCOMP", message.packet_id))
        held.append(s.message(dup=1)) if len(held) < 4 else None
    assert [m.payload for m in held] == [b"1", b"2", b"3", b"4"]


@test(v5="3.3.4-10 4.9.0-3 3.3.4-8 4.9-a")
def an_exhausted_quota_holds_nothing_else_back(t):
    topic, other = t.topic("x"), t.topic("y")
    s = t.other(properties=[(RECEIVE_MAXIMUM, 1)])
    s.subscribe(topic, qos=1)
    p = t.client()
    p.publish(topic, b"1", qos=1)
    p.publish(topic, b"2", qos=1)
    message = s.message(b"1")
    s.quiet()
    s.subscribe(other)
    s.publish(t.topic("z"), b"x", qos=1)
    s.publish(t.topic("z"), b"x", qos=2)
    s.unsubscribe(other)
    s.finish(message)
    s.take(b"2")


@test(v5="3.3.4-7 3.3.4-d 4.9.0-2 A16", two=False, on=config("inflight", mqtt={"receive_maximum": 5}))
def a_client_above_the_receive_maximum_is_disconnected(t):
    c = t.client()
    assert c.connack.prop(RECEIVE_MAXIMUM) == 5
    for n in range(1, 6):
        c.send(packets.publish(5, t.topic("x"), b"x", 2, n))
        c.expect_type("PUBREC")
    c.quiet()
    c.send(packets.publish(5, t.topic("x"), b"x", 1, 6))
    c.refused(0x93)


@test(v3="A16", two=False, on="inflight")
def a_client_that_cannot_be_told_the_receive_maximum_is_served(t):
    c = t.client()
    for n in range(1, 30):
        c.send(packets.publish(4, t.topic("x"), b"x", 2, n))
    for n in range(1, 30):
        assert c.expect_type("PUBREC").packet_id == n
        c.send(packets.ack("PUBREL", n))
    got = [c.receive() for _ in range(29)]
    assert [p.type for p in got] == ["PUBCOMP"] * 29


# --- what is forwarded ---

@test(v5="3.3.2-4 3.3.2-15 3.3.2-16 3.3.2-17 3.3.2-18 3.3.2-20 3.3.2.1-b 3.3.1-13")
def properties_arrive_unchanged_live_queued_and_retained(t):
    sets = [[],
            [(PAYLOAD_FORMAT, 0), (CONTENT_TYPE, ""), (CORRELATION_DATA, b"")],
            [(PAYLOAD_FORMAT, 1), (CONTENT_TYPE, "application/x;v=1"), (RESPONSE_TOPIC, "r/s"),
             (CORRELATION_DATA, bytes(range(256)) * 255),
             *[(USER, (f"k{n % 7}", "" if n % 5 == 0 else f"v{n}")) for n in range(50)]]]
    topic = t.topic("x")
    live, queued = t.other(), t.session(node=t.there)
    for s in (live, queued):
        s.subscribe(topic, qos=1)
    queued.drop()
    p = t.client()
    for n, properties in enumerate(sets):
        p.publish(topic, str(n), qos=1, retain=1, properties=properties)
        assert live.take(str(n)).properties == properties
    queued = t.session(queued.client_id, t.here)
    for n, properties in enumerate(sets):
        assert queued.take(str(n)).properties == properties
    late = t.other()
    late.subscribe(topic, qos=1)
    assert late.take("2", retain=1).properties == sets[2]


@test(v5="3.3.2-13 3.3.2-19 1.5.7-1 1.5.7-a", two=False)
def ill_formed_text_in_properties_ends_the_connection(t):
    bad = blob(b"\xed\xa0\x80"), blob(b"a\0b"), blob(b"\xff")
    for text in bad:
        for property_ in (raw("08", text), raw("03", text), raw("26", text, blob("v")),
                          raw("26", blob("k"), text)):
            c = t.client()
            c.send(packets.publish(5, t.topic("x"), b"x", properties=[property_]))
            c.refused(0x81)


@test(v5="3.3.2-14", two=False)
def a_response_topic_with_wildcards_ends_the_connection(t):
    for bad in ("r/+", "#", "r/#"):
        c = t.client()
        c.send(packets.publish(5, t.topic("x"), b"x", properties=[(RESPONSE_TOPIC, bad)]))
        c.refused(0x82, 0x90)
        c = t.open()
        c.send(packets.connect(5, t.id(), will=Will("w", properties=[(RESPONSE_TOPIC, bad)])))
        got = c.next()
        assert got is None or got.reason in (0x82, 0x81, 0x90), f"got {got}"


@test(v5="3.3.2.3-a A41", two=False)
def a_publish_property_twice_is_a_protocol_error(t):
    for number in (PAYLOAD_FORMAT, MESSAGE_EXPIRY, CONTENT_TYPE, RESPONSE_TOPIC, CORRELATION_DATA,
                   ALIAS):
        c = t.client()
        c.send(packets.publish(5, t.topic("x"), b"x",
                               properties=[example(number), example(number)]))
        c.refused(0x82)


@test(v5="2.2.2-a 3.3.4-6", two=False)
def properties_of_other_packets_end_the_connection(t):
    builders = {
        "PUBLISH": lambda p: packets.publish(5, t.topic("x"), b"x", properties=[p]),
        "SUBSCRIBE": lambda p: packets.subscribe(5, 1, (t.topic("x"), 0), properties=[p]),
        "UNSUBSCRIBE": lambda p: packets.unsubscribe(5, 1, t.topic("x"), properties=[p]),
        "DISCONNECT": lambda p: packets.disconnect(0, [p]),
        **{kind: lambda p, kind=kind: packets.ack(kind, 1, 0, [p]) for kind in ACKS}}
    for name, build in builders.items():
        for number, (_, senders, _) in TABLE.items():
            if name not in senders.split():
                c = t.client()
                c.send(build(example(number)))
                c.refused(0x81, 0x82)
        c = t.client()
        c.send(build(raw("7f 00")))  # no property has this number
        c.refused(0x81)


@test(v5="3.3.2.3.2-a 3.3.2.3.2-b 3.1.3.2-c")
def the_payload_format_is_not_checked(t):
    subscriber, publisher, topic = pair(t)
    publisher.publish(topic, b"\xff\xff", qos=1, properties=[(PAYLOAD_FORMAT, 1)])
    subscriber.take(b"\xff\xff")


@test(v5="3.1.2-24 3.1.2-25 A49")
def a_message_above_the_clients_packet_limit_is_skipped(t):
    for limit in (100, 128, 129, 130):
        topic = t.topic(str(limit))
        live = t.other(properties=[(0x27, limit)])
        away = t.session(node=t.there, properties=[(0x27, limit)])
        for s in (live, away):
            s.subscribe(topic, qos=1)
        away.drop()
        p = t.client()
        head = 1 + 2 + len(topic) + 2 + 1  # type, topic, identifier, properties; then the length
        wanted = []
        for size in range(limit - 2, limit + 3):
            rest = size - head - 1 if size - head - 1 + head - 1 <= 127 else size - head - 2
            payload = bytes([65 + size - limit + 2]) * rest
            whole = head + rest + (1 if head - 1 + rest <= 127 else 2)
            p.publish(topic, payload, qos=1)
            if whole <= limit:
                wanted.append(payload)
        p.publish(topic, b"end", qos=1)
        for s in (live, t.session(away.client_id, properties=[(0x27, limit)])):
            for payload in [*wanted, b"end"]:
                s.take(payload)


@test(v5="3.3.2-5 A19")
def an_expired_message_is_not_delivered(t):
    topic = t.topic("x")
    away = t.session(node=t.there)
    full = t.other(properties=[(RECEIVE_MAXIMUM, 1)])
    for s in (away, full):
        s.subscribe(topic, qos=1)
    away.drop()
    p = t.client()
    p.publish(topic, b"first", qos=1)
    p.publish(topic, b"short", qos=1, properties=[(MESSAGE_EXPIRY, 1)])
    p.publish(topic, b"none", qos=1, properties=[(MESSAGE_EXPIRY, 0)])
    p.publish(topic, b"long", qos=1)
    message = full.message(b"first")
    t.after(2)
    full.finish(message)
    full.take(b"long")
    away = t.session(away.client_id)
    away.take(b"first")
    away.take(b"long")


@test(v5="A19")
def a_message_that_expires_at_once_is_not_retained(t):
    p, topic = t.client(), t.topic("x")
    p.publish(topic, b"x", qos=1, retain=1, properties=[(MESSAGE_EXPIRY, 0)])
    s = t.other()
    s.subscribe(topic)
    s.quiet()


@test(v5="3.3.2-6 A20")
def the_forwarded_expiry_is_what_is_left(t):
    topic = t.topic("x")
    away, live = t.session(node=t.there), t.other()
    for s in (away, live):
        s.subscribe(topic, qos=1)
    away.drop()
    t.client().publish(topic, b"x", qos=1, retain=1, properties=[(MESSAGE_EXPIRY, 600)])
    assert 595 <= live.take(b"x").prop(MESSAGE_EXPIRY) <= 600
    t.after(2)
    late = t.other()
    late.subscribe(topic)
    for s in (t.session(away.client_id, t.here), late):
        left = s.take(b"x").prop(MESSAGE_EXPIRY)
        assert 500 <= left <= 598, f"{left} s left of 600 after 2"


@test(v5="4.3.3-7 A18")
def what_was_sent_once_does_not_expire(t):
    topic = t.topic("x")
    s = t.session()
    s.subscribe(topic, qos=2)
    p = t.client()
    for qos in (1, 2):
        p.publish(topic, str(qos), qos=qos, properties=[(MESSAGE_EXPIRY, 1)])
    for qos in (1, 2):
        s.message(str(qos))
    s.drop()
    t.after(2)
    s = t.session(s.client_id, t.there)
    for qos in (1, 2):
        s.take(str(qos), dup=1)


# --- topic aliases ---

@test(v5="3.3.2-12 3.3.2.3.4-a")
def every_alias_that_was_offered_works(t):
    s = t.other()
    s.subscribe(t.topic("#"))
    c = t.client()
    most = c.connack.prop(ALIAS_MAXIMUM)
    for n in range(1, most + 1):
        c.publish(t.topic(str(n)), b"set", properties=[(ALIAS, n)])
    for n in range(1, most + 1):
        c.publish("", b"use", properties=[(ALIAS, n)])
    c.publish(t.topic("new"), b"set", properties=[(ALIAS, 1)])
    c.publish("", b"use", properties=[(ALIAS, 1)])
    for payload in (b"set", b"use"):
        for n in range(1, most + 1):
            got = s.message(payload, t.topic(str(n)))
            assert got.prop(ALIAS) is None
    s.message(b"set", t.topic("new"))
    s.message(b"use", t.topic("new"))


@test(v5="3.3.2-8 3.3.2-9 3.2.2-17 3.3.2.3.4-a", two=False)
def an_alias_out_of_range_or_unknown_ends_the_connection(t):
    most = t.client().connack.prop(ALIAS_MAXIMUM)
    for alias, topic, reason in ((0, t.topic("x"), 0x94), (0, "", 0x94), (most + 1, t.topic("x"), 0x94),
                                 (65_535, "", 0x94), (1, "", 0x82)):
        c = t.client()
        c.send(packets.publish(5, topic, b"x", properties=[prop(ALIAS, alias)]))
        c.refused(reason)


@test(v5="3.3.2-7 A43 A42")
def aliases_end_with_their_connection(t):
    c = t.session()
    c.publish(t.topic("x"), b"x", properties=[(ALIAS, 1)])
    c.publish("", b"x", properties=[(ALIAS, 1)])
    c.quiet()
    c.drop()
    c = t.session(c.client_id, t.there)
    c.send(packets.publish(5, "", b"x", properties=[(ALIAS, 1)]))
    c.refused(0x82)


@test(v5="3.1.2-26 3.1.2-27 3.3.2-10 3.3.2-11")
def aliases_of_the_broker_stay_within_what_the_client_takes(t):
    for most in (None, 0, 2, 65_535):
        s = t.other(properties=() if most is None else [(ALIAS_MAXIMUM, most)])
        s.subscribe(t.topic(f"m{most}", "#"))
        p = t.client()
        for n in range(20):
            p.publish(t.topic(f"m{most}", str(n % 10)), b"x")
        for n in range(20):
            got = s.message(b"x", t.topic(f"m{most}", str(n % 10)))  # read through its alias
            assert (got.prop(ALIAS) or 0) <= (most or 0), f"got {got}"
