"""Sessions, acknowledgements and wills packet by packet, on both nodes."""

import os
import socket
import struct

from harness.registry import test
from harness import wire
from harness.deadline import wait_until
from harness.wire import WireClient, connected

_EXPIRES = [(wire.SESSION_EXPIRY, 3600)]


def _crossings(pair):
    """(here, there) for the same node and for both directions across."""
    return [(pair.a, pair.a), (pair.a, pair.b), (pair.b, pair.a)]


@test("the newer connection of a client id wins on either node, the older is told 0x8E (P7)")
def _(t):
    for here, there in _crossings(t.pair()):
        client_id = t.unique("twice")
        older = connected(here.address, client_id)
        newer = connected(there.address, client_id)
        farewell = older.wait_closed()
        assert [packet.type for packet in farewell] == [wire.DISCONNECT], farewell
        assert farewell[0].code == 0x8E, f"reason {farewell[0].code:#x}"
        newer.ping()
        newer.disconnect()


@test("one client id that connects to both nodes in turn has one connection at any time (P7)")
def _(t):
    pair, client_id, topic = t.pair(), t.unique("turns"), t.unique("turns")
    publisher = connected(pair.a.address)
    rounds = 50
    before = None
    for number in range(rounds):
        node = pair.nodes[number % 2]
        client = connected(node.address, client_id, clean=False, props=_EXPIRES)
        assert client.connack.session_present == (number > 0), f"round {number}"
        if number == 0:
            client.subscribe(topic, qos=1)
        publisher.publish(topic, f"{number}", qos=1)
        got = client.receive()
        assert got.payload == b"%d" % number, f"round {number}: {got}"
        client.ping()  # the acknowledgement has been read: no reason to send it again elsewhere
        if before:
            before.wait_closed()
        before = client
    before.disconnect()


@test("a copy that keeps what was unsubscribed is noticed, told in the log and the metrics, and mended")
def _(t):
    pair = t.new_pair(program=[os.path.join(t.options.tools, "tandemd_with_stale_copies")])
    client_id, topic = t.unique("stale"), t.unique("stale")
    client = connected(pair.a.address, client_id, clean=False, props=_EXPIRES)
    client.subscribe(topic, qos=1)
    client.unsubscribe(topic)
    pair.b.wait_metric("tandem_cluster_copy_repairs_total", 1)
    assert pair.b.metrics().value("tandem_cluster_copy_mismatches_total") == 1
    wait_until(lambda: "the copy of a session differs" in pair.b.log(), 5, "the log says so")
    line = next(line for line in pair.b.log().splitlines() if "the copy of a session" in line)
    assert client_id in line and "owner_hash" in line and "copy_hash" in line, line
    client.disconnect()
    pair.a.kill()
    client = connected(pair.b.address, client_id, clean=False, props=_EXPIRES)
    assert client.connack.session_present
    publisher = connected(pair.b.address)
    publisher.publish(topic, "nobody wants it", qos=1)
    client.ping()  # and nothing before the answer
    t.note(line[line.index("the copy"):])


@test("a session that moved with unacknowledged messages gets them again, as duplicates (P4, P6)")
def _(t):
    for here, there in _crossings(t.pair()):
        client_id, topic = t.unique("moves"), t.unique("moves")
        client = connected(here.address, client_id, clean=False, props=_EXPIRES)
        client.subscribe(topic, qos=1)
        publisher = connected(there.address)
        for number in range(5):
            publisher.publish(topic, f"{number}", qos=1)
        first = [client.expect(wire.PUBLISH) for _ in range(5)]  # and acknowledges only two
        for message in first[:2]:
            client.acknowledge(wire.PUBACK, message.packet_id)
        client.ping()  # so that both have been read
        client.reset()
        moved = connected(there.address, client_id, clean=False, props=_EXPIRES)
        assert moved.connack.session_present, "the session is gone"
        publisher.publish(topic, "end", qos=1)
        again = [moved.receive() for _ in range(4)]
        assert [message.payload for message in again] == [b"2", b"3", b"4", b"end"], again
        assert [message.dup for message in again] == [True, True, True, False], again
        assert [message.packet_id for message in again[:3]] == [
            message.packet_id for message in first[2:]], "other packet ids than at first"
        moved.disconnect()


@test("a QoS 2 delivery goes on at the other node where it stopped, at each step (P5)")
def _(t):
    for here, there in _crossings(t.pair())[1:]:
        for acknowledged in (False, True):  # before PUBREC, and between PUBREC and PUBCOMP
            client_id, topic = t.unique("half"), t.unique("half")
            client = connected(here.address, client_id, clean=False, props=_EXPIRES)
            client.subscribe(topic, qos=2)
            publisher = connected(here.address)
            publisher.publish(topic, "once", qos=2)
            message = client.expect(wire.PUBLISH)
            if acknowledged:
                client.acknowledge(wire.PUBREC, message.packet_id)
                client.expect(wire.PUBREL, packet_id=message.packet_id)
            client.reset()
            moved = connected(there.address, client_id, clean=False, props=_EXPIRES)
            if acknowledged:
                moved.expect(wire.PUBREL, packet_id=message.packet_id)
                moved.acknowledge(wire.PUBCOMP, message.packet_id)
            else:
                again = moved.receive()
                assert (again.payload, again.packet_id) == (b"once", message.packet_id), again
            publisher.publish(topic, "end", qos=2)
            assert moved.receive_until(b"end") == [], "the message came twice"
            moved.disconnect()


@test("a QoS 2 message that is sent again through the other node counts once (P5)")
def _(t):
    for here, there in _crossings(t.pair())[1:]:
        client_id, topic = t.unique("resends"), t.unique("resends")
        watcher = connected(there.address)
        watcher.subscribe(topic, qos=2)
        publisher = connected(here.address, client_id, clean=False, props=_EXPIRES)
        publisher.send(wire.publish_packet(topic, "once", 2, 77))
        publisher.expect(wire.PUBREC, packet_id=77)
        publisher.reset()
        moved = connected(there.address, client_id, clean=False, props=_EXPIRES)
        moved.send(wire.publish_packet(topic, "once", 2, 77, dup=True))
        moved.expect(wire.PUBREC, packet_id=77)
        moved.acknowledge(wire.PUBREL, 77)
        moved.expect(wire.PUBCOMP, packet_id=77)
        moved.send(wire.publish_packet(topic, "end", 2, 77))  # the id is free: a new message
        moved.expect(wire.PUBREC, packet_id=77)
        assert watcher.receive_until(b"end") == [b"once"]
        moved.disconnect()


@test("a clean start on the other node ends the session everywhere (P1)")
def _(t):
    for here, there in _crossings(t.pair()):
        client_id, topic = t.unique("clean"), t.unique("clean")
        client = connected(here.address, client_id, clean=False, props=_EXPIRES)
        client.subscribe(topic, qos=1)
        client.disconnect()
        publisher = connected(here.address)
        publisher.publish(topic, "for the old one", qos=1)
        cleaned = connected(there.address, client_id, clean=True, props=_EXPIRES)
        assert not cleaned.connack.session_present
        cleaned.disconnect()
        back = connected(here.address, client_id, clean=False, props=_EXPIRES)
        assert back.connack.session_present, "the clean session was to be kept"
        publisher.publish(topic, "to nobody", qos=1)
        back.subscribe(topic, qos=1)
        publisher.publish(topic, "end", qos=1)
        assert back.receive_until(b"end") == []
        back.disconnect()


@test("a will with a delay is not sent if its client comes back on the other node in time (P8)")
def _(t):
    pair = t.pair()
    for here, there in _crossings(pair):
        client_id, topic = t.unique("late"), t.unique("late")
        watcher = connected(pair.b.address)
        watcher.subscribe(topic, qos=1)
        will = wire.Will(topic, b"too late", 1, False, [(wire.WILL_DELAY, 1)])
        client = connected(here.address, client_id, clean=False, props=_EXPIRES, will=will)
        client.reset()
        back = connected(there.address, client_id, clean=False, props=_EXPIRES, will=will)
        back.reset()
        assert watcher.receive(5).payload == b"too late", "the second will, after its delay"
        watcher.publish(topic, "end", qos=1)
        assert watcher.receive_until(b"end") == [], "the first will came too"
        watcher.disconnect()


@test("a member that leaves with a message unacknowledged leaves it to another member (P10)")
def _(t):
    for here, there in _crossings(t.pair())[1:]:
        topic = t.unique("jobs")
        shared = f"$share/workers/{topic}"
        leaver = connected(here.address)
        leaver.subscribe(shared, qos=1)
        publisher = connected(here.address)
        publisher.publish(topic, "job", qos=1)
        assert leaver.expect(wire.PUBLISH).payload == b"job"
        heir = connected(there.address)
        heir.subscribe(shared, qos=1)
        leaver.reset()
        assert heir.receive().payload == b"job"
        heir.disconnect()


@test("two clients that set and clear one retained topic on both nodes settle on one value (P9)")
def _(t):
    pair, topic = t.pair(), t.unique("settles")
    writers = [connected(node.address) for node in pair.nodes]
    for number in range(200):
        for writer, node in zip(writers, pair.nodes):
            payload = b"" if number % 3 == 2 else f"{node.name} {number}".encode()
            writer.send(wire.publish_packet(topic, payload, 1, number + 1, retain=True))
    for writer in writers:
        for number in range(200):
            writer.expect(wire.PUBACK, packet_id=number + 1)

    def value_on(node):
        reader = connected(node.address)
        reader.subscribe(topic, qos=1)
        marker = t.unique("marker")
        reader.subscribe(marker)
        reader.publish(marker, "end")
        payloads = reader.receive_until(b"end")
        reader.disconnect()
        return payloads

    values = [value_on(node) for node in pair.nodes]
    assert values[0] == values[1], f"alpha has {values[0]}, beta has {values[1]}"
    for writer in writers:
        writer.disconnect()


@test("properties of a message reach a subscriber on the other node as they were (P1)")
def _(t):
    pair, topic = t.pair(), t.unique("properties")
    subscriber = connected(pair.b.address)
    subscriber.subscribe(topic, qos=2)
    publisher = connected(pair.a.address)
    props = [(0x01, 1), (0x03, "text/plain"), (0x08, "answers/here"), (0x09, b"\x00\x01\xff"),
             (wire.USER_PROPERTY, ("k", "v")), (wire.USER_PROPERTY, ("k", "w"))]
    publisher.publish(topic, "all of them", qos=2, props=props)
    got = subscriber.receive().properties
    assert got == {0x01: 1, 0x03: "text/plain", 0x08: "answers/here", 0x09: b"\x00\x01\xff",
                   wire.USER_PROPERTY: [("k", "v"), ("k", "w")]}, got
    subscriber.disconnect()


@test("a 3.1.1 client gets what a 5.0 client publishes on the other node, and the reverse (P1)")
def _(t):
    pair = t.pair()
    for publisher_version, subscriber_version in ((5, 4), (4, 5), (3, 5), (5, 3)):
        topic = t.unique("versions")
        subscriber = connected(pair.b.address, t.unique("sub"), version=subscriber_version)
        subscriber.subscribe(topic, qos=2)
        publisher = connected(pair.a.address, t.unique("pub"), version=publisher_version)
        for qos in (0, 1, 2):
            publisher.publish(topic, f"qos {qos}", qos=qos)
        got = [subscriber.receive() for _ in range(3)]
        assert sorted(message.payload for message in got) == [b"qos 0", b"qos 1", b"qos 2"], got
        publisher.disconnect()
        subscriber.disconnect()


@test("a CONNECT that comes a byte at a time is served, and so is its client")
def _(t):
    node, topic = t.pair().a, t.unique("bytes")
    client = WireClient(node.address)
    for byte in wire.connect_packet(t.unique("slow")):
        client.send(bytes([byte]))
    assert client.expect(wire.CONNACK).code == 0
    client.subscribe(topic)
    for byte in wire.publish_packet(topic, "in pieces"):
        client.send(struct.pack("B", byte))
    assert client.receive().payload == b"in pieces"
    client.disconnect()


def _says_all_and_leaves(address, client_id, topic, count):
    """A client that waits for nothing: CONNECT, messages and DISCONNECT, and its socket is closed."""
    with socket.create_connection((address, 1883)) as stream:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream.sendall(wire.connect_packet(client_id, 4))
        for number in range(count):
            stream.sendall(wire.publish_packet(topic, f"{client_id} {number}", 0, 0, version=4))
        stream.sendall(bytes([wire.DISCONNECT << 4, 0]))


@test("a client that says everything at once and leaves without waiting is heard (P1)", seconds=60)
def _(t):
    # Its session's home is another core half of the time, and in a pair the other node is asked first.
    for nodes in ([t.node()], t.pair().nodes):
        topic = t.unique("at-once")
        subscriber = connected(nodes[-1].address)
        subscriber.subscribe(topic)
        for number in range(300):
            client_id = f"{topic}-{number}"
            _says_all_and_leaves(nodes[0].address, client_id, topic, 3)
            got = [subscriber.receive().payload.decode() for _ in range(3)]
            assert got == [f"{client_id} {k}" for k in range(3)], got
        subscriber.disconnect()
