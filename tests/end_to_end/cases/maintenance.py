"""Nodes that are drained, stopped, started again: nobody loses anything (O2)."""

import threading

from harness import wire
from harness.deadline import stretched, wait_until
from harness.registry import test
from harness.wire import Closed, connected

_EXPIRES = [(wire.SESSION_EXPIRY, 3600)]
_QUICKLY = {"cluster": {"drain_notice": "300ms"}}


def _ends(process, seconds=20):
    """(exit code, output, complaints)."""
    out, err = process.communicate(timeout=stretched(seconds))
    return process.returncode, out, err


@test("drain moves every client to the other node, holds their wills and ends safe to stop (O2, P8)",
      seconds=60)
def _(t):
    pair, topic = t.new_pair(changes=_QUICKLY), t.unique("drain")
    watcher = connected(pair.b.address)
    watcher.subscribe(f"{topic}/#", qos=1)
    will = wire.Will(f"{topic}/will", b"gone", 1)
    persistent = connected(pair.a.address, f"{topic}-p", clean=False, props=_EXPIRES, will=will)
    transient = connected(pair.a.address, f"{topic}-t", will=will)
    older = connected(pair.a.address, f"{topic}-o", version=4, will=will)

    drain = t.tandemctl(pair.a, "drain")
    wait_until(lambda: pair.a.health("ready") == 404, 5, "alpha says 404", pause=0.01)
    assert pair.b.health("ready") == 200
    for client in (persistent, transient):
        farewell = client.wait_closed()
        assert [packet.code for packet in farewell] == [0x9C], farewell
    assert older.wait_closed() == [], "3.1.1 knows no DISCONNECT of the broker"
    code, out, err = _ends(drain)
    assert code == 0 and out.splitlines()[-1] == "drained: safe to stop", f"{code}: {out}{err}"
    assert pair.a.health("safe-to-stop") == 200
    wire.WireClient(pair.a.address).connect(code=0x9C)

    connected(pair.b.address, f"{topic}-p", clean=False, props=_EXPIRES)
    connected(pair.b.address, f"{topic}-t")
    connected(pair.b.address, f"{topic}-o", version=4)
    pair.a.terminate()
    assert pair.a.wait_exit() == 0
    pair.a.start()
    pair.wait_ready()
    watcher.publish(f"{topic}/end", "end", qos=1)
    assert watcher.receive_until(b"end") == [], "a will was published although its client moved"


@test("a drain is refused while the partner does not serve; resume and --force do as they say (O2)",
      seconds=60)
def _(t):
    pair = t.new_pair(changes=_QUICKLY)
    client = connected(pair.a.address)
    pair.b.kill()
    pair.a.wait_metric("tandem_cluster_peer_up", 0)
    code, _, err = _ends(t.tandemctl(pair.a, "drain"))
    assert code == 1 and "partner does not serve" in err, f"{code}: {err}"
    assert pair.a.health("ready") == 200
    client.ping()
    code, _, err = _ends(t.tandemctl(pair.a, "resume"))
    assert code == 1 and "not being drained" in err, f"{code}: {err}"
    code, out, err = _ends(t.tandemctl(pair.a, "drain", "--force"))
    assert code == 0, f"{out}{err}"
    assert client.wait_closed()[-1].code == 0x9C
    assert pair.a.health("ready") == 404
    assert _ends(t.tandemctl(pair.a, "resume"))[0] == 0
    assert pair.a.health("ready") == 200
    connected(pair.a.address).ping()


@test("a drain ends, and the node serves, if the partner dies meanwhile (O2)", seconds=60)
def _(t):
    pair = t.new_pair(changes={"cluster": {"drain_notice": "60s"}})
    client = connected(pair.a.address)
    drain = t.tandemctl(pair.a, "drain")
    wait_until(lambda: pair.a.health("ready") == 404, 5, "alpha says 404", pause=0.01)
    pair.b.kill()
    wait_until(lambda: pair.a.health("ready") == 200, 5, "alpha serves again", pause=0.01)
    client.ping()
    code, _, err = _ends(drain)
    assert code == 1 and "partner does not serve" in err, f"{code}: {err}"


class _Mover:
    """A client that goes to the other node when its own sends it away, as behind a balancer."""

    def __init__(self, pair, client_id):
        self._pair = pair
        self._id = client_id
        self._at = 0

    def connect(self):
        """Tries both nodes in turn until one takes it."""
        last = None
        for attempt in range(2000):
            node = self._pair.nodes[(self._at + attempt) % 2]
            try:
                client = wire.WireClient(node.address)
                client.send(wire.connect_packet(self._id, clean=False, props=_EXPIRES))
                last = f"CONNACK {client.expect(wire.CONNACK).code:#x}"
                if last == "CONNACK 0x0":
                    self._at += attempt
                    return client
            except (Closed, OSError) as error:
                last = error
        raise AssertionError(f"{self._id}: no node takes it: {last}")


class _Publisher(threading.Thread):
    """Numbered messages at QoS 1, one by one; what is not acknowledged is sent again."""

    def __init__(self, pair, topic):
        super().__init__(daemon=True)
        self._mover = _Mover(pair, f"{topic}-publisher")
        self._topic = topic
        self.acknowledged = 0
        self.stop = threading.Event()
        self.error = None

    def run(self):
        try:
            client = self._mover.connect()
            while not self.stop.is_set():
                try:
                    client.publish(self._topic, f"{self.acknowledged}", qos=1)
                    self.acknowledged += 1
                except (Closed, OSError):
                    client = self._mover.connect()
        except BaseException as error:  # noqa: BLE001 - told by the test
            self.error = error


class _Subscriber(threading.Thread):
    """Collects numbered payloads in the order of their arrival, over as many connections as it takes."""

    def __init__(self, pair, topic):
        super().__init__(daemon=True)
        self._mover = _Mover(pair, f"{topic}-subscriber")
        self._client = self._mover.connect()
        self._client.subscribe(topic, qos=1)
        self.got = []
        self.error = None

    def run(self):
        try:
            while not self.got or self.got[-1] is not None:
                try:
                    payload = self._client.receive(stretched(30)).payload
                    self.got.append(int(payload) if payload else None)
                except (Closed, OSError):
                    self._client = self._mover.connect()
        except BaseException as error:  # noqa: BLE001 - told by the test
            self.error = error


@test("both nodes are drained, stopped and started in turn under load, and nothing is lost (O2, P4, P6)",
      seconds=120)
def _(t):
    # Nothing is dropped because a thread of the test is late.
    queue = {"queue": {"per_session_messages": 1_000_000, "per_session_bytes": "1GiB"}}
    pair, topic = t.new_pair(changes={**_QUICKLY, **queue}), t.unique("rolling")
    subscriber, publisher = _Subscriber(pair, topic), _Publisher(pair, topic)
    subscriber.start()
    publisher.start()
    try:
        for node in (pair.a, pair.b, pair.a):
            reached = publisher.acknowledged
            wait_until(lambda: publisher.acknowledged > reached + 20 or publisher.error, 20,
                       "messages go through")
            code, out, err = _ends(t.tandemctl(node, "drain"))
            assert code == 0, f"{out}{err}"
            node.terminate()
            assert node.wait_exit() == 0
            node.start()
            pair.wait_ready()
    finally:
        publisher.stop.set()
        publisher.join(stretched(20))
    connected(pair.a.address).publish(topic, b"", qos=1)  # the end
    subscriber.join(stretched(60))
    assert publisher.error is None, publisher.error
    assert subscriber.error is None, subscriber.error
    t.note(f"{publisher.acknowledged} acknowledged, {len(subscriber.got) - 1} received")
    firsts = list(dict.fromkeys(subscriber.got[:-1]))
    missing = sorted(set(range(publisher.acknowledged)) - set(firsts))
    assert not missing, f"missing {missing[:9]} of {publisher.acknowledged}"
    assert firsts[:publisher.acknowledged] == list(range(publisher.acknowledged)), "out of order"
