"""One `tandemd`, started from a configuration file of its own."""

import http.client
import json
import os
import re
import signal
import subprocess

from harness import linux
from harness.deadline import stretched, wait_until
from harness.toml import dumps

_SANITIZER_REPORT = re.compile(r"^.*(ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:).*$",
                               re.MULTILINE)

MQTT_PORT = 1883
LINK_PORT = 7883
ADMIN_PORT = 9883


class Node:
    """`side` is "a" or "b", `name` what the configuration calls it. Not started by construction."""

    def __init__(self, side, config, directory, program, address, namespace=None):
        self.side = side
        self.name = config["node"]["name"]
        self.config = config
        self.directory = directory
        self.address = address  # of the client network: MQTT and admin
        self.namespace = namespace
        self._program = program
        self._process = None
        self._killed = False
        self._starts = 0
        os.makedirs(directory, exist_ok=True)

    # --- life ---

    @property
    def program(self):
        return self._program

    def start(self, *arguments, program=None, environment=None):
        """Starts the process, from now on as `program` if given; `wait_ready` tells when it serves."""
        assert self._process is None or self._process.poll() is not None, "runs already"
        self._program = program or self._program
        config_path = os.path.join(self.directory, "tandem.toml")
        with open(config_path, "w") as config:
            config.write(dumps(self.config))
        command = [*self._program, "--config", config_path, *arguments]
        if self.namespace:
            command = ["ip", "netns", "exec", self.namespace, *command]
        self._starts += 1
        self._killed = False
        with open(self.log_path, "ab") as log:
            log.write(f"--- start {self._starts}: {' '.join(command)}\n".encode())
            log.flush()
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                             stderr=log, preexec_fn=linux.die_with_parent,
                                             env={**os.environ, **(environment or {})})
        return self

    @property
    def pid(self):
        return self._process.pid

    def running(self):
        return self._process is not None and self._process.poll() is None

    def signal(self, number):
        self._process.send_signal(number)

    def kill(self):
        """SIGKILL, and waits until the kernel has taken everything back."""
        if self.running():
            self._killed = True
            self._process.kill()
            self._process.wait()

    def terminate(self):
        self.signal(signal.SIGTERM)

    def wait_exit(self, seconds=10):
        """The exit code; negative for a signal, as in subprocess."""
        try:
            return self._process.wait(stretched(seconds))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {stretched(seconds):.0f} s; it "
                                 f"says last:\n{self.log_tail(10)}") from None

    def wait_ready(self, seconds=15):
        def ready():
            if not self.running():
                raise AssertionError(f"{self.name} ended with {self._process.returncode} "
                                     f"instead of serving:\n{self.log_tail(15)}")
            return self.health("ready") == 200
        wait_until(ready, seconds, f"{self.name} says 200 to /health/ready")
        return self

    def complaint(self):
        """Why no test may pass with this node, whatever else it saw; None if there is nothing."""
        if self._process is not None and (self._process.poll() or 0) < 0 and not self._killed:
            return f"{self.name} died of signal {-self._process.returncode}"
        found = _SANITIZER_REPORT.search(self.log())
        return f"{self.name}: {found.group(0)}" if found else None

    # --- what it says ---

    def get(self, path, seconds=2):
        """(status, text) of the admin port, or (0, reason) while nobody answers there."""
        connection = http.client.HTTPConnection(self.address, ADMIN_PORT,
                                                timeout=stretched(seconds))
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, http.client.HTTPException) as error:
            return 0, str(error)
        finally:
            connection.close()

    def health(self, which):
        return self.get(f"/health/{which}")[0]

    def api(self, path):
        status, text = self.get(f"/api/v1/{path}")
        assert status == 200, f"/api/v1/{path}: {status} {text}"
        return json.loads(text)

    def metrics(self):
        status, text = self.get("/metrics")
        assert status == 200, f"/metrics: {status} {text}"
        return Metrics(text)

    def wait_metric(self, name, value, seconds=10, **labels):
        return wait_until(lambda: self.metrics().value(name, **labels) == value, seconds,
                          f"{self.name}: {name}{labels or ''} = {value}, is "
                          f"{self.metrics().value(name, **labels)}")

    def in_step(self):
        """With its partner; not so a node that starts anew, and answers nobody for a moment."""
        status, text = self.get("/metrics")
        return status == 200 and Metrics(text).value("tandem_cluster_in_step") == 1

    def resident_bytes(self):
        return linux.resident_bytes(self.pid)

    @property
    def log_path(self):
        return os.path.join(self.directory, "log")

    def log(self):
        if self._starts == 0:
            return ""
        with open(self.log_path, errors="replace") as log:
            return log.read()

    def log_tail(self, lines):
        return "\n".join(self.log().splitlines()[-lines:])

    def access_log(self):
        """Lines so far; needs `log.access_log` in the configuration."""
        try:
            with open(self.config["log"]["access_log"], errors="replace") as log:
                return log.read().splitlines()
        except FileNotFoundError:
            return []


class Metrics:
    """One scrape of /metrics."""

    _SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
    _LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

    def __init__(self, text):
        self.text = text
        self.samples = []
        for line in text.splitlines():
            if line and not line.startswith("#"):
                match = self._SAMPLE.match(line)
                assert match, f"no sample of the Prometheus text format: {line!r}"
                name, labels, value = match.groups()
                self.samples.append((name, dict(self._LABEL.findall(labels or "")), float(value)))

    def value(self, name, **labels):
        """Sum over all samples of that name that carry these labels; None if there is none."""
        found = [value for sample, its_labels, value in self.samples
                 if sample == name and labels.items() <= its_labels.items()]
        return sum(found) if found else None


