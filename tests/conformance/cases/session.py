"""Session state (4.1), wills (3.1.2.5, 3.1.3.2), DISCONNECT (3.14), AUTH (3.15), PINGREQ (3.12)."""

from lab import packets
from lab.bytes import frame, raw
from lab.packets import Will
from lab.properties import (MESSAGE_EXPIRY, REASON_STRING, SERVER_REFERENCE, SESSION_EXPIRY, USER,
                            WILL_DELAY)
from lab.registry import test


def watched(t):
    """A watcher on the other node and the topic of a will."""
    topic, watcher = t.topic("will"), t.other()
    watcher.subscribe(topic, qos=2)
    return watcher, topic


def no_will(t, watcher, topic):
    t.nothing_of(watcher, t.client(), topic)


# --- Clean Start ---

@test(v5="3.1.2-4 3.2.2-2", v3="3.1.2-6 3.2.2-1")
def a_clean_start_throws_everything_away(t):
    topic = t.topic("x")
    s = t.session()
    s.subscribe(topic, qos=1)
    s.send(packets.publish(t.v, t.topic("other"), b"x", 2, 9))
    s.expect_type("PUBREC")
    s.drop()
    p = t.client()
    p.publish(topic, b"queued", qos=1)
    clean = t.client(t.there, client_id=s.client_id)
    assert clean.connack.session_present == 0
    p.publish(topic, b"live", qos=1)
    clean.quiet()
    clean.send(packets.ack("PUBREL", 9))
    clean.expect("70 03" "00 09" "92" if t.v == 5 else "70 02" "00 09")
    clean.leave()
    again = t.session(s.client_id)
    assert again.connack.session_present == 0


@test(v5="3.1.2-5 4.1-a 4.1.0-1 3.2.0-1", v3="3.1.2-4 4.1.0-1 4.1.0-2 3.2.0-1")
def a_session_goes_on_where_it_stopped(t):
    topic = t.topic("x")
    s = t.session()
    s.subscribe(topic, qos=2)
    p = t.client()
    p.publish(topic, b"1", qos=1)
    p.publish(topic, b"2", qos=2)
    p.publish(topic, b"3", qos=2)
    one, two, three = (s.message(n) for n in (b"1", b"2", b"3"))
    s.send(packets.ack("PUBREC", two.packet_id))
    s.expect_type("PUBREL")
    s.send(packets.publish(t.v, t.topic("in"), b"x", 2, 77))
    s.expect_type("PUBREC")
    s.drop()
    for n in (b"4", b"5", b"6"):
        p.publish(topic, n, qos=2)
    s = t.session(s.client_id, t.there)  # CONNACK comes first, before all that is queued
    assert s.connack.session_present == 1
    s.message(b"1", packet_id=one.packet_id, dup=1)
    s.expect(raw("62 02", two.packet_id.to_bytes(2, "big")))
    s.message(b"3", packet_id=three.packet_id, dup=1)
    for n in (b"4", b"5", b"6"):
        s.message(n, dup=0)
    s.send(packets.publish(t.v, t.topic("in"), b"x", 2, 77, dup=1))
    s.expect("50 02" "00 4d")  # PUBREC: known
    s.send(packets.ack("PUBREL", 77))
    s.expect("70 02" "00 4d")  # PUBCOMP: known


@test(v3="3.1.2.4-a A31", v5="A31")
def qos_0_is_not_kept_for_who_is_away(t):
    topic = t.topic("x")
    s = t.session(node=t.there)
    s.subscribe(topic, qos=1)
    s.drop()
    p = t.client()
    p.publish(topic, b"0", qos=0)
    p.publish(topic, b"1", qos=1)
    t.session(s.client_id).take(b"1")


@test(v5="3.1.2-23 4.1.0-2 3.1.2.11.2-b A37")
def a_session_ends_when_its_expiry_has_passed(t):
    short, long, none = t.session(expiry_s=1), t.session(expiry_s=600), t.client()
    never = t.session(expiry_s=0xFFFF_FFFF)
    for s in (short, long, none, never):
        s.subscribe(t.topic("x"))
        s.drop()
    assert t.session(none.client_id, t.there).connack.session_present == 0
    t.after(2)
    for s, present in ((short, 0), (long, 1), (never, 1)):
        assert t.session(s.client_id, t.there).connack.session_present == present


@test(v5="3.14.2.2.2-c 3.14.2-a")
def disconnect_may_change_the_expiry(t):
    ended, kept, shorter = (t.session() for _ in range(3))
    ended.leave(0, [(SESSION_EXPIRY, 0)])
    kept.leave(0, ())
    shorter.leave(0, [(SESSION_EXPIRY, 1)])
    assert t.session(ended.client_id, t.there).connack.session_present == 0
    t.after(2)
    assert t.session(kept.client_id, t.there).connack.session_present == 1
    assert t.session(shorter.client_id, t.there).connack.session_present == 0


@test(v5="3.14.2.2.2-b")
def an_expiry_cannot_be_raised_from_0_at_disconnect(t):
    watcher, topic = watched(t)
    c = t.client(will=Will(topic, b"due"))
    c.send(packets.disconnect(0, [(SESSION_EXPIRY, 10)]))
    c.refused(0x82)
    watcher.message(b"due")
    assert t.session(c.client_id).connack.session_present == 0


@test(v5="3.14.2.2.2-a 3.14.2.2.5-a A41")
def wrong_disconnect_properties_end_with_the_will(t):
    watcher, topic = watched(t)
    for properties in ([(SESSION_EXPIRY, 1)] * 2, [(SERVER_REFERENCE, "a")] * 2,
                       [(SERVER_REFERENCE, "a")], [(REASON_STRING, "a")] * 2):
        c = t.client(will=Will(topic, b"due"), properties=[(SESSION_EXPIRY, 1)])
        c.send(packets.disconnect(0, properties))
        c.refused(0x82, 0x81)
        watcher.message(b"due")


# --- wills ---

@test(v5="3.1.2-7 3.1.2-8 3.1.2.5-a", v3="3.1.2-8 3.1.2.5-a")
def a_will_is_published_once_however_the_connection_ends(t):
    watcher, topic = watched(t)

    def wrong_packet(c):
        c.send("00 00")
        c.refused(0x81)
    endings = [lambda c: c.drop(), lambda c: c.reset(), wrong_packet]
    if t.v == 5:
        endings += [lambda c: c.leave(0x04), lambda c: c.leave(0x80)]
    for n, end in enumerate(endings):
        c = t.client(will=Will(topic, str(n), qos=1))
        end(c)
        watcher.take(str(n), topic, retain=0)
    no_will(t, watcher, topic)


@test(v5="3.1.2-10 3.14.4-3", v3="3.1.2-10 3.1.2-12 3.14.4-3")
def disconnect_drops_the_will_and_it_never_comes_back(t):
    watcher, topic = watched(t)
    for form in ([None], [0], [0, ()])[:3 if t.v == 5 else 1]:
        c = t.session(will=Will(topic, b"dropped"))
        c.leave(*form)
        c = t.session(c.client_id, t.there)
        c.drop()
    c = t.session(will=Will(topic, b"once"))
    c.drop()
    watcher.take(b"once")
    t.session(c.client_id, t.there).drop()
    no_will(t, watcher, topic)


@test(v5="A2 3.14.2-1")
def only_disconnect_0_drops_the_will(t):
    watcher, topic = watched(t)
    for code in (0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99):
        c = t.client(will=Will(topic, b"due"))
        c.leave(code)
        watcher.message(b"due")
    for code in (0x01, 0x03, 0x10, 0x8B, 0x8E, 0x9C, 0xFF):
        c = t.client(will=Will(topic, b"due"))
        c.send(packets.disconnect(code))
        c.refused(0x82, 0x81)
        watcher.message(b"due")


@test(v5="3.14.1-1", v3="3.14.1-1")
def disconnect_with_flags_is_refused_and_the_will_published(t):
    watcher, topic = watched(t)
    for first in ("e1 00", "e8 00"):
        c = t.client(will=Will(topic, b"due"))
        c.send(first)
        c.refused(0x81)
        watcher.message(b"due")


@test(v5="3.1.3.2-b A3 A5")
def a_will_comes_after_its_delay_or_with_the_end_of_its_session(t):
    watcher, topic = watched(t)
    for delay, expiry, seconds in ((2, 600, 2), (600, 2, 2), (600, 0, 0)):
        c = t.client(will=Will(topic, b"due", properties=[(WILL_DELAY, delay)]),
                     properties=[(SESSION_EXPIRY, expiry)])
        c.drop()
        if seconds:
            t.after(1)
            no_will(t, watcher, topic)  # not yet
        watcher.message(b"due")


@test(v5="3.1.3-9")
def coming_back_before_the_delay_cancels_the_will(t):
    watcher, topic = watched(t)
    c = t.session(will=Will(topic, b"cancelled", properties=[(WILL_DELAY, 2)]))
    c.drop()
    back = t.session(c.client_id, t.there)
    t.after(3)
    no_will(t, watcher, topic)
    back.quiet()


@test(v5="A1 3.1.4-f", v3="A1")
def the_will_at_takeover(t):
    """5.0, 3.1.3.2.2: only a delay, a session that goes on and Clean Start 0 keep it back."""
    watcher, topic = watched(t)
    cases = [(delay, expiry, clean) for delay in (0, 600) for expiry in (0, 600)
             for clean in (False, True)] if t.v == 5 else [(0, 0, False), (0, 0, True)]
    for delay, expiry, clean in cases:
        older = t.client(clean=False, will=Will(topic, b"due", properties=[(WILL_DELAY, delay)]),
                         properties=[(SESSION_EXPIRY, expiry)])
        newer = t.client(t.there, client_id=older.client_id, clean=clean,
                         properties=[(SESSION_EXPIRY, 600)] if t.v == 5 else ())
        older.refused(0x8E)
        if delay and expiry and not clean:
            no_will(t, watcher, topic)
        else:
            watcher.message(b"due", topic)
            no_will(t, watcher, topic)
        newer.leave()


@test(v5="3.1.3-10 3.1.3.2-d 3.3.2-15")
def a_will_carries_its_properties(t):
    watcher, topic = watched(t)
    properties = [(0x01, 1), (0x03, "text/plain"), (0x08, "r/s"), (0x09, b"\0\1"),
                  (USER, ("k1", "a")), (USER, ("k1", "b")), (USER, ("k0", "c"))]
    c = t.session(will=Will(topic, b"x", properties=[(WILL_DELAY, 2), (MESSAGE_EXPIRY, 60),
                                                     *properties]))
    c.drop()
    got = watcher.message(b"x")
    assert got.prop(MESSAGE_EXPIRY) == 60  # counts from its publication
    assert [p for p in got.properties if p[0] != MESSAGE_EXPIRY] == properties, f"got {got}"


@test(v5="3.8.3-3")
def no_local_holds_for_a_clients_will(t):
    topic = t.topic("x")
    c = t.session(will=Will(topic, b"own", qos=1))
    c.subscribe(topic, options=0x04, qos=1)
    other = t.other()
    other.subscribe(topic, qos=1)
    c.drop()
    other.take(b"own")
    t.nothing_of(t.session(c.client_id, t.there), t.client(), topic, qos=1)


# --- DISCONNECT, AUTH, PINGREQ ---

@test(v5="3.14.4-1 3.14.4-2 3.14.4-a", v3="3.14.4-1 3.14.4-2 3.14.4-a")
def nothing_behind_disconnect_is_done_and_the_server_closes(t):
    topic, watcher = t.topic("x"), t.other()
    watcher.subscribe(topic)
    c = t.client()
    c.send(packets.disconnect(), packets.publish(t.v, topic, b"x"), packets.PINGREQ)
    c.ends()
    t.nothing_of(watcher, t.client(), topic)


@test(v5="3.14.2-a", two=False)
def every_form_of_disconnect_is_taken(t):
    for form in ("e0 00", "e0 01 00", "e0 01 04", "e0 02 04 00"):
        c = t.client()
        c.send(form)
        c.ends()


@test(v5="3.15-a 3.15.2-a 3.15.2-b 4.12.0-7 3.15.1-1 3.15.2-1", two=False)
def auth_without_a_method_in_connect_is_a_protocol_error(t):
    method = raw("15 00 01 4d")
    for packet in (frame(0xF0), frame(0xF0, "19 04", method), frame(0xF0, "18 04", method),
                   frame(0xF0, "00 04", method), frame(0xF0, "19 00"), frame(0xF0, "80 04", method),
                   frame(0xF0, "19 08", method, method), frame(0xF1, "19 04", method)):
        c = t.client()
        c.send(packet)
        c.refused(0x82, 0x81)


@test(v5="3.12.4-1 3.13-a", v3="3.12.4-1", two=False)
def pingreq_is_answered(t):
    c = t.client()
    c.send(packets.PINGREQ * 1000)
    for _ in range(1000):
        c.expect(packets.PINGRESP)
    c.send("c0 01 00")
    c.refused(0x81)


# --- errors end their own connection only (4.13, 4.8 of 3.1.1) ---

@test(v5="4.13.1-1 4.13.1-c 4.13.1-b 4.13.2-1 4.13.1-a 4.13.2-b", v3="4.8.0-1 4.8-a")
def an_error_ends_its_connection_and_no_other(t):
    topic, s = t.topic("x"), t.other()
    s.subscribe(topic, qos=1)
    p = t.client()
    for n, bad in enumerate(("00 00", "36 00", "82 00", "62 01 00", "c1 00", "e0 01 03 00")):
        wrong = t.client()
        p.publish(topic, str(n), qos=1)
        wrong.send(bad)
        wrong.refused(0x81, 0x82) if t.v == 5 or bad != "e0 01 03 00" else wrong.ends()
        s.take(str(n))
    p.quiet()


@test(v5="4.13.2-a 4.3.3-9", two=False)
def a_refusing_acknowledgement_concerns_its_packet_only(t):
    c = t.client()
    assert c.subscribe("a/#/b") == [0x8F]
    assert c.unsubscribe("none") == [0x11]
    c.send(packets.ack("PUBREL", 99))
    assert c.expect_type("PUBCOMP").reason == 0x92
    assert c.subscribe(t.topic("x"), qos=1) == [1]
    c.send(packets.publish(5, t.topic("x"), b"x", 1, 1))
    assert {c.receive().type for _ in range(2)} == {"PUBACK", "PUBLISH"}
