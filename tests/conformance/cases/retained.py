"""Retained messages (3.3.1.3, 3.8.3.1)."""

from lab import packets
from lab.packets import Will
from lab.properties import MESSAGE_EXPIRY, SUBSCRIPTION_ID
from lab.registry import test

_RAP = 0x08
_HANDLING_1, _HANDLING_2 = 0x10, 0x20


def gets(t, node, topic, *payloads, qos=0, options=0, **fields):
    """What a new subscriber is sent: exactly these, with RETAIN."""
    s = t.client(node)
    s.subscribe(topic, qos=qos, options=options)
    got = [s.take(payload, retain=1, **fields) for payload in payloads]
    s.quiet()
    return got


@test(v5="3.3.1-5 3.3.1.3-a 3.3.1.3-b 3.3.1.3-d", v3="3.3.1-5 3.3.1-7 3.3.1-8 3.3.1.3-a")
def the_last_retained_message_meets_new_subscribers(t):
    topic, p = t.topic("x"), t.client()
    for node in (t.there, t.here):
        p.publish(topic, b"one", qos=1, retain=1)
        gets(t, node, topic, b"one", qos=2)
        p.publish(topic, b"two", qos=0, retain=1)
        p.publish(t.topic("other"), b"x", qos=1)  # behind it
        gets(t, t.here, topic, b"two")
        p.publish(topic, b"three", qos=2, retain=1)
        for options in (0, _RAP) if t.v == 5 else (0,):
            got = gets(t, node, topic, b"three", qos=1, options=options)
            assert got[0].qos == 1


@test(v3="3.3.1-6", v5="3.3.1-5")
def a_wildcard_subscriber_gets_every_matching_retained_message(t):
    p = t.client()
    topics = [t.topic("r", *levels) for levels in (("a",), ("b",), ("a", "b"), ("$x",))] + [t.topic("r")]
    for topic in topics:
        p.publish(topic, topic, qos=1, retain=1)
    s = t.other()
    s.subscribe(t.topic("r", "#"), qos=1)
    got = {s.take(retain=1).topic for _ in topics}
    s.quiet()
    assert got == set(topics)


@test(v5="3.3.1-5", v3="3.3.1-5", two=False, alone=True)
def of_two_acknowledged_writes_the_later_one_stays_whichever_cores_took_them(t):
    """The clients' cores have not heard of each other's messages, and stamp them within the same millisecond."""
    writers, topics = [t.client() for _ in range(6)], [t.topic("w", str(n)) for n in range(60)]
    for n, topic in enumerate(topics):
        for i in range(n % 6):
            writers[n % 6].publish(t.topic("busy"), b"x", qos=1)  # its core is ahead by some messages
        writers[n % 6].publish(topic, b"first", qos=1, retain=1)
        writers[(n + 1) % 6].publish(topic, b"later", qos=1, retain=1)
    s = t.client()
    s.subscribe(t.topic("w", "+"))
    got = {s.take(b"later", retain=1).topic for _ in topics}
    s.quiet()
    assert got == set(topics)


@test(v5="3.3.1-6 3.3.1-7", v3="3.3.1-10 3.3.1-11")
def an_empty_retained_message_clears_and_is_forwarded(t):
    topic, p = t.topic("x"), t.client()
    online = t.other()
    online.subscribe(topic, qos=1)
    p.publish(topic, b"", qos=1, retain=1)  # nothing to clear, nothing kept
    online.take(b"", retain=0)
    gets(t, t.there, topic)
    p.publish(topic, b"x", qos=1, retain=1)
    online.take(b"x", retain=0)
    p.publish(topic, b"", qos=1, retain=1)
    online.take(b"", retain=0)
    gets(t, t.there, topic)
    gets(t, t.here, topic)


@test(v5="3.3.1-8", v3="3.3.1-12")
def a_message_without_retain_changes_nothing(t):
    topic, p = t.topic("x"), t.client()
    p.publish(topic, b"kept", qos=1, retain=1)
    p.publish(topic, b"passing", qos=1)
    p.publish(topic, b"", qos=1)
    gets(t, t.there, topic, b"kept")


@test(v5="3.3.1-9 A24", v3="3.8.4-3 A24")
def every_subscribe_brings_the_retained_message_again(t):
    topic = t.topic("x")
    t.client().publish(topic, b"x", qos=1, retain=1)
    s = t.session(node=t.there)
    for _ in range(3):
        s.subscribe(topic, qos=1)
        s.take(b"x", retain=1)
    s.drop()
    t.session(s.client_id).quiet()  # a resumed session is no new subscription


@test(v5="3.3.1-10")
def retain_handling_1_asks_for_new_subscriptions_only(t):
    topic = t.topic("x")
    t.client().publish(topic, b"x", qos=1, retain=1)
    s = t.session(node=t.there)
    s.subscribe(topic, options=_HANDLING_1)
    s.message(b"x")
    s.subscribe(topic, options=_HANDLING_1)
    s.quiet()
    s.unsubscribe(topic)
    s.subscribe(topic, options=_HANDLING_1)
    s.message(b"x")
    s.drop()
    s = t.session(s.client_id)
    s.subscribe(topic, options=_HANDLING_1)
    s.quiet()


@test(v5="3.3.1-11")
def retain_handling_2_asks_for_none(t):
    topic, p = t.topic("x"), t.client()
    p.publish(topic, b"old", qos=1, retain=1)
    s = t.other()
    s.subscribe(topic, options=_HANDLING_2)
    t.nothing_of(s, p, topic)


@test(v5="3.3.1-12 3.3.1-13", v3="3.3.1-9")
def live_messages_have_retain_only_as_published_where_asked_for(t):
    topic, p = t.topic("x"), t.client()
    plain, as_published, away = t.other(), t.other(), t.session(node=t.there)
    keeps = _RAP if t.v == 5 else 0
    plain.subscribe(topic, qos=1)
    as_published.subscribe(topic, qos=1, options=keeps)
    away.subscribe(topic, qos=1, options=keeps)
    away.drop()
    for retain in (1, 0):
        p.publish(topic, b"x", qos=1, retain=retain)
        plain.take(retain=0)
        as_published.take(retain=retain if keeps else 0)
    away = t.session(away.client_id)
    away.take(retain=1 if keeps else 0)
    away.take(retain=0)


@test(v5="3.3.1.3-c")
def an_expired_retained_message_is_gone(t):
    topic = t.topic("x")
    t.client().publish(topic, b"x", qos=1, retain=1, properties=[(MESSAGE_EXPIRY, 1)])
    t.after(2)
    gets(t, t.there, topic)
    gets(t, t.here, topic)


@test(v5="A21")
def retained_messages_carry_the_subscription_identifier(t):
    topic = t.topic("x")
    t.client().publish(topic, b"x", qos=1, retain=1)
    s = t.other()
    s.subscribe(topic, properties=[(SUBSCRIPTION_ID, 7)])
    assert s.message(b"x").all(SUBSCRIPTION_ID) == [7]


@test(v5="A22 A23 3.8.4-5", v3="A22 A23 3.8.4-4")
def retained_messages_come_behind_suback_once_per_filter(t):
    topic = t.topic("x")
    t.client().publish(topic, b"x", qos=1, retain=1)
    s = t.other()
    s.send(packets.subscribe(t.v, 1, (topic, 1), (t.topic("+"), 1), (topic, 1)))
    s.expect_type("SUBACK")
    for _ in range(3):
        s.take(b"x", retain=1)
    s.quiet()


@test(v5="4.1-b", v3="3.1.2-7 4.1-a")
def retained_messages_outlive_the_session_that_sent_them(t):
    topic, p = t.topic("x"), t.client()
    p.publish(topic, b"x", qos=1, retain=1)
    p.leave()
    t.client(client_id=p.client_id).leave()
    gets(t, t.there, topic, b"x")


@test(v5="3.1.2-14 3.1.2-15", v3="3.1.2-16 3.1.2-17")
def a_will_is_retained_if_it_says_so(t):
    topic, watcher = t.topic("x"), t.other()
    watcher.subscribe(topic, qos=1)
    t.client().publish(topic, b"old", qos=1, retain=1)
    watcher.take(b"old")
    for payload, retain, later in ((b"once", 0, [b"old"]), (b"kept", 1, [b"kept"]), (b"", 1, [])):
        t.client(will=Will(topic, payload, retain=retain, qos=1)).drop()
        watcher.take(payload, retain=0)
        gets(t, t.there, topic, *later)
