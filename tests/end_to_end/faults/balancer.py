"""HAProxy in front of the pair, with the configuration that tools/haproxy recommends."""

import os
import socket
import subprocess

from harness import linux
from harness.deadline import stretched, wait_until
from harness.network import CLIENT_ADDRESS

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
_CONFIG = os.path.join(_ROOT, "tools/haproxy/tandem.cfg")  # has the addresses of harness/network.py

ADDRESS = (CLIENT_ADDRESS, 1883)


class Balancer:
    """Runs in the network namespace of the caller: the clients'."""

    def __init__(self, directory):
        self._socket = os.path.join(directory, "haproxy.sock")
        path = os.path.join(directory, "haproxy.cfg")
        with open(_CONFIG) as source, open(path, "w") as out:
            # Fewer connections than it recommends, so that no limit of this host must be raised.
            out.write(source.read().replace("/run/haproxy/admin.sock", self._socket)
                      .replace("maxconn 20000", "maxconn 1000"))
        self._log = open(os.path.join(directory, "haproxy.log"), "ab")
        self._process = subprocess.Popen(["haproxy", "-db", "-f", path], stdout=self._log,
                                         stderr=self._log, preexec_fn=linux.die_with_parent)

    def wait_up(self, seconds=10):
        """Until it sends clients to both nodes."""
        wait_until(lambda: self._states() == ["UP", "UP"], seconds, "HAProxy takes both nodes for up")

    def _states(self):
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(stretched(2))
                client.connect(self._socket)
                client.sendall(b"show stat\n")
                text = b"".join(iter(lambda: client.recv(65536), b"")).decode()
        except OSError:
            return []
        rows = [line.split(",") for line in text.lstrip("# ").splitlines() if line]
        return [row[rows[0].index("status")] for row in rows[1:]
                if row[0] == "tandem" and row[1] in ("alpha", "beta")]

    def stop(self):
        self._process.kill()
        self._process.wait()
        self._log.close()
