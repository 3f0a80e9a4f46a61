"""Client libraries behind one face: a subscriber process and a publisher process per library.

Our own programs (clients/, tools/paho_c.cc) share one command line and print one line per event:
"ready" once subscribed, "message <qos> <retain> <topic> <payload>", "closed <reason>", "published".
mosquitto_sub and mosquitto_pub are translated to that.
"""

import os
import queue
import shutil
import signal
import subprocess
import threading
from dataclasses import dataclass

from harness.deadline import Deadline, TooLate, stretched

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_CLIENTS = os.path.join(_HERE, "clients")
_CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")),
                      "tandem", "end_to_end", "mqttjs")

VERSION_NAMES = {3: "3.1", 4: "3.1.1", 5: "5.0"}


@dataclass(frozen=True)
class Message:
    qos: int
    retain: bool
    topic: str
    payload: str


class Subscriber:
    """A running subscriber of any library, subscribed once the constructor returns.

    Several may put their messages into one `inbox`, a queue.Queue of Message.
    """

    def __init__(self, process, translate, inbox=None, seconds=20):
        self.process = process
        self._translate = translate
        self._messages = inbox or queue.Queue()
        self._events = queue.Queue()  # all else; what a session kept may come before "ready"
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._next(seconds, "ready")

    def _read(self):
        for line in self.process.stdout:
            event = self._translate(line.rstrip("\n"))
            if event:
                kind, value = event
                self._messages.put(value) if kind == "message" else self._events.put(event)
        self._events.put(("end", ""))

    def _next(self, seconds, kind):
        try:
            event, value = self._events.get(timeout=stretched(seconds))
        except queue.Empty:
            raise TooLate(f"{self.process.args[0]}: no {kind} within "
                          f"{stretched(seconds):.1f} s") from None
        assert event == kind, f"{self.process.args[0]}: {event} {value} instead of {kind}"
        return value

    def message(self, seconds=10):
        try:
            return self._messages.get(timeout=stretched(seconds))
        except queue.Empty:
            raise TooLate(f"{self.process.args[0]}: no message within "
                          f"{stretched(seconds):.1f} s") from None

    def messages(self, count, seconds=20):
        deadline = Deadline(seconds)
        got = []
        try:
            while len(got) < count:
                got.append(self.message(deadline.left()))
        except TooLate as late:
            raise TooLate(f"{len(got)} of {count} messages; {late}") from None
        return got

    def wait_closed(self, seconds=10):
        """The broker ends the connection; the reason as the library says it."""
        return self._next(seconds, "closed")

    def disconnect(self):
        """In order, with a DISCONNECT packet. Whatever it received is in the inbox then."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(stretched(10))
        self._reader.join(stretched(10))

    def kill(self):
        """Without one, so that its will is due."""
        self.process.kill()
        self.process.wait()


def _translate_own(line):
    kind, _, rest = line.partition(" ")
    if kind == "message":
        qos, retain, topic, payload = rest.split(" ", 3)
        return kind, Message(int(qos), retain == "1", topic, payload)
    if kind in ("ready", "closed"):
        return kind, rest
    return "complaint", line


class Family:
    """One library. `versions` lists what it speaks, by protocol level."""

    name = ""
    versions = (3, 4, 5)
    reconnects = False  # cannot be told to leave a lost connection alone
    tells_reason = True  # why the broker ended a connection of MQTT 5.0
    will_at_disconnect = False  # its DISCONNECT of MQTT 5.0 asks for the will all the same (0x04)

    def subscribe(self, t, node, filter_, version, qos=2, client_id="", persistent=False,
                  will=None, inbox=None):
        """`will`: (topic, payload) at QoS 1."""
        options = ["sub", "--host", node.address, "--version", str(version), "--qos", str(qos),
                   "--id", client_id or t.unique("sub"), "--filter", filter_]
        options += ["--persistent"] if persistent else []
        options += ["--will-topic", will[0], "--will-payload", will[1]] if will else []
        process = t.spawn([*self.command(t), *options], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
        return Subscriber(process, _translate_own, inbox)

    def publish(self, t, node, topic, version, qos, payloads, retain=False):
        """Returns once every payload is acknowledged as its QoS asks."""
        options = ["pub", "--host", node.address, "--version", str(version), "--qos", str(qos),
                   "--id", t.unique("pub"), "--topic", topic]
        options += ["--retain"] if retain else []
        _run_publisher(t, [*self.command(t), *options], payloads)

    def command(self, t):
        raise NotImplementedError


def _run_publisher(t, command, payloads):
    process = t.spawn(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                      stderr=subprocess.STDOUT, text=True)
    lines = "".join(f"{payload}\n" for payload in payloads)
    try:
        output, _ = process.communicate(lines, timeout=stretched(20))
    except subprocess.TimeoutExpired:
        raise TooLate(f"{' '.join(command)} does not end") from None
    assert process.returncode == 0, f"{' '.join(command)}: {process.returncode}\n{output}"


class PahoC(Family):
    name = "Paho C"

    def command(self, t):
        return [os.path.join(t.options.tools, "e2e_paho_c")]


class PahoPython(Family):
    name = "Paho Python"
    tells_reason = False  # 1.6 reads the reason of a DISCONNECT only if properties follow

    def command(self, t):
        return ["/usr/bin/python3", os.path.join(_CLIENTS, "paho_python.py")]


class MqttJs(Family):
    name = "MQTT.js"

    def command(self, t):
        assert not _mqttjs_missing, _mqttjs_missing
        return ["node", os.path.join(_CACHE, "client.js")]


class Mosquitto(Family):
    name = "mosquitto clients"
    reconnects = True
    will_at_disconnect = True

    _LEVELS = {3: "mqttv31", 4: "mqttv311", 5: "mqttv5"}

    def subscribe(self, t, node, filter_, version, qos=2, client_id="", persistent=False,
                  will=None, inbox=None):
        command = ["mosquitto_sub", "-h", node.address, "-V", self._LEVELS[version], "-d",
                   "-q", str(qos), "-i", client_id or t.unique("sub"), "-t", filter_,
                   "-F", "message %q %r %t %p"]
        if persistent:
            command += ["-c"] + (["-x", "3600"] if version == 5 else [])
        if will:
            command += ["--will-topic", will[0], "--will-payload", will[1], "--will-qos", "1"]
        process = t.spawn(["stdbuf", "-oL", *command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
        return Subscriber(process, self._translate, inbox)

    @staticmethod
    def _translate(line):
        if line.startswith("message "):
            return _translate_own(line)
        if line.startswith("Subscribed (mid"):
            return "ready", ""
        if line.startswith(("Client ", "Subscribed")):  # what -d says about packets
            return None
        return "complaint", line

    def publish(self, t, node, topic, version, qos, payloads, retain=False):
        command = ["mosquitto_pub", "-h", node.address, "-V", self._LEVELS[version],
                   "-q", str(qos), "-i", t.unique("pub"), "-t", topic, "-l"]
        _run_publisher(t, command + (["-r"] if retain else []), payloads)


FAMILIES = (Mosquitto(), PahoC(), PahoPython(), MqttJs())


_mqttjs_missing = "MQTT.js was not installed"


def install_mqttjs():
    """Once per lock file, outside the tree. Where the registry cannot be reached, its tests fail.

    For the runner: the clients' namespace has no way out.
    """
    global _mqttjs_missing
    source = os.path.join(_CLIENTS, "mqttjs")
    lock = _read(os.path.join(source, "package-lock.json"))
    stamp = os.path.join(_CACHE, "node_modules", "installed-lock.json")
    os.makedirs(_CACHE, exist_ok=True)
    for name in ("package.json", "package-lock.json", "client.js"):
        shutil.copy(os.path.join(source, name), _CACHE)
    _mqttjs_missing = ""
    if _read(stamp) == lock:
        return
    done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--prefix", _CACHE],
                          capture_output=True, text=True)
    if done.returncode != 0:
        _mqttjs_missing = ("npm does not install MQTT.js (is the registry out of reach?)\n"
                           f"{done.stdout}{done.stderr}")
        return
    with open(stamp, "w") as out:
        out.write(lock)


def _read(path):
    try:
        with open(path) as file:
            return file.read()
    except FileNotFoundError:
        return None
