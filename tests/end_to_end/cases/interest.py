"""What crosses between the nodes, and over which network (P2); and read your subscribe (P3)."""

import time

from harness.deadline import stretched, wait_until
from harness.registry import test
from harness.wire import connected

_PAYLOAD_BYTES = 100_000


def _settled_bytes(pair):
    """Cluster bytes once nothing but heartbeats moves: (bytes, seconds since boot)."""
    return pair.network.cluster_bytes(), time.monotonic()


def _idle_rate(pair):
    """Bytes per second that both nodes exchange while no client does anything."""
    begin_bytes, begin = _settled_bytes(pair)
    wait_until(lambda: time.monotonic() - begin > 1.0, 5, "a second of idling")
    end_bytes, end = _settled_bytes(pair)
    return (end_bytes - begin_bytes) / (end - begin)


class _Crossing:
    """Bytes between the nodes beyond idling, while the `with` body runs."""

    def __init__(self, pair):
        self._pair = pair
        self._rate = _idle_rate(pair)

    def __enter__(self):
        self._bytes, self._begin = _settled_bytes(self._pair)
        return self

    def __exit__(self, *_):
        end_bytes, end = _settled_bytes(self._pair)
        idle = self._rate * (end - self._begin)
        self.bytes = max(0, end_bytes - self._bytes - idle)


def _forwarded(node):
    return node.metrics().value("tandem_cluster_forwarded_total", direction="out")


@test("a message that nobody on the other node wants does not cross (P2)", needs_network=True)
def _(t):
    pair, topic = t.pair(), t.unique("nobody")
    here = connected(pair.a.address)
    here.subscribe(topic, qos=1)
    elsewhere = connected(pair.b.address)
    elsewhere.subscribe(f"{topic}/else", f"+/{topic}", f"$share/g/{topic}/x", qos=1)
    publisher = connected(pair.a.address)
    forwarded = _forwarded(pair.a)
    messages = 50
    with _Crossing(pair) as crossing:
        for _ in range(messages):
            publisher.publish(topic, b"x" * _PAYLOAD_BYTES, qos=0)
            here.receive()  # each, or a burst is too much for a subscriber at QoS 0
    sent = messages * _PAYLOAD_BYTES
    t.note(f"{crossing.bytes:.0f} of {sent} bytes crossed")
    assert crossing.bytes < _PAYLOAD_BYTES / 4, f"{crossing.bytes:.0f} bytes crossed"
    assert _forwarded(pair.a) == forwarded, "messages were forwarded"
    for client in (here, elsewhere, publisher):
        client.disconnect()


@test("interest ends with the last subscriber on the other node (P2)", needs_network=True)
def _(t):
    pair, topic = t.pair(), t.unique("ends")
    first, second = connected(pair.b.address), connected(pair.b.address)
    publisher = connected(pair.a.address)
    for subscriber in (first, second):
        subscriber.subscribe(topic)
    publisher.publish(topic, "to both")
    assert first.receive().payload == second.receive().payload == b"to both"
    first.unsubscribe(topic)
    publisher.publish(topic, "to one")
    assert second.receive().payload == b"to one"
    second.unsubscribe(topic)
    watcher = connected(pair.a.address)
    watcher.subscribe(topic)

    def stays():
        forwarded = _forwarded(pair.a)
        publisher.publish(topic, b"x" * _PAYLOAD_BYTES)
        watcher.receive()
        return _forwarded(pair.a) == forwarded
    wait_until(stays, 5, "messages stay on their node")
    for client in (first, second, publisher, watcher):
        client.disconnect()


@test("a message crosses once for a thousand subscribers (P2)", needs_network=True)
def _(t):
    pair, topic = t.pair(), t.unique("thousand")
    subscribers = [connected(pair.b.address) for _ in range(1000)]
    for index, subscriber in enumerate(subscribers):
        subscriber.subscribe(topic if index % 2 else f"{topic}/#")  # two filters, many sessions
    publisher = connected(pair.a.address)
    publisher.publish(topic, "warm")
    for subscriber in subscribers:
        subscriber.receive()
    payload = b"x" * _PAYLOAD_BYTES
    with _Crossing(pair) as crossing:
        publisher.publish(topic, payload)
        for subscriber in subscribers:
            assert subscriber.receive().payload == payload
    t.note(f"{crossing.bytes / _PAYLOAD_BYTES:.2f} payloads crossed")
    assert 0.9 < crossing.bytes / _PAYLOAD_BYTES < 1.3, f"{crossing.bytes:.0f} bytes crossed"
    for client in (*subscribers, publisher):
        client.close()


@test("a message crosses once for many persistent sessions that are away (P2)", needs_network=True)
def _(t):
    pair, topic = t.pair(), t.unique("away")
    for number in range(50):
        client = connected(pair.nodes[number % 2].address, f"{topic}-{number}", version=4,
                           clean=False)
        client.subscribe(topic, qos=1)
        client.disconnect()
    publisher = connected(pair.a.address)
    publisher.publish(topic, "warm", qos=1)
    with _Crossing(pair) as crossing:
        publisher.publish(topic, b"x" * _PAYLOAD_BYTES, qos=1)
    t.note(f"{crossing.bytes / _PAYLOAD_BYTES:.2f} payloads crossed")
    assert 0.9 < crossing.bytes / _PAYLOAD_BYTES < 1.4, f"{crossing.bytes:.0f} bytes crossed"
    for number in range(50):
        client = connected(pair.a.address, f"{topic}-{number}", version=4, clean=False)
        got = [client.receive().payload for _ in range(2)]
        assert got == [b"warm", b"x" * _PAYLOAD_BYTES]
        client.disconnect()
        connected(pair.a.address, f"{topic}-{number}", version=4).disconnect()


@test("nothing between the nodes goes over the client network", needs_network=True)
def _(t):
    pair, topic = t.pair(), t.unique("path")
    before = [pair.network.counters(side)["client_network_out"] for side in "ab"]
    subscriber = connected(pair.b.address)
    subscriber.subscribe(topic, qos=1)
    publisher = connected(pair.a.address)
    for _ in range(20):
        publisher.publish(topic, b"x" * _PAYLOAD_BYTES, qos=1)
        subscriber.receive()
    after = [pair.network.counters(side)["client_network_out"] for side in "ab"]
    assert after == before, f"packets and bytes between the nodes: {before} to {after}"
    for client in (subscriber, publisher):
        client.disconnect()


@test("with a spare path, the client network carries heartbeats and no messages",
      needs_network=True)
def _(t):
    pair = t.new_pair(spare_path=True)
    topic, messages = t.unique("path"), 50

    def spare_bytes():
        return sum(pair.network.counters(side)["spare_path_out"][1] for side in "ab")
    subscriber = connected(pair.b.address)
    subscriber.subscribe(topic, qos=1)
    publisher = connected(pair.a.address)

    def goes_by_the_cluster_network():
        spare = spare_bytes()
        publisher.publish(topic, b"x" * _PAYLOAD_BYTES, qos=1)
        subscriber.receive()
        return spare_bytes() - spare < _PAYLOAD_BYTES
    # A lane takes the path that answers first, and comes back to the first in the list within seconds.
    wait_until(goes_by_the_cluster_network, 15, "the lanes use the cluster network")
    before, crossed_before = spare_bytes(), pair.network.cluster_bytes()
    for _ in range(messages):
        publisher.publish(topic, b"x" * _PAYLOAD_BYTES, qos=1)
        subscriber.receive()
    spare, crossed = spare_bytes() - before, pair.network.cluster_bytes() - crossed_before
    t.note(f"{spare} bytes on the client network, {crossed} on the cluster's")
    assert crossed > messages * _PAYLOAD_BYTES, "the messages went some other way"
    assert spare < _PAYLOAD_BYTES, f"{spare} bytes on the client network"


@test("a subscriber that has its SUBACK misses nothing published on the other node (P3)",
      seconds=120)
def _(t):
    hosts = ",".join(node.address for node in t.pair().nodes)
    rounds = 100_000 if t.full else 2_000 if t.sanitizer else 20_000
    t.note(t.tool("e2e_storm", "race", "--hosts", hosts, "--count", rounds, "--timeout-ms",
                  int(stretched(5) * 1000), seconds=110).strip())


@test("a subscriber that has its SUBACK misses nothing published on any core of its node (P3)",
      seconds=60)
def _(t):
    rounds = 100_000 if t.full else 2_000 if t.sanitizer else 10_000
    t.note(t.tool("e2e_storm", "race", "--hosts", t.node().address, "--count", rounds,
                  "--timeout-ms", int(stretched(5) * 1000), seconds=55).strip())
