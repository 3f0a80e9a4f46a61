"""Both nodes live and do not see each other: what each policy does (O4, F3c, F3d)."""

import contextlib
import json
import threading
import time

from harness import wire
from harness.deadline import Deadline, TooLate, wait_until
from harness.etcd import Etcd
from harness.registry import test
from harness.wire import Closed, connected

_EXPIRES = [(wire.SESSION_EXPIRY, 3600)]
_USE_ANOTHER_SERVER, _SERVER_UNAVAILABLE = 0x9C, 0x88


def _witnessed_pair(t, **more):
    """(etcd, pair): serving, and known to the witness as a pair."""
    etcd = Etcd.of_test(t)
    pair = t.new_pair(changes={"cluster": {
        "on_partition": "witness", "witness": {"kind": "etcd", "endpoints": [etcd.url]}, **more}})
    wait_until(lambda: (etcd.record() or {}).get("node") == "", 5, "the witness knows the pair")
    return etcd, pair


def _standing(node):
    """"" while nobody answers: a node that starts anew."""
    status, body = node.get("/api/v1/cluster")
    return json.loads(body)["standing"] if status == 200 else ""


def _wait_standing(node, standing, seconds=10):
    wait_until(lambda: _standing(node) == standing, seconds, f"{node.name} is {standing}")


def _sides(pair, seconds=10):
    """(who serves alone, who is severed), once that is so."""
    def decided():
        standings = [_standing(node) for node in pair.nodes]
        if sorted(standings) == ["alone", "severed"]:
            return pair.nodes if standings[0] == "alone" else pair.nodes[::-1]
        return None
    return wait_until(decided, seconds, "one serves and the other does not")


@contextlib.contextmanager
def _cut(pair):
    """The cluster network is down; whatever happens, it is up again afterwards."""
    pair.network.cut("cluster")
    try:
        yield
    finally:
        pair.network.heal("cluster")


def _check_turned_away(node):
    """What a balancer and a client find at a node that may not serve."""
    status, body = node.get("/health/ready")
    assert status == 503, f"/health/ready says {status}"
    reason = json.loads(body)["reason"]
    assert "the partner" in reason, reason
    for version, code in ((5, _SERVER_UNAVAILABLE), (4, 3)):
        client = wire.WireClient(node.address, version=version)
        client.connect("late", code=code)
        client.wait_closed()


def _wait_back(pair, seconds=30):
    """Both are in step, serve, and pass on what the other one takes."""
    pair.wait_ready(seconds)
    for here, there in (pair.nodes, pair.nodes[::-1]):
        subscriber = connected(here.address)
        subscriber.subscribe("back", qos=1)
        connected(there.address).publish("back", there.name, qos=1)
        assert subscriber.receive().payload == there.name.encode()
        subscriber.disconnect()


class _Client(threading.Thread):
    """One that does what libraries do: goes where it is served, and sends again what was not
    acknowledged. `nodes`: where it looks, in this order."""

    def __init__(self, nodes, client_id):
        super().__init__(daemon=True)
        self.nodes = nodes
        self.client_id = client_id
        self.at = None  # the node that it is connected to, or was last
        self.turned_away = []  # codes of DISCONNECT and CONNACK
        self.error = None
        self._done = threading.Event()
        self.start()

    def finish(self, seconds=30):
        self._done.set()
        self.join(Deadline(seconds).left())
        assert not self.is_alive(), f"{self.client_id} hangs"
        if self.error:
            raise self.error

    def done(self):
        return self._done.is_set()

    def run(self):
        try:
            while not self.done():
                for node in self.nodes:
                    self._visit(node)
        except BaseException as error:  # for whoever waits in finish()
            self.error = error

    def _visit(self, node):
        client = None
        try:
            client = wire.WireClient(node.address)
            client.send(wire.connect_packet(self.client_id, clean=False, props=_EXPIRES))
            connack = client.expect(wire.CONNACK, 5)
            if connack.code:
                self.turned_away.append(connack.code)
                return
            self.at = node
            self.serve(client, node)
        except (Closed, TooLate, OSError):
            pass
        finally:
            if client:
                self._note_disconnect(client)
                client.close()

    def _note_disconnect(self, client):
        try:
            self.turned_away += [packet.code for packet in client.wait_closed(0.05)
                                 if packet.type == wire.DISCONNECT]
        except (TooLate, OSError):
            pass


class _Publisher(_Client):
    """QoS 1 or 2, one after the other; keeps when each was acknowledged, and by whom."""

    def __init__(self, nodes, client_id, topic, qos):
        self.topic, self.qos = topic, qos
        self.acknowledged = []  # (monotonic time, node name)
        self._released = False  # QoS 2: PUBREC has come for the next one
        super().__init__(nodes, client_id)

    def serve(self, client, node):
        again = True
        while not self.done():
            number = len(self.acknowledged)
            packet_id = 1 + number % 65535
            if not self._released:
                client.send(wire.publish_packet(self.topic, f"{number}", self.qos, packet_id,
                                                dup=again))
                answer = client.expect(wire.PUBREC if self.qos == 2 else wire.PUBACK, 60, packet_id)
                assert answer.code < 0x80, f"{answer.code:#x}"
                at = time.monotonic()
            if self.qos == 2:
                self._released = True
                client.acknowledge(wire.PUBREL, packet_id)
                client.expect(wire.PUBCOMP, 60, packet_id)
                at = time.monotonic()
                self._released = False
            self.acknowledged.append((at, node.name))
            again = False


class _Subscriber(_Client):
    """A persistent session; keeps what arrives, in the order in which it is complete."""

    def __init__(self, nodes, client_id, topics, qos):
        self.topics, self.qos = topics, qos
        self.got = {topic: [] for topic in topics}
        self._begun = {}  # QoS 2: packet id -> whether it was counted
        self.subscribed = threading.Event()
        super().__init__(nodes, client_id)

    def serve(self, client, node):
        if not self.subscribed.is_set():
            client.subscribe(*self.topics, qos=self.qos)
            self.subscribed.set()
        while not self.done():
            try:
                packet = client.next_packet(0.2)
            except TooLate:
                continue
            self._take(client, packet)

    def _take(self, client, packet):
        if packet.type == wire.DISCONNECT:
            self.turned_away.append(packet.code)
        elif packet.type == wire.PUBLISH and packet.qos == 2:
            if packet.packet_id not in self._begun:
                self._begun[packet.packet_id] = True
                self.got[packet.topic].append(int(packet.payload))
            client.acknowledge(wire.PUBREC, packet.packet_id)
        elif packet.type == wire.PUBLISH:
            self.got[packet.topic].append(int(packet.payload))
            client.acknowledge(wire.PUBACK, packet.packet_id)
        elif packet.type == wire.PUBREL:
            self._begun.pop(packet.packet_id, None)
            client.acknowledge(wire.PUBCOMP, packet.packet_id)


class _Traffic:
    """Publishers and subscribers on both nodes, QoS 1 and 2."""

    def __init__(self, t, pair):
        self.pair = pair
        orders = {node.name: [node, *(other for other in pair.nodes if other is not node)]
                  for node in pair.nodes}
        self.topics = {qos: {name: t.unique(f"qos{qos}-{name}") for name in orders}
                       for qos in (1, 2)}
        self.subscribers = {(qos, name): _Subscriber(order, t.unique("s"),
                                                     list(self.topics[qos].values()), qos)
                            for qos in (1, 2) for name, order in orders.items()}
        for subscriber in self.subscribers.values():
            assert subscriber.subscribed.wait(10), "no subscription"
        self.publishers = {(qos, name): _Publisher(order, t.unique("p"), self.topics[qos][name],
                                                   qos)
                           for qos in (1, 2) for name, order in orders.items()}

    def wait_progress(self, count=200, of=None, seconds=30):
        """`count` more acknowledgements to each publisher that begins at one of the nodes `of`."""
        names = [node.name for node in of or self.pair.nodes]
        aims = {key: len(publisher.acknowledged) + count
                for key, publisher in self.publishers.items() if key[1] in names}
        wait_until(lambda: all(len(self.publishers[key].acknowledged) >= aim
                               for key, aim in aims.items()), seconds,
                   f"{count} more are acknowledged")

    def finish_and_check(self):
        """Nothing acknowledged is missing anywhere; QoS 2 came once, and in order."""
        for publisher in self.publishers.values():
            publisher.finish()
        for (qos, name), subscriber in self.subscribers.items():
            for publisher in (p for (its_qos, _), p in self.publishers.items() if its_qos == qos):
                sent = len(publisher.acknowledged)
                got = subscriber.got[publisher.topic]
                wait_until(lambda: len(set(got)) >= sent, 30,
                           f"QoS {qos} subscriber of {name}: {len(set(got))} of {sent}")
        for (qos, name), subscriber in self.subscribers.items():
            subscriber.finish()
            for topic, got in subscriber.got.items():
                if qos == 2:
                    assert len(got) == len(set(got)), f"subscriber of {name}: QoS 2 repeated"
                    assert got == sorted(got), f"subscriber of {name}: QoS 2 out of order"
                first = list(dict.fromkeys(got))
                assert first == sorted(first), f"subscriber of {name}: out of order"
        return sum(len(publisher.acknowledged) for publisher in self.publishers.values())

    def acknowledgements(self, node):
        return sorted(at for publisher in self.publishers.values()
                      for at, name in publisher.acknowledged if name == node.name)


def _check_one_acknowledged(traffic, winner, loser, cut_at, healed_at):
    """After the cut the loser acknowledged nothing that was not before the winner went on."""
    of_loser = [at for at in traffic.acknowledgements(loser) if at < healed_at]
    of_winner = [at for at in traffic.acknowledgements(winner) if cut_at < at < healed_at]
    gaps = [(b - a, b) for a, b in zip([cut_at, *of_winner], of_winner)]
    stood, went_on = max(gaps)
    assert of_loser[-1] < went_on, (
        f"{loser.name} acknowledged {of_loser[-1] - went_on:.3f} s after {winner.name} went on")
    return stood, of_winner


def _pair_without_witness(t, policy):
    """(pair, a topic, a client id)"""
    pair = t.new_pair(changes={"cluster": {"on_partition": policy}})
    return pair, t.unique("topic"), t.unique("away")


def _back(node, client_id):
    """A client with a session that stays, connected (again)."""
    return connected(node.address, client_id, clean=False, props=_EXPIRES)


@test("under witness exactly one side of a partition acknowledges, and no client loses (O4, F3c)",
      seconds=150, needs_network=True)
def _(t):
    etcd, pair = _witnessed_pair(t)
    traffic = _Traffic(t, pair)
    traffic.wait_progress()
    cut_at = time.monotonic()
    with _cut(pair):
        winner, loser = _sides(pair)
        assert etcd.record()["node"] == winner.name
        _check_turned_away(loser)
        assert winner.health("ready") == 200
        traffic.wait_progress(of=pair.nodes)
        moved = [client for (_, name), client in
                 [*traffic.publishers.items(), *traffic.subscribers.items()] if name == loser.name]
        assert all(client.at is winner for client in moved), "a client of the loser did not move"
        told = [client for client in moved if _USE_ANOTHER_SERVER in client.turned_away]
        assert len(told) == len(moved), f"only {len(told)} of {len(moved)} were told why"
        assert loser.metrics().value("tandem_connections") == 0
        healed_at = time.monotonic()
    _wait_back(pair)
    traffic.wait_progress()
    total = traffic.finish_and_check()
    stood, of_winner = _check_one_acknowledged(traffic, winner, loser, cut_at, healed_at)
    t.note(f"{winner.name} won and stood {stood:.2f} s; {total} acknowledged, {len(of_winner)} of "
           f"them during the partition by it alone; QoS 2 twice: 0")


@test("the loser does not serve when the winner dies, unless the operator says so (O4)", seconds=120,
      needs_network=True)
def _(t):
    etcd, pair = _witnessed_pair(t)
    topic, client_id = t.unique("kept"), t.unique("away")
    away = _back(pair.a, client_id)
    away.subscribe(topic, qos=1)
    away.disconnect()
    connected(pair.b.address).publish(topic, "before", qos=1)
    with _cut(pair):
        winner, loser = _sides(pair)
        connected(winner.address).publish(topic, "alone", qos=1)
        winner.kill()
        _check_turned_away(loser)
        reads = loser.metrics().value("tandem_cluster_witness_decisions_total", result="lost")
        assert reads == 1, reads
        assert _standing(loser) == "severed"
    refused = t.tandemctl(loser, "resume")
    assert refused.wait(10) == 1
    force = t.tandemctl(loser, "force-serve")
    words = force.communicate(timeout=20)[0]
    assert force.returncode == 0 and "missing" in words, words
    wait_until(lambda: loser.health("ready") == 200, 5, "it serves")
    back = _back(loser, client_id)
    assert back.connack.session_present
    assert back.receive().payload == b"before", "what both had acknowledged is here"
    back.disconnect()
    winner.start()
    _wait_back(pair)


@test("without the operator, a loser whose winner died serves again once that is back (O4, O3)",
      seconds=120, needs_network=True)
def _(t):
    etcd, pair = _witnessed_pair(t)
    with _cut(pair):
        winner, loser = _sides(pair)
        winner.kill()
    winner.start()
    _wait_back(pair)
    assert loser.running()


@test("a witness that dies, or that one node does not reach, harms no pair, and is told (O4, F3d)",
      seconds=90, needs_network=True)
def _(t):
    etcd, pair = _witnessed_pair(t)
    for node in pair.nodes:
        node.wait_metric("tandem_cluster_witness_up", 1, 5)
    topic = t.unique("unaffected")
    subscriber = connected(pair.b.address)
    subscriber.subscribe(topic, qos=2)
    publisher = connected(pair.a.address)

    def alarm(nodes, seconds=2):
        begun = time.monotonic()
        for node in nodes:
            node.wait_metric("tandem_cluster_witness_up", 0, seconds)
            assert "the witness does not answer" in node.log()
        return time.monotonic() - begun

    pair.network.nft("a", """table inet witness {
                               chain out {
                                 type filter hook output priority 0;
                                 tcp dport 2379 drop
                               }
                             }
                          """)
    took = alarm([pair.a])
    assert pair.b.metrics().value("tandem_cluster_witness_up") == 1
    pair.network.nft("a", "delete table inet witness")
    pair.a.wait_metric("tandem_cluster_witness_up", 1, 5)
    etcd.kill()
    took_dead = alarm(pair.nodes)
    t.note(f"alarm after {took:.1f} s of silence, {took_dead:.1f} s after its death")
    for number in range(50):
        publisher.publish(topic, f"{number}", qos=2)
    assert [subscriber.receive().payload for _ in range(50)] == [b"%d" % n for n in range(50)]
    for node in pair.nodes:
        assert node.health("ready") == 200
        assert node.metrics().value("tandem_cluster_failovers_total") == 0
    etcd.start()
    for node in pair.nodes:
        node.wait_metric("tandem_cluster_witness_up", 1, 5)


@test("under witness the survivor of a killed node serves on, and no client of it notices (O1, O4)",
      seconds=90, needs_network=True)
def _(t):
    etcd, pair = _witnessed_pair(t)
    topic = t.unique("survives")
    client = connected(pair.b.address)
    client.subscribe(topic, qos=1)
    begun = time.monotonic()
    pair.a.kill()
    _wait_standing(pair.b, "alone", 2)
    client.publish(topic, "alone", qos=1)
    assert client.receive().payload == b"alone"
    t.note(f"acknowledges again after {time.monotonic() - begun:.2f} s")
    pair.a.start()
    _wait_back(pair)


@test("under witness a node that is stopped in order leaves the other serving, witness or not (O2)",
      seconds=90, needs_network=True)
def _(t):
    etcd, pair = _witnessed_pair(t, drain_notice="0s")
    client = connected(pair.b.address)
    client.subscribe("on", qos=1)
    etcd.kill()
    pair.a.terminate()
    assert pair.a.wait_exit(20) == 0
    client.publish("on", "yes", qos=1)
    assert client.receive().payload == b"yes"
    assert _standing(pair.b) == "alone"
    etcd.start()
    wait_until(lambda: etcd.record()["node"] == "beta", 10, "the claim is written")
    pair.a.start()
    _wait_back(pair)


@test("a node that starts without its partner serves only if the witness knows of nobody (O3, O4)",
      seconds=90, needs_network=True)
def _(t):
    etcd, pair = _witnessed_pair(t)
    for node in pair.nodes:
        node.kill()
    pair.a.start()
    _wait_standing(pair.a, "severed")
    status, body = pair.a.get("/health/ready")
    assert status == 503 and "served together last" in body, body
    pair.b.start()
    _wait_back(pair)


@test("under prefer the named node goes on alone, the other comes back by itself (O4)", seconds=90,
      needs_network=True)
def _(t):
    pair, topic, client_id = _pair_without_witness(t, "prefer:beta")
    client = _back(pair.a, client_id)
    client.subscribe(topic, qos=2)
    with _cut(pair):
        assert _sides(pair) == [pair.b, pair.a]
        assert client.wait_closed()[-1].code == _USE_ANOTHER_SERVER
        _check_turned_away(pair.a)
        client = _back(pair.b, client_id)
        assert client.connack.session_present
        client.publish(topic, "at beta", qos=2)
        assert client.receive().payload == b"at beta"
    _wait_back(pair)


@test("under stop nobody goes on, and both do when they meet again (O4)", seconds=90,
      needs_network=True)
def _(t):
    pair, topic, client_id = _pair_without_witness(t, "stop")
    client = _back(pair.b, client_id)
    client.subscribe(topic, qos=2)
    connected(pair.a.address).publish(topic, "before", qos=2)
    assert client.receive().payload == b"before"
    with _cut(pair):
        for node in pair.nodes:
            _wait_standing(node, "severed")
            _check_turned_away(node)
        assert client.wait_closed()[-1].code == _USE_ANOTHER_SERVER
    _wait_back(pair)
    client = _back(pair.a, client_id)
    assert client.connack.session_present, "both gave up what both had"
    client.publish(topic, "after", qos=2)
    assert client.receive_until(b"after") == []


@test("a node that may not be alone turns its clients away when its partner dies (O4)", seconds=90)
def _(t):
    pair = t.new_pair(changes={"cluster": {"alone": "refuse"}})
    client_id = t.unique("away")
    client = _back(pair.a, client_id)
    client.subscribe("refuse", qos=1)
    pair.b.kill()
    assert client.wait_closed()[-1].code == _USE_ANOTHER_SERVER
    _wait_standing(pair.a, "severed")
    status, body = pair.a.get("/health/ready")
    assert status == 503 and "refuse" in body, body
    pair.b.start()
    _wait_back(pair)
    client = _back(pair.b, client_id)
    assert client.connack.session_present, "alpha gave up what only it had"
