"""What an operator sees: configuration errors, exit codes, logs, metrics, the end of a node."""

import os
import re
import signal
import socket
import subprocess

from harness import linux, wire
from harness.deadline import stretched, wait_until
from harness.node import ADMIN_PORT
from harness.registry import test
from harness.wire import WireClient, connected

_RULES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../tools/prometheus")
_UNIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../tools/systemd/tandem.service")

_MINIMAL = """[[listener]]
address = "127.0.0.1:21883"
[auth]
allow_anonymous = true
"""


def _tandemd(t, *arguments, config=None, environment=None):
    """Runs it to its end: (exit code, stdout, stderr)."""
    command = [*t.options.program]
    if config is not None:
        path = t.new_path("tandem.toml")
        with open(path, "w") as file:
            file.write(config)
        command += ["--config", path]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True,
                          timeout=stretched(10), env={**os.environ, **(environment or {})})
    return done.returncode, done.stdout, done.stderr


@test("--check-config accepts a good file and starts nothing (O6)")
def _(t):
    code, out, err = _tandemd(t, "--check-config", config=_MINIMAL)
    assert (code, err) == (0, ""), (code, out, err)
    assert out.strip(), "it says that all is well"


@test("--check-config names file, line and reason of every mistake at once (O6)")
def _(t):
    mistakes = _MINIMAL + """[mqtt]
max_packet_size = "big"
max_qqos = 1
receive_maximum = 0
[queue]
when_full = "panic"
"""
    code, _, err = _tandemd(t, "--check-config", config=mistakes)
    assert code == 2, (code, err)
    for line, words in ((6, "max_packet_size"), (7, "max_qqos"), (8, "receive_maximum"),
                        (10, "when_full")):
        assert re.search(rf"tandem\.toml\S*:{line}:.*{words}", err), f"line {line} {words}:\n{err}"
    assert "mqtt.max_qos" in err, f"no suggestion for a mistyped key:\n{err}"


_REFUSED = {
    "no TOML": ("[node\nname = 1", 1, "tandem.toml"),
    "a cluster of one": (_MINIMAL + '[node]\nname = "alpha"\n[[cluster.member]]\nname = "alpha"\n'
                         'links = ["127.0.0.1:7883"]\n', None, "exactly two"),
    "links without a secret beyond loopback": (
        _MINIMAL + '[node]\nname = "alpha"\n[[cluster.member]]\nname = "alpha"\n'
        'links = ["10.9.0.1:7883"]\n[[cluster.member]]\nname = "beta"\n'
        'links = ["10.9.0.2:7883"]\n', None, "secret_file"),
    "two listeners on one port": (
        _MINIMAL + '[admin]\naddress = "127.0.0.1:21883"\n', None, "taken"),
    "an unknown section": (_MINIMAL + "[brokr]\nx = 1\n", 5, "brokr"),
    "a name that is no address": (
        _MINIMAL.replace("127.0.0.1", "example.org"), 2, "numeric"),
}


@test("a configuration that cannot be right is refused with exit code 2, and says why (O6)")
def _(t):
    for what, (config, line, words) in _REFUSED.items():
        for extra in (["--check-config"], []):
            code, _, err = _tandemd(t, *extra, config=config)
            assert code == 2, f"{what} {extra}: exit code {code}\n{err}"
            assert words in err, f"{what}: {err}"
            assert line is None or f":{line}:" in err, f"{what}: line {line} is not in {err}"


@test("--set overrides the environment, that the file; each names itself when wrong (O6)")
def _(t):
    code, _, err = _tandemd(t, "--check-config", "--set", "mqtt.max_qos=9", config=_MINIMAL)
    assert code == 2 and "--set" in err and "mqtt.max_qos" in err, (code, err)
    code, _, err = _tandemd(t, "--check-config", config=_MINIMAL,
                            environment={"TANDEM_MQTT__MAX_QOS": "9"})
    assert code == 2 and "TANDEM_MQTT__MAX_QOS" in err, (code, err)
    good = _tandemd(t, "--check-config", "--set", "mqtt.max_qos=1",
                    config=_MINIMAL + "[mqtt]\nmax_qos = 0\n",
                    environment={"TANDEM_MQTT__MAX_QOS": "2"})
    assert good[0] == 0, good


@test("--version and --help exit with 0, an unknown option with 2")
def _(t):
    code, out, _ = _tandemd(t, "--version")
    assert code == 0 and re.match(r"tandemd \d+\.\d+\.\d+", out), (code, out)
    code, out, _ = _tandemd(t, "--help")
    assert code == 0 and "--check-config" in out, (code, out)
    code, _, err = _tandemd(t, "--no-such-option")
    assert code == 2, (code, err)
    code, _, err = _tandemd(t, "--config", "/nonexistent/tandem.toml")
    assert code == 2 and "/nonexistent/tandem.toml" in err, (code, err)


@test("a second node on the same ports says so and exits with 1, the first serves on")
def _(t):
    first = t.new_node()
    second = subprocess.run(_command_of(t, first), capture_output=True, text=True,
                            timeout=stretched(10))
    assert second.returncode == 1, (second.returncode, second.stderr)
    output = second.stdout + second.stderr
    assert "in use" in output and str(first.address) in output, output
    client = connected(first.address)
    client.ping()
    client.disconnect()


@test("a node with the data directory of its partner says so and exits with 1, both serve on")
def _(t):
    pair = t.pair()
    theirs = pair.a.config["node"]["data_dir"]
    third = subprocess.run(_command_of(t, pair.b) + ["--set", f"node.data_dir={theirs}"],
                           capture_output=True, text=True, timeout=stretched(10))
    output = third.stdout + third.stderr
    assert third.returncode == 1, (third.returncode, output)
    assert "another node" in output and theirs in output, output
    assert pair.healthy()


def _command_of(t, node):
    command = [*t.options.program, "--config", os.path.join(node.directory, "tandem.toml")]
    return ["ip", "netns", "exec", node.namespace, *command] if node.namespace else command


@test("SIGTERM ends a node in order: clients are told 0x8B, exit code 0", seconds=30)
def _(t):
    for number in (signal.SIGTERM, signal.SIGINT):
        node = t.new_node()
        modern, older = connected(node.address), connected(node.address, "older", version=4)
        will = wire.Will("stop", b"will", 1)
        connected(node.address, "with will", will=will)
        node.signal(number)
        farewell = modern.wait_closed()
        assert [(packet.type, packet.code) for packet in farewell] == [(wire.DISCONNECT, 0x8B)], (
            f"{farewell}")
        assert older.wait_closed() == [], "3.1.1 knows no DISCONNECT of the broker"
        assert node.wait_exit() == 0, node.log_tail(10)


@test("SIGTERM on one node of a pair: the other knows at once, and serves its clients", seconds=60)
def _(t):
    pair, topic = t.new_pair(), t.unique("stops")
    client = connected(pair.a.address, t.unique("moves"))
    pair.a.terminate()
    assert client.wait_closed()[-1].code == 0x9C
    assert pair.a.wait_exit() == 0
    wait_until(lambda: pair.b.metrics().value("tandem_cluster_peer_up") == 0, 1, "beta knows")
    assert pair.b.health("ready") == 200
    moved = connected(pair.b.address)
    moved.subscribe(topic, qos=2)
    moved.publish(topic, "after", qos=2)
    assert moved.receive().payload == b"after"


@test("sessions move to the other node when theirs is stopped by SIGTERM (P1, O2)", seconds=60)
def _(t):
    pair, topic, client_id = t.new_pair(), t.unique("moves"), t.unique("moves")
    expires = [(wire.SESSION_EXPIRY, 3600)]
    client = connected(pair.a.address, client_id, clean=False, props=expires)
    client.subscribe(topic, qos=1)
    publisher = connected(pair.b.address)
    publisher.publish(topic, "before", qos=1)
    assert client.expect(wire.PUBLISH).payload == b"before"  # and leaves it unacknowledged
    pair.a.terminate()
    assert client.wait_closed()[-1].code == 0x9C
    assert pair.a.wait_exit() == 0
    publisher.publish(topic, "after", qos=1)
    moved = connected(pair.b.address, client_id, clean=False, props=expires)
    assert moved.connack.session_present, "the session did not move"
    assert [moved.receive().payload for _ in range(2)] == [b"before", b"after"]


@test("a client that reads nothing cannot hold up the end of a node", seconds=30)
def _(t):
    node = t.new_node()
    stuck = connected(node.address, receive_buffer=4096)
    stuck.subscribe("flood")
    publisher = connected(node.address)
    for _ in range(50):
        publisher.publish("flood", b"x" * 100_000)
    publisher.ping()
    WireClient(node.address)  # never says CONNECT
    node.terminate()
    assert node.wait_exit(15) == 0


@test("/metrics is good in the eyes of promtool, with and without traffic")
def _(t):
    pair, topic = t.pair(), t.unique("counted")
    subscriber = connected(pair.b.address)
    subscriber.subscribe(topic, qos=2)
    publisher = connected(pair.a.address)
    for qos in (0, 1, 2):
        publisher.publish(topic, "x", qos=qos)
        subscriber.receive()
    for node in pair.nodes:
        done = subprocess.run(["promtool", "check", "metrics"], input=node.metrics().text,
                              capture_output=True, text=True)
        assert done.returncode == 0 and not done.stderr, f"{node.name}:\n{done.stderr}"
    subscriber.disconnect()
    publisher.disconnect()


@test("the files for Prometheus are good in the eyes of promtool, and the alarms are about metrics that there are")
def _(t):
    for command in (["check", "config", "prometheus.yml"], ["test", "rules", "alerts_test.yml"]):
        done = subprocess.run(["promtool", *command], cwd=_RULES, capture_output=True, text=True)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    with open(os.path.join(_RULES, "alerts.yml")) as file:
        named = set(re.findall(r"expr:.*?(tandem_\w+)", file.read()))
    there = {sample for sample, _, _ in t.pair().a.metrics().samples}
    there.add("tandem_cluster_witness_up")  # only where there is one
    assert named and named <= there, f"not on /metrics: {sorted(named - there)}"


@test("the systemd unit is good in the eyes of systemd-analyze")
def _(t):
    with open(_UNIT) as file:
        unit = file.read()
    there = t.new_path("unit")
    os.mkdir(there)
    # The tested program in the place of the installed one, because the latter has to exist.
    path = os.path.join(there, "tandem.service")
    with open(path, "w") as file:
        file.write(unit.replace("/usr/sbin/tandemd", os.path.abspath(t.options.program[0])))
    done = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), f"{done.stdout}{done.stderr}"


@test("the metrics count what went through each node")
def _(t):
    pair, topic = t.new_pair(), t.unique("counted")
    subscriber = connected(pair.b.address)
    subscriber.subscribe(topic, qos=2)
    publisher = connected(pair.a.address)
    for qos in (0, 1, 2):
        for _ in range(10):
            publisher.publish(topic, "x", qos=qos)
    for _ in range(30):
        subscriber.receive()
    subscriber.ping()
    a, b = (node.metrics() for node in pair.nodes)
    for qos in "012":
        assert a.value("tandem_publish_received_total", qos=qos) == 10, qos
        assert b.value("tandem_publish_delivered_total", qos=qos) == 10, qos
        assert a.value("tandem_publish_delivered_total", qos=qos) == 0, qos
    # What waits for a window or a copy's place is not the broker's time.
    assert b.value("tandem_publish_delivery_seconds_count", path="peer") >= 10
    assert a.value("tandem_publish_delivery_seconds_count") == 0
    assert a.value("tandem_cluster_forwarded_total", direction="out") == 30
    assert b.value("tandem_cluster_forwarded_total", direction="in") == 30
    assert a.value("tandem_connections") == b.value("tandem_connections") == 1
    assert b.value("tandem_subscriptions") == 1


@test("a core tells what its ring does and what its memory is for")
def _(t):
    node, topic = t.new_node(), t.unique("kept")
    session = connected(node.address, t.unique("absent"), version=4, clean=False)
    session.subscribe(topic, qos=1)
    session.disconnect()
    publisher = connected(node.address)
    publisher.publish(topic, b"x" * 10_000, qos=1)
    # The figures are a second old at most.
    wait_until(lambda: node.metrics().value("tandem_memory_bytes", what="queues") > 10_000, 10, "the queue in the figures")
    metrics = node.metrics()
    for part in ("connections", "sessions", "subscriptions"):
        assert metrics.value("tandem_memory_bytes", what=part) > 0, part
    assert metrics.value("tandem_core_uring_enters_total") > 0
    assert metrics.value("tandem_core_buffers_free") > 0


@test("health says live, ready and safe to stop as it is, and the metric says the same")
def _(t):
    node = t.new_node()
    assert node.health("live") == 200 and node.health("ready") == 200

    def safe_to_stop():
        return node.health("safe-to-stop"), node.metrics().value("tandem_safe_to_stop")

    assert safe_to_stop() == (200, 1)
    client = connected(node.address)
    assert safe_to_stop() == (503, 0)
    client.disconnect()
    wait_until(lambda: safe_to_stop() == (200, 1), 10, "the node without a client is safe to stop")
    assert node.get("/health/nothing")[0] == 404
    assert node.get("/api/v1/node")[0] == 200
    assert isinstance(node.api("node"), dict)


class _Supervisor:
    """Hears what a node says to the service manager that started it."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        self.environment = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"}

    def hear(self, wanted, seconds=10):
        """All that came before `wanted`."""
        self._socket.settimeout(stretched(seconds))
        before = []
        while (word := self._socket.recv(4096).decode()) != wanted:
            before.append(word)
        return before

    def forget(self):
        """What has come until now."""
        self._socket.setblocking(False)
        try:
            while self._socket.recv(4096):
                pass
        except BlockingIOError:
            pass

    def heard_anything(self):
        self._socket.setblocking(False)
        try:
            return bool(self._socket.recv(4096))
        except BlockingIOError:
            return False


@test("the service manager hears when a node is ready, how it is, that it is alive, and that it stops")
def _(t):
    manager, node = _Supervisor(t.new_path("notify")), t.new_node(start=False)
    node.start(environment=manager.environment)
    assert manager.hear("READY=1") == []
    manager.hear("STATUS=serving")
    for _ in range(3):
        manager.hear("WATCHDOG=1")
    node.terminate()
    manager.hear("STOPPING=1")
    assert node.wait_exit() == 0


@test("a core that hangs shows at /health/live and to the watchdog, as long as it does")
def _(t):
    manager, node = _Supervisor(t.new_path("notify")), t.new_node(start=False)
    node.start(environment=manager.environment)
    node.wait_ready()
    assert node.health("live") == 200
    with linux.halted_thread(node.pid, "core-0"):
        wait_until(lambda: node.health("live") == 503, 20, "the hanging core shows")
        assert "core 0 has not turned for" in node.get("/health/live")[1]
        wait_until(lambda: "a core hangs" in node.log(), 5, "a line in the log")
        manager.forget()
        wait_until(lambda: "has not turned for 7 s" in node.get("/health/live")[1], 20, "two seconds more")
        assert not manager.heard_anything()
    manager.hear("WATCHDOG=1")
    wait_until(lambda: node.health("live") == 200, 10, "the core is well again")
    connected(node.address).disconnect()


def _access_lines(node, client_id):
    """[(event, {field: value})] of one client, in order."""
    found = []
    for line in node.access_log():
        event = re.match(r"^\S+ (\w+) ", line)
        fields = dict(re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)', line))
        if event and fields.get("client", "").strip('"') == client_id:
            found.append((event.group(1), {key: value.strip('"') for key, value in fields.items()}))
    return found


@test("the access log tells which client is on which node, and what became of it")
def _(t):
    pair, client_id = t.pair(), t.unique("meter")
    client = connected(pair.a.address, client_id, keep_alive=60)
    client.subscribe("a/+", qos=1)
    client.unsubscribe("a/+")
    client.disconnect()
    moved = connected(pair.b.address, client_id, version=4)
    moved.reset()
    wait_until(lambda: len(_access_lines(pair.a, client_id)) >= 4, 5,
               _lines_so_far(pair.a, client_id))
    wait_until(lambda: len(_access_lines(pair.b, client_id)) >= 2, 5,
               _lines_so_far(pair.b, client_id))
    events = _access_lines(pair.a, client_id)
    assert [event for event, _ in events] == ["connect", "subscribe", "unsubscribe",
                                              "disconnect"], events
    address = pair.network and "10.0.0.1:" or "127.0.0."
    assert events[0][1]["address"].startswith(address), events[0]
    assert events[0][1]["version"] == "5.0", events[0]
    assert events[1][1]["filter"] == events[2][1]["filter"] == "a/+", events
    assert events[3][1]["reason"] == "disconnect", events[3]
    events = _access_lines(pair.b, client_id)
    assert [event for event, _ in events] == ["connect", "disconnect"], events
    assert events[1][1]["reason"] in ("network_error", "client_closed"), events


def _lines_so_far(node, client_id):
    return f"lines of {client_id} on {node.name}; so far {_access_lines(node, client_id)}"


@test("SIGHUP opens the access log anew, so that it can be rotated")
def _(t):
    node = t.new_node()
    path = node.config["log"]["access_log"]
    connected(node.address, "first").disconnect()
    wait_until(lambda: len(_access_lines(node, "first")) == 2, 5, "lines of the first client")
    os.rename(path, path + ".1")
    node.signal(signal.SIGHUP)
    wait_until(lambda: os.path.exists(path), 5, "a new access log")
    connected(node.address, "second").disconnect()
    wait_until(lambda: len(_access_lines(node, "second")) == 2, 5, "lines of the second client")
    assert not _access_lines(node, "first")


@test("a client that floods the admin port disturbs no MQTT client", seconds=30)
def _(t):
    node = t.node()
    half_open = [socket.create_connection((node.address, ADMIN_PORT)) for _ in range(100)]
    for sock in half_open:
        sock.sendall(b"GET /metrics HTTP/1.1\r\n")
    client = connected(node.address)
    client.ping(2)
    assert node.health("ready") == 200
    for sock in half_open:
        sock.close()
    client.disconnect()
