"""What strangers and broken peers can do: nothing."""

import os
import random
import socket

from harness import linux, wire
from harness.deadline import wait_until
from harness.node import LINK_PORT, MQTT_PORT
from harness.registry import test
from harness.wire import Closed, WireClient, connected


def _check_serves(node, t):
    topic = t.unique("serves")
    client = connected(node.address)
    client.subscribe(topic, qos=1)
    client.publish(topic, "yes", qos=1)
    assert client.receive().payload == b"yes"
    client.disconnect()


@test("a partner with another secret is refused, and both nodes serve alone", seconds=60)
def _(t):
    other_key = t.new_path("other.key")
    with open(other_key, "wb") as file:
        file.write(bytes(range(32)))
    os.chmod(other_key, 0o600)
    pair = t.new_pair(start=False, changes_of={"b": {"cluster": {"secret_file": other_key}}})
    pair.start()
    for node in pair.nodes:
        node.wait_ready()
        assert node.metrics().value("tandem_cluster_peer_up") == 0
        assert node.metrics().value("tandem_cluster_in_step") == 0
        _check_serves(node, t)
    wait_until(lambda: any("secret" in node.log() for node in pair.nodes), 10,
               "a log line that names the secret")
    subscriber = connected(pair.b.address)
    subscriber.subscribe("leak", qos=1)
    connected(pair.a.address).publish("leak", "not for a stranger", qos=1)
    subscriber.publish("leak", "end", qos=1)
    assert subscriber.receive_until(b"end") == [], "a message crossed to a stranger"


@test("a partner of another cluster name is refused", seconds=60)
def _(t):
    pair = t.new_pair(start=False, changes_of={"b": {"cluster": {"name": "another"}}})
    pair.start()
    for node in pair.nodes:
        node.wait_ready()
        assert node.metrics().value("tandem_cluster_peer_up") == 0
        _check_serves(node, t)


def _garbage(seed):
    """Byte strings that break parsers: noise, huge lengths, other protocols, valid beginnings."""
    rng = random.Random(seed)
    yield b""
    yield b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    yield b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + rng.randbytes(300)
    yield b"\xff\xff\xff\xff" * 64
    yield b"\x00" * 4096
    yield b"\x10\xff\xff\xff\x7f"
    yield b"\x10\xff\xff\xff\xff\xff"
    connect = wire.connect_packet("x" * 20, will=wire.Will("t", b"p", 1), keep_alive=10)
    for cut in range(0, len(connect), 5):
        yield connect[:cut]
    for _ in range(200):
        yield rng.randbytes(rng.randint(1, 2000))
    for _ in range(200):  # CONNECT with one byte turned
        data = bytearray(connect)
        data[rng.randrange(len(data))] = rng.randrange(256)
        yield bytes(data) + rng.randbytes(50)


def _throw(address, port, data):
    with socket.create_connection((address, port), timeout=5) as sock:
        try:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65536):
                pass
        except (ConnectionResetError, BrokenPipeError, TimeoutError, OSError):
            pass


@test("garbage on the client port ends its connection and nothing else", seconds=60)
def _(t):
    node = t.pair().a
    witness = connected(node.address)
    before = node.resident_bytes()
    for data in _garbage(1):
        _throw(node.address, MQTT_PORT, data)
    witness.ping()
    assert node.running()
    node.wait_metric("tandem_connections", 1, 15)
    if not t.sanitizer:
        assert node.resident_bytes() - before < 32_000_000
    witness.disconnect()


@test("garbage after a good CONNECT ends its connection and nothing else", seconds=60)
def _(t):
    node = t.pair().a
    witness = connected(node.address)
    rng = random.Random(2)
    for _ in range(200):
        client = connected(node.address, version=rng.choice((4, 5)), client_id=t.unique("bad"))
        try:
            client.send(rng.randbytes(rng.randint(1, 500)) + b"\xf0\x01\x00")
            client.sock.shutdown(socket.SHUT_WR)
            client.wait_closed()
        except (BrokenPipeError, ConnectionResetError, OSError, AssertionError):
            pass
        client.close()
    witness.ping()
    witness.disconnect()


@test("garbage on the cluster port, from the partner's host, harms neither node nor their link",
      seconds=60)
def _(t):
    pair = t.pair()
    link = pair.a.config["cluster"]["member"][0]["links"][0].rsplit(":", 1)[0]
    failovers, before = _failovers(pair), pair.a.resident_bytes()
    attacker = pair.network.namespaces["b"] if pair.network else None
    linux.in_network_namespace(
        attacker, lambda: [_throw(link, LINK_PORT, data) for data in _garbage(3)])
    assert pair.healthy()
    assert _failovers(pair) == failovers, "the link went down"
    if not t.sanitizer:
        assert pair.a.resident_bytes() - before < 32_000_000
    for node in pair.nodes:
        _check_serves(node, t)


def _failovers(pair):
    return [node.metrics().value("tandem_cluster_failovers_total") for node in pair.nodes]


@test("a client that sends a second CONNECT, or none at all, is turned away")
def _(t):
    node = t.pair().a
    twice = connected(node.address, t.unique("twice"))
    twice.send(wire.connect_packet("again"))
    farewell = twice.wait_closed()
    assert [packet.code for packet in farewell] == [0x82], farewell
    none = WireClient(node.address)
    none.send(wire.packet(wire.PINGREQ << 4))
    assert none.wait_closed() == []
    try:
        node_answers = WireClient(node.address, version=4)
        node_answers.connect("", clean=False, code=2)  # 3.1.1: an empty id needs a clean session
    except Closed:
        pass
