"""Order and shared groups while both nodes are busy; large messages; many and bad clients."""

import json
import os
import socket
import subprocess
import time

from harness import wire
from harness.deadline import Deadline, stretched, wait_until
from harness.registry import test
from harness.wire import WireClient, connected

_MB = 1_000_000
_BIG = 10 * _MB


def _storm(t, mode, nodes, seconds, **options):
    arguments = [mode, "--hosts", ",".join(node.address for node in nodes)]
    arguments += ["--timeout-ms", str(int(stretched(10) * 1000))]
    for key, value in options.items():
        arguments += [f"--{key}", str(value)]
    t.note(t.tool("e2e_storm", *arguments, seconds=seconds).strip())


def _count(t, default):
    return default * 10 if t.full else default // 10 if t.sanitizer else default


@test("every subscriber gets each publisher's messages in order, on one busy node (P6)", seconds=60)
def _(t):
    _storm(t, "order", [t.node()], 55, clients=8, count=_count(t, 3_000))


@test("every subscriber gets each publisher's messages in order, across busy nodes (P6)",
      seconds=120)
def _(t):
    _storm(t, "order", t.pair().nodes, 110, clients=4, count=_count(t, 3_000))


@test("order holds for messages of 100 KB too, across nodes (P6)", seconds=60)
def _(t):
    _storm(t, "order", t.pair().nodes, 55, clients=1, count=_count(t, 300), bytes=100_000)


@test("a busy shared group over both nodes gets each message once (P10)", seconds=120)
def _(t):
    _storm(t, "group", t.pair().nodes, 110, clients=4, count=_count(t, 5_000))


@test("tandem-bench that looks for the greatest rate gives up at once if nobody is there")
def _(t):
    bench = t.spawn([os.path.join(t.options.tools, "tandem-bench"), "find-max", "-h", "127.0.0.1:1"],
                    stderr=subprocess.PIPE, text=True)
    _, said = bench.communicate(timeout=stretched(20))
    assert bench.returncode == 1, f"{bench.returncode}: {said}"
    assert "no load could begin" in said and "refused" in said and said.count("\n") == 1, said


@test("tandem-bench and the broker count the same messages", seconds=60)
def _(t):
    node = t.new_node()
    for qos in (0, 1, 2):
        before = node.metrics()
        path = t.new_path("bench.json")
        t.tool("tandem-bench", "pair", "-h", node.address, "-c", 5, "-q", qos, "-s", 64, "--warmup",
               0.2, "--duration", 1, "--check", "--quiet", "--json", path, seconds=30)
        with open(path, encoding="utf-8") as file:
            result = json.load(file)
        assert result["good"] and result["published_ever"] > 100, result
        after = node.metrics()
        for metric, counted in (("received", "published_ever"), ("delivered", "received_ever")):
            name = f"tandem_publish_{metric}_total"
            there = after.value(name, qos=str(qos)) - before.value(name, qos=str(qos))
            assert there == result[counted], f"QoS {qos}: {name} says {there}, {result}"
        t.note(f"QoS {qos}: {result['published_ever']} messages")


@test("messages of 10 MB go through both nodes whole, in bounded memory", seconds=240)
def _(t):
    limits = {"mqtt": {"max_packet_size": "16MiB"}, "queue": {"per_session_bytes": "64MiB"}}
    pair = t.new_pair(changes=limits)
    messages = 1_000 if t.full else 10 if t.sanitizer else 100
    window = 2
    _storm(t, "big", [pair.a, pair.b], 230, count=10, bytes=_BIG, window=window)  # all pools warm
    before = [node.resident_bytes() for node in pair.nodes]
    _storm(t, "big", [pair.a, pair.b], 230, count=messages, bytes=_BIG, window=window)
    growth = max(node.resident_bytes() - earlier for node, earlier in zip(pair.nodes, before))
    t.note(f"resident memory grew by {growth / _MB:.0f} MB")
    if not t.sanitizer:
        assert growth < 100 * _MB, f"{growth / _MB:.0f} MB more after {messages} messages"


@test("a message larger than the limit ends its connection with 0x95 and nobody else's")
def _(t):
    node, topic = t.node(), t.unique("large")
    other = connected(node.address)
    other.subscribe(topic, qos=1)
    sinner = connected(node.address)
    sinner.send(wire.publish_packet(topic, b"x" * 2_000_000, 1, 1)[:1_000])
    farewell = sinner.wait_closed()
    assert [packet.code for packet in farewell] == [0x95], farewell
    other.publish(topic, "end", qos=1)
    assert other.receive_until(b"end") == []
    other.disconnect()


@test("ten thousand idle clients cost little, and none of them is lost", seconds=120)
def _(t):
    node = t.new_node()
    count = 1_000 if t.sanitizer else 10_000
    topic = t.unique("idle")
    before = node.resident_bytes()
    clients = []
    for number in range(count):
        client = connected(node.address, f"idle-{number}", keep_alive=600)
        client.subscribe(f"{topic}/{number}" if number else topic)
        clients.append(client)
    node.wait_metric("tandem_connections", count)
    each = (node.resident_bytes() - before) / count
    t.note(f"{each:.0f} bytes each")
    for client in clients:
        client.ping()
    publisher = connected(node.address)
    publisher.publish(f"{topic}/{count - 1}", "awake")
    assert clients[-1].receive().payload == b"awake"
    if not t.sanitizer:
        assert each < 6_000, f"{each:.0f} bytes per idle client"
    for client in (*clients, publisher):
        client.close()
    node.wait_metric("tandem_connections", 0, 30)


@test("a connection that does not finish its CONNECT in time is closed, however busy it is",
      seconds=30)
def _(t):
    node = t.new_node(changes={"mqtt": {"connect_timeout": "2s"}})
    silent, dripping = WireClient(node.address), WireClient(node.address)
    begun = time.monotonic()
    connect = iter(wire.connect_packet("x" * 200))
    closed = {}

    def both_closed():
        for name, client in (("silent", silent), ("dripping", dripping)):
            if name not in closed and _is_closed(client):
                closed[name] = time.monotonic() - begun
        if "dripping" not in closed:
            try:
                dripping.send(bytes([next(connect)]))
            except (BrokenPipeError, ConnectionResetError):
                closed["dripping"] = time.monotonic() - begun
        return len(closed) == 2
    wait_until(both_closed, 10, "both are closed", pause=0.1)
    t.note(", ".join(f"{name} after {seconds:.1f} s" for name, seconds in closed.items()))
    assert min(closed.values()) > 1.5, "closed too early"
    assert node.metrics().value("tandem_connections_closed_total", reason="connect_timeout") == 2


def _is_closed(client):
    client.sock.setblocking(False)
    try:
        return client.sock.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
    finally:
        client.sock.settimeout(5)


@test("a client that sends a byte a second stays, one that falls silent goes with its will",
      seconds=40)
def _(t):
    node, topic = t.node(), t.unique("alive")
    watcher = connected(node.address)
    watcher.subscribe(topic, qos=1)
    will = wire.Will(topic, b"silent", 1)
    slow = connected(node.address, t.unique("slow"), keep_alive=2, will=will)
    begun = time.monotonic()
    # Six whole packets, each in two bytes a second apart: longer than 1.5 times the keep alive.
    for _ in range(6):
        for byte in wire.packet(wire.PINGREQ << 4):
            due = time.monotonic() + 0.5
            slow.send(bytes([byte]))
            wait_until(lambda end=due: time.monotonic() >= end, 5, "half a second")
        slow.expect(wire.PINGRESP)
    assert time.monotonic() - begun > 5
    silent_since = time.monotonic()
    farewell = slow.wait_closed(8)
    silent_for = time.monotonic() - silent_since
    t.note(f"closed after {silent_for:.1f} s of silence at keep alive 2 s")
    assert [packet.code for packet in farewell] == [0x8D], f"{farewell}"
    assert 2.0 < silent_for < stretched(4.5), f"{silent_for:.1f} s"
    assert watcher.receive().payload == b"silent"
    watcher.disconnect()


@test("a client that never reads costs bounded memory, and others nothing (O5)", seconds=60)
def _(t):
    node = t.new_node()
    topic = t.unique("flood")
    stuck = connected(node.address, t.unique("stuck"), receive_buffer=4096)
    reader = connected(node.address)
    for client in (stuck, reader):
        client.subscribe(topic)
    publisher = connected(node.address)
    before = node.resident_bytes()
    payload = b"x" * 10_000
    flood = wire.publish_packet(topic, payload) * 50
    total = 20 * _MB if t.sanitizer else 400 * _MB
    slowest = 0.0
    for _ in range(total // len(flood)):
        begun = time.monotonic()
        publisher.send(flood)
        for _ in range(50):
            assert reader.receive().payload == payload
        slowest = max(slowest, time.monotonic() - begun)
    growth = node.resident_bytes() - before
    metrics = node.metrics()
    dropped = metrics.value("tandem_publish_dropped_total", reason="slow_consumer") or 0
    closed = metrics.value("tandem_connections_closed_total", reason="slow_consumer") or 0
    t.note(f"grew by {growth / _MB:.0f} MB while {total / _MB:.0f} MB went by, {dropped:.0f} "
           f"dropped, slowest batch of others {slowest * 1000:.0f} ms")
    assert dropped > 0 or closed > 0, "nothing was dropped, and the client is still there"
    if not t.sanitizer:
        assert growth < 64 * _MB, f"{growth / _MB:.0f} MB"
    assert slowest < stretched(1), f"{slowest:.1f} s for 50 messages"


@test("a full queue of a client that is away drops the oldest and counts them (O5)",
      seconds=60)
def _(t):
    node = t.new_node(changes={"queue": {"per_session_messages": 100}})
    topic, client_id = t.unique("queue"), t.unique("away")
    away = connected(node.address, client_id, version=4, clean=False)
    away.subscribe(topic, qos=1)
    away.disconnect()
    publisher = connected(node.address)
    for number in range(500):
        publisher.publish(topic, f"{number}", qos=1)
    back = connected(node.address, client_id, version=4, clean=False)
    got = [back.receive().payload for _ in range(100)]
    assert got == [b"%d" % number for number in range(400, 500)], f"{got[0]} to {got[-1]}"
    dropped = node.metrics().value("tandem_publish_dropped_total", reason="queue_full")
    assert dropped == 400, f"{dropped} dropped"
    back.disconnect()


@test("a publisher that ignores Receive Maximum is told 0x93", seconds=20)
def _(t):
    node = t.new_node(changes={"mqtt": {"receive_maximum": 10}})
    client = connected(node.address)
    assert client.connack.properties[wire.RECEIVE_MAXIMUM] == 10
    # QoS 2 stays open until PUBREL, so the eleventh is one too many.
    client.send(b"".join(wire.publish_packet("x", "y", 2, number) for number in range(1, 12)))
    farewell = [packet for packet in client.wait_closed() if packet.type == wire.DISCONNECT]
    assert [packet.code for packet in farewell] == [0x93], farewell


@test("a take-over storm of one client id on both nodes ends with one connection (P7)", seconds=60)
def _(t):
    pair, client_id = t.pair(), t.unique("storm")
    connect = wire.connect_packet(client_id)
    rounds = 20 if t.sanitizer else 200
    clients = []
    for number in range(rounds):
        client = WireClient(pair.nodes[number % 2].address)
        client.send(connect)  # nobody waits for CONNACK
        clients.append(client)
    deadline = Deadline(20)
    alive = list(clients)
    while len(alive) > 1 and not deadline.passed():
        alive = [client for client in alive if not _drained_and_closed(client)]
    assert len(alive) == 1, f"{len(alive)} of {rounds} connections hold one client id"
    survivor = alive[0]
    survivor.sock.settimeout(stretched(5))
    survivor.ping()
    survivor.disconnect()


def _drained_and_closed(client):
    client.sock.settimeout(0.001)
    try:
        while True:
            data = client.sock.recv(4096)
            if not data:
                return True
            client._bytes += data
    except (TimeoutError, socket.timeout):
        return False
    except ConnectionResetError:
        return True
