"""Topics below $SYS: figures of the cluster, for clients to read."""

from lab import packets
from lab.packets import Will
from lab.registry import config, test

_BROKER = "$SYS/broker/"


class Watch:
    """A subscriber of all of it, and the last value of each topic."""

    def __init__(self, t, node):
        self.client = t.client(node)
        self.client.subscribe("$SYS/#", qos=2)
        self.values = {}

    def until(self, what, holds):
        """Reads on until the value of a topic is right."""
        while not (what in self.values and holds(self.values[what])):
            got = self.client.message()
            assert got.topic.startswith(_BROKER) and got.qos == 0, f"got {got}"
            self.values[got.topic.removeprefix(_BROKER)] = got.payload.decode()
        return self.values[what]


@test(v5="4.7.2-b", v3="4.7.2-b", alone=True, on=config("sys", mqtt={"sys_interval": "1s"}))
def figures_of_the_cluster_are_the_same_on_both_nodes(t):
    watches = [Watch(t, t.here), Watch(t, t.there)]
    p, others = t.client(), [t.other(), t.client(), t.other()]
    for n in range(7):
        p.publish(t.topic(str(n)), b"x", qos=1, retain=1)
    others[0].subscribe(t.topic("a"), t.topic("b"), "$share/g/c")
    away = t.session(node=t.there)
    away.drop()
    for watch in watches:
        watch.until("clients/connected", lambda value: value == "6")
        watch.until("clients/total", lambda value: value == "7")
        watch.until("clients/disconnected", lambda value: value == "1")
        watch.until("subscriptions/count", lambda value: value == "5")
        watch.until("retained messages/count", lambda value: value == "7")
        watch.until("publish/messages/received", lambda value: value == "7")
        watch.until("publish/bytes/received", lambda value: value == "7")
        watch.until("shared_subscriptions/count", lambda value: value == "1")
        watch.until("heap/current", lambda value: int(value) > 1000)
        watch.until("heap/maximum", lambda value: int(value) > 1000)
        watch.until("messages/received", lambda value: int(value) > 10)
        watch.until("bytes/sent", lambda value: int(value) > 100)
        watch.until("version", lambda value: value.startswith("tandem version "))
        watch.until("load/connections/1min", lambda value: float(value) > 0)
        for node in t.deployment.nodes:
            watch.until(f"cluster/{node.name}/state", lambda value: value == "serving")
    for c in others[1:]:
        c.leave()
    for watch in watches:
        watch.until("clients/connected", lambda value: value == "4")
        watch.until("clients/maximum", lambda value: value in ("6", "7"))


@test(v5="", v3="", alone=True, on="sys")
def each_value_is_published_once(t):
    """Both nodes publish; a client sees what one does: the seconds of uptime grow."""
    for watch in (Watch(t, t.here), Watch(t, t.there)):
        seen = []
        while len(seen) < 4:
            got = watch.client.message()
            if got.topic == _BROKER + "uptime":
                seen.append(int(got.payload.decode().removesuffix(" seconds")))
        assert seen == sorted(set(seen)), f"uptime went {seen}"


@test(v5="", v3="", on=config("no-sys", mqtt={"sys_interval": "0"}))
def nothing_is_published_if_the_interval_is_zero(t):
    s = t.client()
    s.subscribe("$SYS/#")
    t.after(1)
    s.quiet()


@test(v5="", two=True, one=False, alone=True, on="sys")
def the_state_of_a_partner_that_is_gone_is_told(t):
    watch = Watch(t, t.here)
    name = t.there.name
    watch.until(f"cluster/{name}/state", lambda value: value == "serving")
    t.there.kill()
    watch.until(f"cluster/{name}/state", lambda value: value == "away")
    t.there.start()
    t.there.wait_ready(30)
    watch.until(f"cluster/{name}/state", lambda value: value == "serving")


@test(v5="4.3-a A10", v3="3.3.5-2 A10")
def a_publish_below_sys_is_refused_and_dropped(t):
    s, p = t.other(), t.client()
    s.subscribe("$SYS/x/#", t.topic("end"), qos=2)
    for qos in (0, 1, 2):
        got = p.publish("$SYS/x/" + t.id(), b"mine", qos=qos, retain=qos % 2)
        if t.v == 5 and qos:
            assert got.reason == 0x87, f"got {got}"
    p.publish(t.topic("end"), b"end")
    s.take(b"end")
    late = t.other()
    late.subscribe("$SYS/x/#")
    late.quiet()


@test(v5="A10", v3="3.3.5-2 A10", two=False,
      on=config("denied", mqtt={"close_on_denied_publish": True}))
def a_publish_below_sys_may_end_the_connection(t):
    for qos in (0, 1, 2):
        p = t.client()
        p.send(packets.publish(t.v, "$SYS/x", b"mine", qos, 1 if qos else None))
        p.refused(0x87)


@test(v5="A4", v3="A4", two=False)
def a_will_below_sys_is_refused(t):
    c = t.open()
    c.send(packets.connect(t.v, t.id(), will=Will("$SYS/broker/version")))
    assert c.expect_type("CONNACK").reason == (0x87 if t.v == 5 else 5)
    c.ends()
