"""What the statements mean when a node dies or stops: each test has nodes of its own."""

import signal

from lab import packets
from lab.packets import Will
from lab.properties import SERVER_REFERENCE, WILL_DELAY
from lab.registry import test


def _survivor(t):
    t.here.kill()
    t.deployment.nodes.remove(t.here)
    t.there.wait_metric("tandem_cluster_peer_up", 0, 20)


@test(v5="4.3.2-4 4.5.0-1 4.1-a", v3="4.3.2-2 4.5.0-1 4.1.0-1", one=False, alone=True)
def what_was_acknowledged_survives_the_node_that_acknowledged_it(t):
    topic = t.topic("x")
    sessions = [t.session(node=node) for node in (t.here, t.there)]
    for s in sessions:
        s.subscribe(topic, qos=1)
        s.drop()
    connected = t.other()
    connected.subscribe(topic, qos=1)
    p = t.client()
    for n in range(20):
        p.publish(topic, str(n), qos=1 + n % 2)
    _survivor(t)
    for s in (connected, *(t.session(s.client_id, t.there) for s in sessions)):
        for n in range(20):
            s.take(str(n))


@test(v5="4.3.3-8 4.3.3-10", v3="4.3.3-2", one=False, alone=True)
def a_qos_2_flow_goes_on_at_the_other_node(t):
    topic, s, p = t.topic("x"), t.other(), t.session()
    s.subscribe(topic, qos=2)
    p.send(packets.publish(t.v, topic, b"x", 2, 7))
    p.expect("50 02" "00 07")
    s.take(b"x")
    _survivor(t)
    p = t.session(p.client_id, t.there)
    assert p.connack.session_present == 1
    p.send(packets.publish(t.v, topic, b"x", 2, 7, dup=1))
    p.expect("50 02" "00 07")
    p.send(packets.ack("PUBREL", 7))
    p.expect("70 02" "00 07")
    t.nothing_of(s, t.other(), topic, qos=2)


@test(v5="4.3.3-5 4.3.3-6 4.4.0-1", v3="4.3.3-1 4.4.0-1", one=False, alone=True)
def a_qos_2_delivery_goes_on_at_the_other_node(t):
    topic, s, p = t.topic("x"), t.session(), t.other()
    s.subscribe(topic, qos=2)
    p.publish(topic, b"released", qos=2)
    p.publish(topic, b"sent", qos=2)
    released, sent = s.message(b"released"), s.message(b"sent")
    s.send(packets.ack("PUBREC", released.packet_id))
    s.expect_type("PUBREL")
    _survivor(t)
    s = t.session(s.client_id, t.there)
    assert s.expect_type("PUBREL").packet_id == released.packet_id
    s.send(packets.ack("PUBCOMP", released.packet_id))
    s.take(b"sent", packet_id=sent.packet_id, dup=1)
    s.quiet()


@test(v5="3.1.2-7 3.1.2.5-b A5", v3="3.1.2-8 3.1.2.5-b", one=False, alone=True)
def the_wills_of_a_dead_nodes_clients_are_published_by_the_other(t):
    topic, watcher = t.topic("will"), t.other()
    watcher.subscribe(topic, qos=1)
    t.client(will=Will(topic, b"due", qos=1))
    _survivor(t)
    watcher.take(b"due")
    t.nothing_of(watcher, t.other(), topic, qos=1)


@test(v5="3.1.3-9", one=False, alone=True)
def a_client_of_a_dead_node_that_is_back_in_time_has_no_will_published(t):
    topic, watcher = t.topic("will"), t.other()
    watcher.subscribe(topic, qos=1)
    s = t.session(will=Will(topic, b"cancelled", properties=[(WILL_DELAY, 4)]))
    _survivor(t)
    t.session(s.client_id, t.there)
    t.here = t.there
    t.after(7)
    t.nothing_of(watcher, t.other(), topic, qos=1)


@test(v5="3.3.1.3-b 3.12.4-1", v3="4.1-a 3.12.4-1", one=False, alone=True)
def retained_messages_and_connections_survive_the_other_node(t):
    topic = t.topic("x")
    t.client().publish(topic, b"kept", qos=0, retain=1)
    t.other().publish(t.topic("y"), b"kept", qos=1, retain=1)
    stays = t.other()
    p = t.client()
    p.publish(t.topic("z"), b"behind", qos=1)
    stays.subscribe(topic)
    stays.message(b"kept")
    _survivor(t)
    stays.quiet()
    late = t.other()
    late.subscribe(topic, t.topic("y"))
    assert {late.message(b"kept", retain=1).topic for _ in range(2)} == {topic, t.topic("y")}


@test(v5="A48 3.2.2.3.16-a 4.11-a 3.14-a", v3="A48", alone=True)
def a_node_that_stops_says_so_and_closes(t):
    c = t.client()
    t.here.signal(signal.SIGTERM)
    got = c.refused(0x9C if t.pair else 0x8B)  # use another server, if there is one
    assert got is None or got.prop(SERVER_REFERENCE) is None
    assert t.here.wait_exit(20) == 0
    t.deployment.nodes.remove(t.here)
