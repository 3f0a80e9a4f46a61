"""An etcd for a test: the witness of a pair, in the clients' network."""

import base64
import json
import signal
import subprocess
import urllib.error
import urllib.request

from harness.deadline import wait_until
from harness.network import CLIENT_ADDRESS

PORT = 2379


class Etcd:
    """Runs from construction on, and answers; whoever provides `spawn` sees to it that it ends.

    `spawn(command, **arguments)` starts a process in the clients' namespace; `directory` does not
    exist yet.
    """

    def __init__(self, directory, spawn, address=CLIENT_ADDRESS):
        self.url = f"http://{address}:{PORT}"
        self._spawn = spawn
        self._directory = directory
        self._log = directory + ".log"
        self.start()

    @classmethod
    def of_test(cls, t):
        assert t.network, "the test needs namespaces: needs_network"  # made by this if need be
        return cls(t.new_path("etcd"), t.spawn)

    def start(self):
        command = ["etcd", "--data-dir", self._directory, "--listen-client-urls", self.url,
                   "--advertise-client-urls", self.url,
                   "--listen-peer-urls", "http://127.0.0.1:2380"]
        with open(self._log, "ab") as log:
            self._process = self._spawn(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self.answers, 20, f"etcd answers; its log is {self._log}")
        return self

    def kill(self):
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def answers(self):
        try:
            self._call("range", {"key": base64.b64encode(b"x").decode()})
            return True
        except OSError:
            return False

    def record(self, cluster="tandem"):
        """What the nodes have written last; None if nothing."""
        key = base64.b64encode(f"/tandem/{cluster}/epoch".encode()).decode()
        found = self._call("range", {"key": key}).get("kvs", [])
        return json.loads(base64.b64decode(found[0]["value"])) if found else None

    def _call(self, name, body):
        request = urllib.request.Request(f"{self.url}/v3/kv/{name}", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=2) as answer:
            return json.loads(answer.read())
