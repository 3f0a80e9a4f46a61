"""CONNECT and CONNACK (3.1, 3.2): what is accepted, what is refused and how, and Clean Start."""

from lab import packets
from lab.bytes import blob, frame, raw
from lab.packets import Will
from lab.properties import (ALIAS_MAXIMUM, ASSIGNED_ID, AUTH_DATA, AUTH_METHOD, CONTENT_TYPE,
                            CORRELATION_DATA, MAXIMUM_PACKET, MAXIMUM_QOS, MESSAGE_EXPIRY,
                            PAYLOAD_FORMAT, PROBLEM_INFO, REASON_STRING, RECEIVE_MAXIMUM,
                            RESPONSE_INFO, RESPONSE_INFO_WANTED, RESPONSE_TOPIC, RETAIN_AVAILABLE,
                            SERVER_KEEP_ALIVE, SESSION_EXPIRY, SHARED_AVAILABLE, TABLE, USER,
                            WILDCARD_AVAILABLE, WILL_DELAY, example, prop, props)
from lab.registry import config, test

_REFUSED_CONNECT = {0x81, 0x82}

# The fixed part of a CONNECT, as hex: name and level, then the flags follow.
_NAME = {5: "00 04 4d 51 54 54 05", 4: "00 04 4d 51 54 54 04", 3: "00 06 4d 51 49 73 64 70 03"}


def malformed(t, *fields, reasons=_REFUSED_CONNECT):
    """A CONNECT of these fields is refused: 5.0 may say why, 3.1.1 closes without CONNACK."""
    c = t.open()
    c.send(frame(0x10, *fields))
    refused(t, c, reasons)


def refused(t, c, reasons=_REFUSED_CONNECT):
    got = c.next()
    if got is None:
        return
    assert t.v == 5 and got.type == "CONNACK" and got.reason in reasons, (
        f"expected the end of the connection or a CONNACK with one of {reasons}, got {got}")
    c.ends()


def start_of(t, flags, properties=()):
    """Variable header of a CONNECT: name, level, flags, keep alive 0, properties."""
    return raw(_NAME[t.v], bytes([flags]), "00 00", props(*properties) if t.v == 5 else b"")


@test(v5="3.1.0-1 3.14.0-1", v3="3.1.0-1", two=False)
def a_first_packet_that_is_not_connect_gets_no_answer(t):
    for first in (packets.PINGREQ, packets.publish(t.v, "a", b"x"),
                  packets.subscribe(t.v, 1, ("a", 0)), packets.disconnect(),
                  raw("20 02 00 00"), raw("00 00"), raw("f0 00"), b"GET / HTTP/1.1\r\n\r\n"):
        c = t.open()
        c.send(first)
        c.ends()


@test(v5="3.1.0-2 3.2.0-2", v3="3.1.0-2")
def second_connect_ends_the_connection_and_its_will_is_published(t):
    watcher = t.other()
    watcher.subscribe(t.topic("will"))
    c = t.client(will=Will(t.topic("will"), b"second"))
    c.send(packets.connect(t.v, c.client_id))
    c.refused(0x82)
    watcher.message(b"second", t.topic("will"))


@test(v5="3.2.0-2", two=False)
def two_connects_in_one_segment_get_one_connack(t):
    c = t.open()
    c.send(packets.connect(5, t.id()), packets.connect(5, t.id()))
    c.expect_type("CONNACK")
    c.refused(0x82)


@test(v5="3.1.2-1", v3="3.1.2-1", two=False)
def an_unknown_protocol_name_is_refused(t):
    for name in ("mqtt", "MQTX", "MQT", "", "MQTTT", "MQIsdP"):
        c = t.open()
        c.send(packets.connect(t.v, t.id(), name=name))
        refused(t, c, {0x84, 0x81})
    malformed(t, "ff ff", "4d 51 54 54", bytes([t.v, 2]), "00 00", reasons={0x84, 0x81})


@test(v5="3.1.2-2 A38", v3="3.1.2-2 A38", two=False)
def an_unknown_protocol_level_is_answered_in_the_nearest_form(t):
    for level in (0, 1, 2, 3):
        c = t.open(v=4)
        c.send(packets.connect(4, t.id(), level=level))
        c.expect("20 02"  # CONNACK, 2 bytes follow
                 "00"     # no session present
                 "01")    # unacceptable protocol version
        c.ends()
    for level in (6, 7, 127):
        c = t.open(v=5)
        c.send(packets.connect(5, t.id(), level=level))
        got = c.expect_type("CONNACK")
        assert got.reason == 0x84, f"expected CONNACK 0x84, got {got}"
        c.ends()


@test(v5="3.1.4-a 4.2.0-1 4.2-a 7.1.1-a", v3="3.1.4-a 7.1.1-1 7.0.0-2", v31="")
def all_versions_share_a_port_and_a_topic(t):
    topic = t.topic("shared")
    clients = [t.client(v=3), t.other(v=4), t.client(v=5)]
    for c in clients:
        assert c.subscribe(topic, qos=1)[0] == 1
    t.client().publish(topic, b"to all", qos=1)
    for c in clients:
        c.take(b"to all", topic, qos=1)


@test(v5="3.1.2-3 3.1.2.3-a", v3="3.1.2-3", two=False)
def the_reserved_connect_flag_is_checked(t):
    client_id = t.id()
    malformed(t, start_of(t, 0x03), blob(client_id), reasons={0x81})
    assert t.client(client_id=client_id, clean=False).connack.session_present == 0


@test(v5="3.1.2-11 3.1.2-13", v3="3.1.2-11 3.1.2-13 3.1.2-15", two=False)
def will_bits_without_a_will_are_refused(t):
    for flags in (0x0A, 0x12, 0x1A, 0x22):
        malformed(t, start_of(t, flags), blob(t.id()))


@test(v5="3.1.2-12 3.1.2.6-a", v3="3.1.2-14", two=False)
def will_qos_3_is_refused_and_the_others_are_taken(t):
    will = raw(props() if t.v == 5 else b"", blob("w"), blob("x"))
    malformed(t, start_of(t, 0x1E), blob(t.id()), will)
    for qos in (0, 1, 2):
        topic = t.topic("will", str(qos))
        watcher = t.client()
        watcher.subscribe(topic, qos=1)
        t.client(will=Will(topic, b"x", qos=qos)).drop()
        watcher.take(b"x", topic, qos=min(qos, 1))


@test(v5="3.1.2-9", v3="3.1.2-9", two=False)
def a_will_flag_without_all_will_fields_is_refused(t):
    start, client_id = start_of(t, 0x06), blob(t.id())
    properties = props() if t.v == 5 else b""
    malformed(t, start, client_id)
    if t.v == 5:
        malformed(t, start, client_id, properties)
    malformed(t, start, client_id, properties, blob("topic"))
    malformed(t, start, client_id, properties, blob("topic"), "00 05", b"four")


@test(v5="3.1.2-16 3.1.2-18", v3="3.1.2-18 3.1.2-20", two=False)
def fields_without_their_flag_are_surplus(t):
    malformed(t, start_of(t, 0x02), blob(t.id()), blob("user"))
    malformed(t, start_of(t, 0x82), blob(t.id()), blob("user"), blob("password"))
    malformed(t, start_of(t, 0x02), blob(t.id()), "00")


@test(v5="3.1.2-17 3.1.2-19", v3="3.1.2-19 3.1.2-21", two=False)
def flags_without_their_field_are_refused(t):
    malformed(t, start_of(t, 0x82), blob(t.id()))
    malformed(t, start_of(t, 0xC2), blob(t.id()), blob("user"))
    malformed(t, start_of(t, 0xC2), blob(t.id()), blob("user"), "00 09", b"short")


@test(v5="3.1.2-19", two=False)
def a_password_may_come_without_a_user_name(t):
    t.client(password=b"secret").quiet()


@test(v3="3.1.2-22", two=False)
def a_password_needs_a_user_name(t):
    malformed(t, start_of(t, 0x42), blob(t.id()), blob("password"))


@test(v5="3.1.3-1", v3="3.1.3-1", two=False)
def the_whole_payload_is_read_in_its_order(t):
    topic = t.topic("will")
    watcher = t.client()
    watcher.subscribe(topic, qos=1)
    t.client(will=Will(topic, b"payload", qos=1), user="user", password=b"pass").drop()
    watcher.take(b"payload", topic)
    # The user name stands where the will belongs: its fields do not add up.
    malformed(t, start_of(t, 0xC6), blob(t.id()), blob("user"), blob("p"), props(), blob(topic))


@test(v5="3.1.3-3", v3="3.1.3-3", two=False)
def an_empty_payload_is_refused(t):
    malformed(t, start_of(t, 0x02))


@test(v5="3.1.3-4 3.1.3-12 3.1.3-11", v3="3.1.3-4 3.1.3-10 3.1.3-11", two=False)
def ill_formed_text_in_connect_is_refused(t):
    for bad in (b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\x80", b"\xf5\x80\x80\x80", b"\xc3", b"a\0b"):
        malformed(t, start_of(t, 0x02), blob(bad))
        malformed(t, start_of(t, 0x82), blob(t.id()), blob(bad))
        malformed(t, start_of(t, 0x06), blob(t.id()), props() if t.v == 5 else b"", blob(bad),
                  blob("x"))


@test(v5="3.1.3-11 4.7.3-1", v3="4.7.3-1 4.7.1-1 3.2.2-6", two=False)
def a_will_topic_without_characters_or_with_wildcards_is_refused(t):
    for topic in ("", "a/#", "+", "a/+/b"):
        c = t.open()
        c.send(packets.connect(t.v, t.id(), will=Will(topic)))
        got = c.next()
        if t.v == 5 and got is not None:
            assert got.type == "CONNACK" and got.reason in (0x90, 0x82), f"got {got}"
            got = c.next()
        elif got is not None:  # 3.1.1 has no code for it: any refusal
            assert got.type == "CONNACK" and got.reason in (1, 2, 3, 4, 5), f"got {got}"
            got = c.next()
        assert got is None, f"expected the end of the connection, got {got}"


@test(v5="3.1.3-5", v3="3.1.3-5", v31="", two=False)
def every_plain_client_id_up_to_23_bytes_is_taken(t):
    letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    letters = letters[t.v:] + letters[:t.v]  # versions run side by side
    ids = [letters[:n] for n in range(1, 24)] + [letters[n:n + 21] for n in (21, 41)]
    for client_id in ids:
        t.client(client_id=client_id).leave()


@test(v5="3.1.3.1-a", v3="3.1.3.1-a", two=False)
def long_and_non_ascii_client_ids_are_taken(t):
    t.client(client_id=t.id() + "x" * 300).leave()
    t.client(client_id=t.id() + "\u00e9 \U0001f600/+#").leave()


@test(v5="3.1.3-6 3.2.2-16 A33", v3="3.1.3-6")
def clients_without_an_id_get_different_ones(t):
    clients = [t.client(node, client_id="") for node in (t.here, t.there) for _ in range(50)]
    for c in clients:
        c.quiet()  # none has taken over another
    if t.v == 5:
        assigned = {c.connack.prop(ASSIGNED_ID) for c in clients}
        assert None not in assigned and len(assigned) == 100, f"{len(assigned)} different ids"
        again = t.client(client_id="", clean=False)
        assert again.connack.prop(ASSIGNED_ID), "no id assigned with Clean Start 0"


@test(v5="3.1.3-7")
def an_assigned_id_is_as_good_as_a_given_one(t):
    for clean in (False, True):
        first = t.client(client_id="", clean=clean, properties=[(SESSION_EXPIRY, 600)])
        assigned = first.connack.prop(ASSIGNED_ID)
        first.leave()
        second = t.other(client_id=assigned, clean=False)
        assert second.connack.session_present == 1 and second.connack.prop(ASSIGNED_ID) is None


@test(v3="3.1.3-7 3.1.3-8 3.1.3-9", v31="", two=False)
def an_empty_id_that_may_not_be_is_refused_with_2(t):
    for clean in ((False,) if t.v == 4 else (False, True)):
        c = t.open()
        c.send(packets.connect(t.v, "", clean=clean))
        c.expect("20 02"  # CONNACK, 2 bytes follow
                 "00"     # no session present
                 "02")    # identifier rejected
        c.ends()


@test(v5="3.1.3-2 3.1.4-3 3.14-a 3.14.2-2 A44", v3="3.1.3-2 3.1.4-2")
def the_newer_connection_takes_over(t):
    client_id = t.id()
    older = t.client(client_id=client_id)
    bystander = t.client()
    newer = t.other(client_id=client_id)
    older.refused(0x8E)
    newer.quiet()
    bystander.quiet()


@test(v5="3.1.4-1", v3="3.1.4-1", two=False)
def every_cut_of_a_connect_is_refused(t):
    whole = packets.connect(t.v, t.id(), will=Will("w", b"x"), user="u", password=b"p",
                            properties=[(SESSION_EXPIRY, 1), (USER, ("k", "v"))])
    body = whole[2:]
    for length in range(len(body)):
        c = t.open()
        c.send(frame(0x10, body[:length]))
        refused(t, c, {0x81, 0x82, 0x84})
    c = t.open()
    c.send(frame(0x10, body, "00"))
    refused(t, c)


@test(v5="3.1.4-5 3.2.2-1 3.2.2-2 3.2.2-3 3.1.2-6",
      v3="3.1.4-4 3.2.0-1 3.2.2-1 3.2.2-3 3.2.2-a", two=False)
def connack_says_success_and_whether_there_was_a_session(t):
    client_id = t.id()
    for clean in (True, False, True):
        c = t.open()
        c.send(packets.connect(t.v, client_id, clean=clean,
                               properties=[(SESSION_EXPIRY, 600)] if t.v == 5 else ()))
        got = c.receive()
        assert got.raw[0] == 0x20 and got.reason == 0 and got.session_present == 0, f"got {got}"
        c.subscribe(t.topic("x"))
        if clean:
            c.leave(*([0, [(SESSION_EXPIRY, 0)]] if t.v == 5 else []))
        else:
            c.leave()
    assert t.client(client_id=client_id, clean=True).connack.session_present == 0


@test(v5="3.2.2-3 3.1.2-23", v3="3.2.2-2")
def a_stored_session_is_said_to_be_present(t):
    c = t.session()
    c.drop()
    assert t.session(c.client_id, t.there).connack.session_present == 1


@test(v5="3.2.2-4 3.2.2-5", two=False)
def a_client_whose_view_of_the_session_differs_does_no_harm(t):
    c = t.session()
    c.drop()
    t.session(c.client_id).drop()  # saw a session that it does not know
    c = t.client(client_id=c.client_id)
    c.send(packets.ack("PUBREL", 77))
    c.expect("70 03" "00 4d" "92")  # PUBCOMP, id 77, packet identifier not found
    c.send(packets.ack("PUBACK", 78))
    c.quiet()


@test(v5="3.1.4-e A45", v3="3.1.4-e")
def packets_may_follow_connect_at_once(t):
    c = t.open()
    topic = t.topic("at", "once")
    c.send(packets.connect(t.v, t.id()), packets.subscribe(t.v, 1, (topic, 1)),
           packets.publish(t.v, topic, b"x", 1, 2))
    got = [c.receive() for _ in range(4)]
    assert got[0].type == "CONNACK", f"got {got}"
    # Its own message may overtake the acknowledgements (3.8.4).
    assert {p.type for p in got[1:]} == {"SUBACK", "PUBLISH", "PUBACK"}, f"got {got}"


@test(v5="3.1.4-6 3.1.4-2 3.1.4-d", v3="3.1.4-5")
def nothing_behind_a_refused_connect_is_done(t):
    topic = t.topic("refused")
    watcher = t.other()
    watcher.subscribe(topic)
    c = t.open()
    behind = raw(packets.subscribe(t.v, 1, (topic, 0)),
                 packets.publish(t.v, topic, b"never", retain=1))
    if t.v == 5:
        c.send(packets.connect(5, t.id(), properties=[(AUTH_METHOD, "NOPE")]), behind)
        assert c.expect_type("CONNACK").reason == 0x8C
    else:
        c.send(packets.connect(t.v, "", clean=False), behind)
        assert c.expect_type("CONNACK").reason == 2
    c.ends()
    t.nothing_of(watcher, t.client(), topic)
    late = t.other()
    late.subscribe(topic)
    late.quiet()


@test(v5="3.2.2-7 3.2.2-6 3.1.4-4 3.2.2-8", v3="3.2.2-4 3.2.2-5 3.1.4-3 3.1.4-c 3.1.4-d")
def a_refused_connect_leaves_the_stored_session_alone(t):
    c = t.session()
    c.subscribe(t.topic("kept"), qos=1)
    c.drop()
    bad = t.open(t.there)
    if t.v == 5:
        bad.send(packets.connect(5, c.client_id, clean=True, properties=[(AUTH_METHOD, "NOPE")]))
        got = bad.expect_type("CONNACK")
        assert (got.reason, got.session_present) == (0x8C, 0), f"got {got}"
        bad.ends()
    else:
        bad.send(packets.connect(t.v, c.client_id, clean=True, will=Will("a/#")))
        got = bad.next()
        assert got is None or (got.reason and not got.session_present), f"got {got}"
    t.client().publish(t.topic("kept"), b"x", qos=1)
    again = t.session(c.client_id, t.there)
    assert again.connack.session_present == 1
    again.take(b"x")


@test(v5="3.1.2-30 4.12.0-1 4.12-a 3.1.2.11.9-a", two=False)
def an_authentication_method_is_refused(t):
    topic = t.topic("x")
    watcher = t.client()
    watcher.subscribe(topic)
    c = t.open()
    c.send(packets.connect(5, t.id(), properties=[(AUTH_METHOD, "SCRAM"), (AUTH_DATA, b"1")]),
           packets.publish(5, topic, b"x"))
    assert c.expect_type("CONNACK").reason == 0x8C
    c.ends()
    t.nothing_of(watcher, t.client(), topic)


_ONCE = (SESSION_EXPIRY, RECEIVE_MAXIMUM, MAXIMUM_PACKET, ALIAS_MAXIMUM, RESPONSE_INFO_WANTED,
         PROBLEM_INFO)


@test(v5="3.1.2.11.2-a 3.1.2.11.3-a 3.1.2.11.4-a 3.1.2.11.5-a 3.1.2.11.6-a 3.1.2.11.7-a "
         "3.1.2.11.9-a 3.1.2.11.10-b A41", two=False)
def a_connect_property_twice_is_a_protocol_error(t):
    for number in _ONCE:
        malformed(t, start_of(t, 2, [example(number)] * 2), blob(t.id()), reasons={0x82})
    for number in (AUTH_METHOD, AUTH_DATA):
        malformed(t, start_of(t, 2, [example(AUTH_METHOD), example(AUTH_DATA), example(number)]),
                  blob(t.id()), reasons={0x82})


@test(v5="3.1.2.11.3-a 3.1.2.11.4-a 3.1.2.11.6-a 3.1.2.11.7-a", two=False)
def connect_properties_out_of_range_are_protocol_errors(t):
    for bad in ((RECEIVE_MAXIMUM, 0), (MAXIMUM_PACKET, 0), (RESPONSE_INFO_WANTED, 2),
                (PROBLEM_INFO, 2)):
        malformed(t, start_of(t, 2, [bad]), blob(t.id()), reasons={0x82})


@test(v5="3.1.2.11.10-a", two=False)
def authentication_data_needs_a_method(t):
    malformed(t, start_of(t, 2, [(AUTH_DATA, b"x")]), blob(t.id()), reasons={0x82})


@test(v5="3.1.3.2-a", two=False)
def a_will_property_twice_is_a_protocol_error(t):
    for number in (WILL_DELAY, PAYLOAD_FORMAT, MESSAGE_EXPIRY, CONTENT_TYPE, RESPONSE_TOPIC,
                   CORRELATION_DATA):
        malformed(t, start_of(t, 6), blob(t.id()), props(example(number), example(number)),
                  blob("w"), blob("x"), reasons={0x82})


@test(v5="2.2.2-a", two=False)
def properties_of_other_packets_are_malformed_in_connect(t):
    for number, (_, senders, _) in TABLE.items():
        if "CONNECT" not in senders.split():
            malformed(t, start_of(t, 2, [example(number)]), blob(t.id()), reasons={0x81, 0x82})
        if "WILL" not in senders.split():
            malformed(t, start_of(t, 6), blob(t.id()), props(example(number)), blob("w"),
                      blob("x"), reasons={0x81, 0x82})


@test(v5="2.2.2-b 3.1.2.11.8-a", two=False)
def connect_properties_may_have_any_order_and_user_properties_any_number(t):
    properties = [(SESSION_EXPIRY, 9), (RECEIVE_MAXIMUM, 5), (ALIAS_MAXIMUM, 3),
                  *[(USER, ("same", "pair"))] * 100]
    t.client(properties=properties).quiet()
    t.client(properties=properties[::-1]).quiet()


@test(v5="3.1.2-28 3.1.2.11.6-b 3.2.2.3.15-a 4.12.0-6", two=False)
def connack_has_nothing_that_was_not_asked_for(t):
    for properties in ((), [(RESPONSE_INFO_WANTED, 0)], [(RESPONSE_INFO_WANTED, 1)]):
        got = t.client(properties=properties).connack
        assert got.prop(RESPONSE_INFO) is None and got.prop(AUTH_METHOD) is None, f"got {got}"


@test(v5="3.2.2-19 3.2.2-20 3.2.2.3-a 3.1.4-c", two=False)
def a_reason_string_in_connack_gives_way_to_the_packet_limit(t):
    for limit in (7, 20):
        c = t.open()
        c.packet_bytes_max = limit
        c.send(packets.connect(5, t.id(), properties=[(AUTH_METHOD, "NOPE"),
                                                      (MAXIMUM_PACKET, limit)]))
        got = c.expect_type("CONNACK")
        assert got.reason == 0x8C and got.prop(REASON_STRING) is None, f"got {got}"
        c.ends()


@test(v5="A51", two=False)
def a_connack_that_cannot_fit_is_a_refusal(t):
    c = t.open()
    c.packet_bytes_max = 5
    c.send(packets.connect(5, t.id(), properties=[(MAXIMUM_PACKET, 5)]))
    c.expect("20 03"  # CONNACK, 3 bytes follow
             "00"     # no session present
             "95"     # packet too large
             "00")    # no properties
    c.ends()


@test(v5="A51", two=False)
def a_suback_that_cannot_fit_ends_the_connection(t):
    c = t.client(properties=[(MAXIMUM_PACKET, 100)])
    c.send(packets.subscribe(5, 1, *[(t.topic(str(n)), 0) for n in range(200)]))
    c.refused(0x95)


# --- keep alive (3.1.2.10) ---

_SHORT_KEEP_ALIVE = config("keep-alive", mqtt={"keep_alive_max": "2s"})


@test(v5="3.1.2-22 3.2.2-22 A35", v3="3.1.2-24 3.1.2-8")
def a_silent_client_is_closed_after_one_and_a_half_keep_alives(t):
    watcher = t.other()
    watcher.subscribe(t.topic("will"))
    c = t.client(keep_alive=2, will=Will(t.topic("will"), b"silent"))
    t.after(2)
    c.quiet()  # still there 2 s later, and this counts as life
    c.refused(0x8D)
    watcher.message(b"silent")


@test(v5="3.1.2-20 3.1.2-22", v3="3.1.2-23 3.1.2.10-b", two=False)
def any_packet_keeps_a_connection_alive(t):
    pinging, publishing, acking = (t.client(keep_alive=1) for _ in range(3))
    for _ in range(3):
        t.after(1)
        pinging.quiet()
        publishing.publish(t.topic("x"), b"x")
        acking.send(packets.ack("PUBACK", 9))
    for c in (pinging, publishing, acking):
        c.quiet()


@test(v5="3.1.2.10-b A34", v3="3.1.2.10-b A34", two=False)
def keep_alive_0_is_accepted(t):
    c = t.client(keep_alive=0)
    t.after(2)
    c.quiet()


@test(v5="3.1.2-21 3.2.2-21", two=False, on=_SHORT_KEEP_ALIVE)
def server_keep_alive_counts_if_it_is_told(t):
    for asked in (600, 0):
        c = t.client(keep_alive=asked)
        assert c.connack.prop(SERVER_KEEP_ALIVE) == 2, f"got {c.connack}"
        c.refused(0x8D)
    assert t.client(keep_alive=1).connack.prop(SERVER_KEEP_ALIVE) is None


@test(v3="A34", two=False, on=_SHORT_KEEP_ALIVE)
def clients_that_cannot_be_told_keep_their_keep_alive(t):
    c = t.client(keep_alive=600)
    t.after(4)
    c.quiet()


# --- connect timeout ---

_HASTY = config("hasty", mqtt={"connect_timeout": "1s"})


@test(v5="3.1.4-b", v3="3.1.4-b", two=False, on=_HASTY)
def a_connection_without_connect_is_closed(t):
    silent, slow = t.open(), t.open()
    whole = packets.connect(t.v, t.id())
    for byte in whole[:-1]:
        slow.send(bytes([byte]))
    silent.ends()
    slow.ends()
    timeouts = t.here.metrics().value("tandem_connections_closed_total", reason="connect_timeout")
    assert timeouts is None or timeouts >= 2


# --- what a listener does not offer ---

_NO_QOS = config("qos0", mqtt={"max_qos": 0})
_QOS1 = config("qos1", mqtt={"max_qos": 1})
_BARE = config("bare", mqtt={"retain_available": False, "wildcard_available": False,
                             "shared_available": False, "topic_alias_maximum": 0,
                             "max_packet_size": "1KiB"})


@test(v5="3.2.2-9 3.2.2-10 3.8.4-b", v3="3.8.4-b", two=False, on=_QOS1)
def a_lower_maximum_qos_is_told_and_granted(t):
    c = t.client()
    assert t.v != 5 or c.connack.prop(MAXIMUM_QOS) == 1, f"got {c.connack}"
    assert list(c.subscribe(*[(t.topic(str(q)), q) for q in (0, 1, 2)])) == [0, 1, 1]


@test(v5="3.2.2-9 3.2.2-10 3.2.2-11 3.2.2.3.4-a", two=False, on=_NO_QOS)
def a_publish_above_the_maximum_qos_ends_the_connection(t):
    for qos in (1, 2):
        c = t.client()
        assert c.connack.prop(MAXIMUM_QOS) == 0
        assert c.subscribe(t.topic("x"), qos=2)[0] == 0
        c.send(packets.publish(5, t.topic("x"), b"x", qos, 1))
        c.refused(0x9B)


@test(v5="3.2.2-12", two=False, on=_NO_QOS)
def a_will_above_the_maximum_qos_is_refused(t):
    c = t.open()
    c.send(packets.connect(5, t.id(), will=Will("w", qos=1)))
    assert c.expect_type("CONNACK").reason == 0x9B
    c.ends()


@test(v5="3.2.2-13 3.2.2-14 3.2.2.3.5-a", two=False, on=_BARE)
def retained_messages_that_are_not_offered_are_refused(t):
    c = t.open()
    c.send(packets.connect(5, t.id(), will=Will("w", retain=1)))
    assert c.expect_type("CONNACK").reason == 0x9A
    c.ends()
    c = t.client()
    assert c.connack.prop(RETAIN_AVAILABLE) == 0
    c.send(packets.publish(5, t.topic("x"), b"x", retain=1))
    c.refused(0x9A)


@test(v5="3.2.2-15 3.2.2.3.6-a", v3="", two=False, on=_BARE)
def the_packet_limit_is_told_and_kept(t):
    c = t.client()
    assert t.v != 5 or c.connack.prop(MAXIMUM_PACKET) == 1024
    topic = t.topic("x")
    fits = 1024 - 3 - 2 - len(topic) - (t.v == 5)
    c.send(packets.publish(t.v, topic, b"x" * fits))
    c.quiet()
    c.send(packets.publish(t.v, topic, b"x" * (fits + 1))[:10])  # the header alone is enough
    c.refused(0x95)


@test(v5="3.2.2-18 3.2.2-17 3.3.2-9", two=False, on=_BARE)
def an_alias_where_none_is_offered_ends_the_connection(t):
    c = t.client()
    assert not c.connack.prop(ALIAS_MAXIMUM)
    c.send(packets.publish(5, t.topic("x"), b"x", properties=[prop(0x23, 1)]))
    c.refused(0x94)


@test(v5="3.2.2.3.11-a 3.2.2.3.11-b", v3="3.8.3-2", two=False, on=_BARE)
def wildcards_that_are_not_offered_are_refused(t):
    c = t.client()
    assert t.v != 5 or c.connack.prop(WILDCARD_AVAILABLE) == 0
    c.send(packets.subscribe(t.v, 1, (t.topic("#"), 0), (t.topic("x"), 0)))
    if t.v == 5:
        c.refused(0xA2)
    else:
        c.expect("90 04"  # SUBACK, 4 bytes follow
                 "00 01"  # packet identifier
                 "80"     # failure
                 "00")    # QoS 0


@test(v5="3.2.2.3.13-a", two=False, on=_BARE)
def shared_subscriptions_that_are_not_offered_are_refused(t):
    c = t.client()
    assert c.connack.prop(SHARED_AVAILABLE) == 0
    c.send(packets.subscribe(5, 1, ("$share/g/a", 0)))
    c.refused(0x9E)


_CAPPED = config("capped", mqtt={"session_expiry_max": "2s"})


@test(v5="3.2.2.3.2-a A36", on=_CAPPED)
def a_session_expiry_above_the_cap_is_told_and_kept(t):
    c = t.client(properties=[(SESSION_EXPIRY, 0xFFFF_FFFF)])
    assert c.connack.prop(SESSION_EXPIRY) == 2, f"got {c.connack}"
    assert t.client(properties=[(SESSION_EXPIRY, 1)]).connack.prop(SESSION_EXPIRY) is None
    c.leave(0, [(SESSION_EXPIRY, 0xFFFF_FFFF)])
    t.after(4)
    assert t.session(c.client_id, t.there).connack.session_present == 0


# --- client ids that the operator rules out ---

_STRICT_IDS = config("strict-ids", mqtt={"max_client_id_bytes": 23, "allow_empty_client_id": False})


@test(v5="3.1.3-8 A33 3.1.3.1-a", v3="3.1.3-9 3.1.3.1-a A33", two=False, on=_STRICT_IDS)
def client_ids_against_the_rules_are_refused_and_change_nothing(t):
    t.client(client_id=t.id().ljust(23, "x"))
    for client_id in ("x" * 24, ""):
        c = t.open()
        c.send(packets.connect(t.v, client_id))
        got = c.expect_type("CONNACK")
        assert got.reason == (0x85 if t.v == 5 else 0x02), f"got {got}"
        c.ends()
