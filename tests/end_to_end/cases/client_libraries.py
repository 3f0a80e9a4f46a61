"""Every client library, in every version it speaks, against one node and across both."""

import queue

from harness.deadline import Deadline
from harness.families import FAMILIES, VERSION_NAMES
from harness.registry import test
from harness.wire import connected

_PER_QOS = 10


def _label(family, version):
    return f"{family.name}, MQTT {VERSION_NAMES[version]}"


def _payloads(stem):
    return [f"{stem}-{number}" for number in range(_PER_QOS)]


def _publish_every_qos(t, family, version, node, topic):
    """Topics end in the QoS; returns what subscribers must get of each QoS, in order."""
    expected = {}
    for qos in (0, 1, 2):
        expected[qos] = _payloads(t.unique(f"from {node.name}"))
        family.publish(t, node, f"{topic}/{qos}", version, qos, expected[qos])
    return expected


def _check_received(subscriber, expected, where):
    """Each QoS complete, once, at its QoS and in order (QoS 0 too: nothing here is congested)."""
    got = subscriber.messages(3 * _PER_QOS)
    for qos, payloads in expected.items():
        of_qos = [message for message in got if message.qos == qos]
        assert [message.payload for message in of_qos] == payloads, f"{where}, QoS {qos}: {of_qos}"
        assert all(message.topic.endswith(f"/{qos}") for message in of_qos), f"{where}: {of_qos}"
        assert not any(message.retain for message in of_qos), f"{where}: retain flag is set"


def _every_qos(t, family, version, nodes):
    topic = t.unique("matrix")
    subscribers = {node.name: family.subscribe(t, node, f"{topic}/+", version) for node in nodes}
    for publisher in nodes:
        expected = _publish_every_qos(t, family, version, publisher, topic)
        for name, subscriber in subscribers.items():
            _check_received(subscriber, expected, f"from {publisher.name} to {name}")
    for subscriber in subscribers.values():
        subscriber.disconnect()


def _retained(t, family, version, nodes):
    topic = t.unique("retained")
    for publisher in nodes:
        family.publish(t, publisher, topic, version, 1, [f"set on {publisher.name}"], retain=True)
        for node in nodes:
            subscriber = family.subscribe(t, node, topic, version)
            message = subscriber.message()
            assert message.payload == f"set on {publisher.name}", f"on {node.name}: {message}"
            assert message.retain, f"on {node.name}: the retain flag is missing"
            subscriber.disconnect()


def _will(t, family, version, nodes):
    for node in nodes:
        for other in nodes:
            topic = t.unique("will")
            watcher = connected(other.address, version=version)
            watcher.subscribe(topic, qos=1)
            client = family.subscribe(t, node, t.unique("none"), version,
                                      will=(topic, "gone without a word"))
            client.kill()
            assert watcher.receive().payload == b"gone without a word"
            orderly = family.subscribe(t, node, t.unique("none"), version,
                                       will=(topic, "asked for"))
            orderly.disconnect()
            if version == 5 and family.will_at_disconnect:
                assert watcher.receive().payload == b"asked for"
            watcher.publish(topic, "end")
            wills = watcher.receive_until(b"end")
            assert wills == [], f"{wills} after DISCONNECT"
            watcher.disconnect()


def _persistent(t, family, version, nodes):
    topic, client_id = t.unique("persistent"), t.unique("client")
    subscriber = family.subscribe(t, nodes[0], topic, version, client_id=client_id,
                                  persistent=True)
    for away in (nodes[0], *reversed(nodes)):  # the same node, then the other, then back
        subscriber.disconnect()
        waiting = {}
        for qos in (1, 2):
            waiting[qos] = _payloads(t.unique(f"qos{qos}"))
            family.publish(t, nodes[qos - 1 if len(nodes) > 1 else 0], topic, version, qos,
                           waiting[qos])
        subscriber = family.subscribe(t, away, topic, version, client_id=client_id,
                                      persistent=True)
        got = subscriber.messages(2 * _PER_QOS)
        for qos, payloads in waiting.items():
            of_qos = [message.payload for message in got if message.qos == qos]
            assert of_qos == payloads, f"on {away.name}, QoS {qos}: {of_qos}"
    subscriber.disconnect()


def _shared(t, family, version, nodes):
    topic = t.unique("shared")
    inbox = queue.Queue()
    members = [family.subscribe(t, node, f"$share/workers/{topic}", version, inbox=inbox)
               for node in nodes for _ in range(2)]
    payloads = []
    for node in nodes:
        for qos in (0, 1, 2):
            mine = _payloads(t.unique(f"job{qos}"))
            family.publish(t, node, topic, version, qos, mine)
            payloads += mine
    deadline = Deadline(10)
    got = []
    try:
        got += [inbox.get(timeout=deadline.left()).payload for _ in payloads]
    except queue.Empty:
        pass  # told below
    for member in members:
        member.disconnect()
    got += [message.payload for message in list(inbox.queue)]  # what came twice
    assert sorted(got) == sorted(payloads), f"{len(got)} instead of {len(payloads)}: {sorted(got)}"


def _register_matrix(family, version):
    label = _label(family, version)

    @test(f"{label}: every QoS on one node")
    def _(t):
        _every_qos(t, family, version, [t.node()])

    @test(f"{label}: every QoS, publisher and subscriber on any two nodes (P1)")
    def _(t):
        _every_qos(t, family, version, t.pair().nodes)


def _register_features(family, version):
    label = _label(family, version)

    @test(f"{label}: a retained message is one value on both nodes (P9)")
    def _(t):
        _retained(t, family, version, t.pair().nodes)

    @test(f"{label}: the will of a killed client reaches both nodes (P1)")
    def _(t):
        _will(t, family, version, t.pair().nodes)

    @test(f"{label}: a persistent session goes on at the same and at the other node (P1, P5)")
    def _(t):
        _persistent(t, family, version, t.pair().nodes)

    @test(f"{label}: a shared subscription over both nodes gets each message once (P10)")
    def _(t):
        _shared(t, family, version, t.pair().nodes)

    if not family.reconnects:
        @test(f"{label}: the same client id on the other node takes the session over (P7)")
        def _(t):
            nodes, client_id = t.pair().nodes, t.unique("twice")
            first = family.subscribe(t, nodes[0], "none", version, client_id=client_id)
            second = family.subscribe(t, nodes[1], "none", version, client_id=client_id)
            reason = first.wait_closed()
            if version == 5 and family.tells_reason:
                assert reason == "142", f"reason {reason!r}, not 0x8E"
            second.disconnect()


for _family in FAMILIES:
    for _version in _family.versions:
        _register_matrix(_family, _version)
        if _version != 3:  # to the broker, 3.1 is 3.1.1 with another name
            _register_features(_family, _version)
