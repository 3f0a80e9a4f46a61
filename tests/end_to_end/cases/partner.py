"""Death, silence and return of the other node (O1, O3, P4, P8)."""

import threading
import time

from harness import wire
from harness.deadline import stretched, wait_until
from harness.registry import test
from harness.wire import Closed, connected

_EXPIRES = [(wire.SESSION_EXPIRY, 3600)]


def _peer_up(node):
    return node.metrics().value("tandem_cluster_peer_up")


def _seconds_until_gone(node, seconds):
    begun = time.monotonic()
    wait_until(lambda: _peer_up(node) == 0, seconds, f"{node.name} notices", pause=0.002)
    return time.monotonic() - begun


@test("epochs go on rising over the death of both nodes, each time the same on both", seconds=90)
def _(t):
    pair = t.new_pair()
    last = 0
    for deaths in range(3):
        epochs = [node.metrics().value("tandem_cluster_epoch") for node in pair.nodes]
        stored = [node.metrics().value("tandem_cluster_epoch_stored") for node in pair.nodes]
        assert epochs[0] == epochs[1] > last, f"{epochs} after {deaths} deaths; before: {last}"
        assert min(stored) >= epochs[0], f"{stored} are stored in epoch {epochs[0]}"
        last = epochs[0]
        pair.kill()
        pair.start().wait_ready()


@test("a partner that is killed is noticed at once, and the survivor serves on (O1)", seconds=60)
def _(t):
    pair = t.new_pair()
    topic = t.unique("survives")
    client = connected(pair.b.address)
    client.subscribe(topic, qos=1)
    pair.a.kill()
    took = _seconds_until_gone(pair.b, 0.5)
    t.note(f"noticed after {took * 1000:.0f} ms")
    assert pair.b.health("ready") == 200
    client.publish(topic, "alone", qos=1)
    assert client.receive().payload == b"alone"
    other = connected(pair.b.address)
    other.publish(topic, "new client", qos=2)
    assert client.receive().payload == b"new client"
    assert pair.b.metrics().value("tandem_cluster_failovers_total") == 1


@test("a cut cable of the cluster network is noticed within failure_after (O1)", seconds=60,
      needs_network=True)
def _(t):
    for name, cut, heal in (
            ("link down", lambda net: net.cut("cluster"), lambda net: net.heal("cluster")),
            ("silence one way", lambda net: net.drop_silently("cluster"),
             lambda net: net.stop_dropping())):
        pair = t.new_pair()
        cut(pair.network)
        try:
            took = max(_seconds_until_gone(node, 5) for node in pair.nodes)
            t.note(f"{name}: {took:.2f} s")
            assert took < stretched(1.5), f"{name}: {took:.2f} s, failure_after is 1 s"
            for node in pair.nodes:
                assert node.health("ready") == 200, f"{node.name} does not serve"
                client = connected(node.address)
                client.subscribe("cut", qos=1)
                client.publish("cut", node.name, qos=1)
                assert client.receive().payload == node.name.encode()
                client.disconnect()
        finally:
            heal(pair.network)


@test("with a spare path, a cut cluster network changes nothing for clients", seconds=60,
      needs_network=True)
def _(t):
    pair = t.new_pair(spare_path=True)
    topic = t.unique("spare")
    subscriber = connected(pair.b.address)
    subscriber.subscribe(topic, qos=1)
    publisher = connected(pair.a.address)
    pair.network.cut("cluster")
    try:
        for number in range(20):
            publisher.publish(topic, f"{number}", qos=1)
        got = [subscriber.receive().payload for _ in range(20)]
        assert got == [b"%d" % number for number in range(20)], got
        assert all(node.metrics().value("tandem_cluster_failovers_total") == 0
                   for node in pair.nodes), "a node took over although the partner lives"
    finally:
        pair.network.heal("cluster")


@test("a node that comes back is not ready before it is in step, and misses nothing (O3)",
      seconds=90)
def _(t):
    pair = t.new_pair()
    topic, client_id = t.unique("back"), t.unique("away")
    away = connected(pair.b.address, client_id, clean=False, props=_EXPIRES)
    away.subscribe(f"{topic}/queued", qos=1)
    away.disconnect()
    living = connected(pair.b.address)
    living.subscribe(f"{topic}/live", qos=1)
    writer = connected(pair.b.address)
    for number in range(100):
        writer.publish(f"{topic}/retained/{number}", f"first {number}", qos=1, retain=True)
    pair.a.kill()
    wait_until(lambda: _peer_up(pair.b) == 0, 5, "beta notices")
    for number in range(100):  # what alpha must learn: changed, cleared and new values
        writer.publish(f"{topic}/retained/{number * 2}", b"" if number % 2 else b"later", qos=1,
                       retain=True)
        writer.publish(f"{topic}/queued", f"{number}", qos=1)
    late = connected(pair.b.address)
    late.subscribe(f"{topic}/late", qos=1)

    pair.a.start()
    _check_ready_only_in_step(pair.a)
    pair.wait_ready()
    publisher = connected(pair.a.address)
    publisher.publish(f"{topic}/live", "interest is back", qos=1)
    assert living.receive().payload == b"interest is back"
    publisher.publish(f"{topic}/late", "so is the new one", qos=1)
    assert late.receive().payload == b"so is the new one"
    assert _retained(t, pair.a, topic) == _retained(t, pair.b, topic) == _expected_retained(topic)
    home = connected(pair.a.address, client_id, clean=False, props=_EXPIRES)
    assert home.connack.session_present, "the session did not come over"
    got = [home.receive().payload for _ in range(100)]
    assert got == [b"%d" % number for number in range(100)], got
    home.disconnect()


def _check_ready_only_in_step(node):
    """From the first answer of its admin port on: never 200 before the metric says in step."""
    def ready():
        in_step_before = None
        status = node.health("ready")
        if status == 200:
            in_step_before = node.metrics().value("tandem_cluster_in_step")
            assert in_step_before == 1, f"ready, but in step is {in_step_before}"
        return status == 200
    wait_until(ready, 20, f"{node.name} is ready", pause=0.001)


def _expected_retained(topic):
    values = {f"{topic}/retained/{number}": f"first {number}".encode() for number in range(100)}
    for number in range(100):
        name = f"{topic}/retained/{number * 2}"
        if number % 2:
            values.pop(name, None)
        else:
            values[name] = b"later"
    return values


def _retained(t, node, topic):
    reader = connected(node.address)
    reader.subscribe(f"{topic}/retained/#", qos=1)
    marker = t.unique("marker")
    reader.subscribe(marker, qos=1)
    reader.publish(marker, "end", qos=1)
    values = {}
    while True:
        message = reader.receive()
        if message.topic == marker:
            reader.disconnect()
            return values
        assert message.retain and message.topic not in values, message
        values[message.topic] = message.payload


@test("what a node acknowledges alone is counted until its partner has it, too (O3, P4)", seconds=60)
def _(t):
    pair, topic = t.new_pair(), t.unique("exposed")
    away = connected(pair.b.address, t.unique("away"), clean=False, props=_EXPIRES)
    away.subscribe(topic, qos=2)
    away.disconnect()
    publisher = connected(pair.b.address)
    publisher.publish(topic, "paired", qos=1)
    assert _exposed(pair.b) == (0, 0)
    pair.a.kill()
    pair.b.wait_metric("tandem_cluster_peer_up", 0)
    for number in range(30):
        publisher.publish(topic, f"{number}", qos=number % 3)
    pair.b.wait_metric("tandem_cluster_exposed_messages", 20)
    messages, seconds = _exposed(pair.b)
    assert messages == 20 and 0 < seconds < stretched(20), f"{messages}, {seconds}"
    out, _ = t.tandemctl(pair.b, "status").communicate(timeout=stretched(10))
    assert '"exposed":{"messages":20,' in out, out
    wait_until(lambda: "exposed: what is acknowledged" in pair.b.log(), 5, "the log says so")

    pair.a.start()
    pair.wait_ready()
    for node in pair.nodes:
        node.wait_metric("tandem_cluster_exposed_messages", 0)
        node.wait_metric("tandem_cluster_exposure_seconds", 0)
    wait_until(lambda: "no longer exposed" in pair.b.log(), 5, "the log says that it is over")
    publisher.publish(topic, "paired again", qos=1)
    assert _exposed(pair.b) == (0, 0)


def _exposed(node):
    """(messages, seconds), as the admin API and the metrics say alike."""
    exposed = node.api("cluster")["exposed"]
    assert node.metrics().value("tandem_cluster_exposed_messages") == exposed["messages"]
    return exposed["messages"], exposed["seconds"]


@test("when both sides of a cut have served, each tells what came of it (O4)", seconds=90,
      needs_network=True)
def _(t):
    pair, topic, client_id = t.new_pair(), t.unique("merge"), t.unique("client")
    alpha, beta = connected(pair.a.address), connected(pair.b.address)
    subscriber = connected(pair.a.address, client_id, clean=False, props=_EXPIRES)
    for what in ("kept", "dropped"):
        subscriber.subscribe(f"{topic}/{what}", qos=1)
    pair.network.cut("cluster")
    for node in pair.nodes:
        node.wait_metric("tandem_cluster_peer_up", 0)
    for number in range(3):
        alpha.publish(f"{topic}/kept", f"alpha {number}", qos=1)
    for number in range(4):
        beta.publish(f"{topic}/kept", f"beta {number}", qos=1)
    alpha.publish(f"{topic}/retained", "alpha", qos=1, retain=True)
    beta.publish(f"{topic}/retained", "beta", qos=1, retain=True)
    subscriber.unsubscribe(f"{topic}/dropped")
    pair.network.heal("cluster")
    pair.wait_paired()
    wait_until(lambda: all(node.api("merges")["merges"] for node in pair.nodes), 10,
               "both nodes tell of the merge")
    told = {node.name: node.api("merges") for node in pair.nodes}
    for name, partner, accepted, there in (("alpha", "beta", 4, 5), ("beta", "alpha", 5, 4)):
        assert (told[name]["node"], told[name]["partner"]) == (name, partner), told[name]
        (merge,) = told[name]["merges"]
        counts = merge["counts"]
        assert merge["whole"] and 0 < merge["parted_at_ms"] < merge["met_at_ms"], merge
        assert (counts["accepted_here"], counts["accepted_there"]) == (accepted, there), counts
        (retained,) = [c for c in merge["conflicts"] if c["kind"] == "retained"]
        assert (retained["key"], retained["winner"]) == (f"{topic}/retained", "beta"), retained
    counts = told["alpha"]["merges"][0]["counts"]  # where the subscriber's session goes on
    assert (counts["messages_united"], counts["subscriptions_dropped"]) == (4, 1), counts
    dropped = [c for c in told["alpha"]["merges"][0]["conflicts"] if c["kind"] == "subscription"]
    assert [(c["key"], c["filter"], c["winner"]) for c in dropped] == \
        [(client_id, f"{topic}/dropped", "alpha")], dropped

    got = [subscriber.receive().payload for _ in range(7)]
    assert got == [b"alpha %d" % n for n in range(3)] + [b"beta %d" % n for n in range(4)], got
    beta.publish(f"{topic}/dropped", "nobody", qos=1)
    beta.publish(f"{topic}/kept", "end", qos=1)
    assert subscriber.receive().payload == b"end", "an unsubscribe came back"
    for node in pair.nodes:
        assert node.metrics().value("tandem_cluster_merges_total") == 1
        assert "both nodes had served: merged" in node.log()
    assert pair.a.metrics().value("tandem_cluster_merge_results_total", what="messages_united") == 4


@test("a client refused by a node that is not in step finds the other one serving (O3)", seconds=60)
def _(t):
    pair = t.new_pair(changes={"cluster": {"alone": "refuse"}}, start=False)
    pair.a.start()
    wait_until(lambda: pair.a.health("live") == 200, 10, "alpha lives")
    assert pair.a.health("ready") == 503, "ready although it waits for its partner"
    try:
        client = wire.WireClient(pair.a.address)
        client.send(wire.connect_packet("early"))
        code = client.expect(wire.CONNACK).code
        assert code in (0x88, 0x89), f"CONNACK {code:#x} while waiting"
    except (ConnectionRefusedError, Closed):
        pass  # not listening yet says the same
    pair.b.start()
    pair.wait_ready()
    connected(pair.a.address).disconnect()


@test("a node that does not find its partner serves alone (O1)", seconds=30)
def _(t):
    pair = t.new_pair(start=False)
    pair.a.start()
    begun = time.monotonic()
    pair.a.wait_ready(10)
    t.note(f"ready after {time.monotonic() - begun:.1f} s")
    client = connected(pair.a.address)
    client.subscribe("alone", qos=2)
    client.publish("alone", "yes", qos=2)
    assert client.receive().payload == b"yes"


@test("subscribers of the survivor lose no acknowledged message of a killed node (P4, P6)",
      seconds=90)
def _(t):
    for victim_first in (True, False):
        pair = t.new_pair()
        victim, survivor = (pair.a, pair.b) if victim_first else (pair.b, pair.a)
        topic, client_id = t.unique("kept"), t.unique("away")
        subscriber = connected(survivor.address, t.unique("live"))
        subscriber.subscribe(topic, qos=1)
        away = connected(survivor.address, client_id, clean=False, props=_EXPIRES)
        away.subscribe(topic, qos=1)
        away.disconnect()
        acknowledged = _publish_until_killed(victim, topic, at_least=500)
        t.note(f"{acknowledged} acknowledged")
        back = connected(survivor.address, client_id, clean=False, props=_EXPIRES)
        for name, client in (("connected", subscriber), ("away", back)):
            _check_kept(name, client, acknowledged)
        back.disconnect()


@test("no acknowledged message is lost to sessions of the node that is killed (P4, P6)", seconds=90)
def _(t):
    pair, topic, client_id = t.new_pair(), t.unique("kept"), t.unique("away")
    away = connected(pair.a.address, client_id, clean=False, props=_EXPIRES)
    away.subscribe(topic, qos=1)
    away.disconnect()
    acknowledged = _publish_until_killed(pair.a, topic, at_least=500)
    back = connected(pair.b.address, client_id, clean=False, props=_EXPIRES)
    assert back.connack.session_present
    _check_kept("away", back, acknowledged)


def _check_kept(name, client, acknowledged):
    numbers = _numbers(client, acknowledged)
    assert numbers == list(range(acknowledged)), f"{name}: lost or reordered"


def _publish_until_killed(node, topic, at_least):
    """QoS 1 with a window; SIGKILL falls while more are on the way. How many were acknowledged."""
    publisher = connected(node.address)
    window, sent, acknowledged = 50, 0, 0
    killer = threading.Thread(target=node.kill)
    try:
        while True:
            while sent - acknowledged < window:
                publisher.send(wire.publish_packet(topic, f"{sent}", 1, 1 + sent % 65535))
                sent += 1
            publisher.expect(wire.PUBACK, packet_id=1 + acknowledged % 65535)
            acknowledged += 1
            if acknowledged == at_least:
                killer.start()
    except (Closed, BrokenPipeError, ConnectionResetError):
        killer.join()
        return acknowledged


def _numbers(client, at_least):
    """What arrives, in order, without the repetitions that QoS 1 allows after a failover."""
    numbers, seen = [], set()
    while len(numbers) < at_least:
        number = int(client.receive(5).payload)
        if number not in seen:
            numbers.append(number)
        seen.add(number)
    return numbers


@test("QoS 2 messages arrive once although a node is killed between the packets (P5)", seconds=90)
def _(t):
    pair = t.new_pair()
    topic, sender_id, taker_id = t.unique("once"), t.unique("sender"), t.unique("taker")
    taker = connected(pair.a.address, taker_id, clean=False, props=_EXPIRES)
    taker.subscribe(topic, qos=2)
    sender = connected(pair.a.address, sender_id, clean=False, props=_EXPIRES)
    for packet_id in (1, 2, 3):
        sender.send(wire.publish_packet(topic, f"{packet_id}", 2, packet_id))
        sender.expect(wire.PUBREC, packet_id=packet_id)
    sender.acknowledge(wire.PUBREL, 1)
    sender.expect(wire.PUBCOMP, packet_id=1)
    first = taker.expect(wire.PUBLISH)
    taker.acknowledge(wire.PUBREC, first.packet_id)
    taker.expect(wire.PUBREL, packet_id=first.packet_id)
    second = taker.expect(wire.PUBLISH)
    pair.a.kill()

    taker = connected(pair.b.address, taker_id, clean=False, props=_EXPIRES)
    sender = connected(pair.b.address, sender_id, clean=False, props=_EXPIRES)
    assert taker.connack.session_present and sender.connack.session_present
    for packet_id in (2, 3):  # PUBREC may have been lost for all that the sender knows
        sender.send(wire.publish_packet(topic, f"{packet_id}", 2, packet_id, dup=True))
        sender.expect(wire.PUBREC, packet_id=packet_id)
        sender.acknowledge(wire.PUBREL, packet_id)
        sender.expect(wire.PUBCOMP, packet_id=packet_id)
    sender.publish(topic, "end", qos=2)
    taker.expect(wire.PUBREL, packet_id=first.packet_id)
    taker.acknowledge(wire.PUBCOMP, first.packet_id)
    again = taker.receive_until(b"end")
    assert again == [b"2", b"3"], f"{again} after 1 was taken; {second.payload} was on the way"


@test("the survivor publishes the wills of a killed node's clients, each once (P8)", seconds=60)
def _(t):
    pair = t.new_pair()
    topic, count = t.unique("wills"), 50
    watcher = connected(pair.b.address)
    watcher.subscribe(f"{topic}/#", qos=1)
    clients = [connected(pair.a.address, f"{topic}-{number}", clean=False, props=_EXPIRES,
                         will=wire.Will(f"{topic}/{number}", b"will", 1, False,
                                        [(wire.WILL_DELAY, 2)] if number < 10 else []))
               for number in range(count)]
    pair.a.kill()
    for number in range(5):  # back before their delay has passed
        clients[number] = connected(pair.b.address, f"{topic}-{number}", clean=False,
                                    props=_EXPIRES)
    got = [watcher.receive(8).topic for _ in range(count - 5)]
    expected = [f"{topic}/{number}" for number in range(5, count)]
    assert sorted(got) == sorted(expected), got
    watcher.publish(f"{topic}/end", "end", qos=1)
    assert watcher.receive_until(b"end") == [], "a will came twice, or of a client that is back"


@test("a partition under policy serve heals: both nodes agree again and serve each other (O4, P9)",
      seconds=90, needs_network=True)
def _(t):
    pair = t.new_pair()
    topic = t.unique("heals")
    subscriber = connected(pair.b.address)
    subscriber.subscribe(f"{topic}/live", qos=1)
    pair.network.cut("cluster")
    try:
        for node in pair.nodes:
            wait_until(lambda node=node: _peer_up(node) == 0, 5, f"{node.name} notices")
        for node in pair.nodes:  # in this order, so that beta's write is the later one
            writer = connected(node.address)
            writer.publish(f"{topic}/retained/0", node.name, qos=1, retain=True)
            writer.publish(f"{topic}/retained/{node.name}", node.name, qos=1, retain=True)
            writer.disconnect()
    finally:
        pair.network.heal("cluster")
    pair.wait_paired(20)
    values = [_retained(t, node, topic) for node in pair.nodes]
    assert values[0] == values[1] == {f"{topic}/retained/0": b"beta",
                                      f"{topic}/retained/alpha": b"alpha",
                                      f"{topic}/retained/beta": b"beta"}, values
    publisher = connected(pair.a.address)
    publisher.publish(f"{topic}/live", "healed", qos=1)
    assert subscriber.receive(stretched(5)).payload == b"healed"


@test("two nodes without a list find each other by multicast, on the interface named (P1)",
      seconds=60, needs_network=True)
def _(t):
    pair = t.new_pair(changes={"cluster": {"discovery": "multicast", "interface": "cluster",
                                           "member": []}})
    before = {side: pair.network.counters(side)["client_network_out"][0] for side in "ab"}
    topic = t.unique("found")
    subscriber = connected(pair.a.address)
    subscriber.subscribe(topic, qos=1)
    publisher = connected(pair.b.address)
    publisher.publish(topic, "across", qos=1)
    assert subscriber.receive().payload == b"across"
    assert pair.a.metrics().value("tandem_cluster_forwarded_total", direction="in") == 1
    for side in "ab":
        sent = pair.network.counters(side)["client_network_out"][0] - before[side]
        assert sent == 0, f"host {side} sent {sent} packets to the other over the client network"


@test("a node that returns without a list is found again", seconds=60, needs_network=True)
def _(t):
    pair = t.new_pair(changes={"cluster": {"discovery": "multicast", "interface": "cluster",
                                           "member": []}})
    pair.a.kill()
    wait_until(lambda: _peer_up(pair.b) == 0, 5, "beta notices")
    pair.a.start()
    pair.wait_ready()
