"""The nodes under test: for each configuration one that serves alone, and a pair."""

import itertools
import os
import secrets
import shutil
import tempfile
import threading

from harness.node import LINK_PORT, MQTT_PORT, Node
from harness.toml import merged

_NAMES = ("alpha", "beta")
_hosts = itertools.count(1)


def _fresh_address():
    """An address of loopback that no other run of this suite on the host uses."""
    return f"127.{64 + (os.getpid() >> 8) % 128}.{os.getpid() % 256}.{next(_hosts)}"


class Deployment:
    """One node alone, or a pair; started by the first test that asks for it."""

    def __init__(self, program, directory, changes, pair):
        self._directory = directory
        os.makedirs(directory)
        secret = os.path.join(directory, "cluster.key")
        with open(os.open(secret, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
        addresses = [_fresh_address() for _ in _NAMES[:1 + pair]]
        self.nodes = [self._node(program, name, address, addresses, secret, changes)
                      for name, address in zip(_NAMES, addresses)]

    def _node(self, program, name, address, addresses, secret, changes):
        config = {
            "node": {"name": name, "data_dir": os.path.join(self._directory, name, "data")},
            "listener": [{"name": "mqtt", "address": f"{address}:{MQTT_PORT}",
                          **changes.get("listener", {})}],
            "admin": {"address": f"{address}:9883"},
            "auth": {"allow_anonymous": True},
        }
        if len(addresses) > 1:
            config["cluster"] = {
                "secret_file": secret,
                "member": [{"name": member, "links": [f"{where}:{LINK_PORT}"]}
                           for member, where in zip(_NAMES, addresses)]}
        others = {section: keys for section, keys in changes.items() if section != "listener"}
        return Node(name, merged(config, others), os.path.join(self._directory, name),
                    program, address)

    def start(self):
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            node.wait_ready(30)
        if len(self.nodes) == 2:
            for node in self.nodes:
                node.wait_metric("tandem_cluster_peer_up", 1, 30)
                node.wait_metric("tandem_cluster_in_step", 1, 30)
        return self

    def complaints(self):
        """What no test may pass with: a node that died, or that a sanitizer complained about."""
        dead = [f"{node.name} is not running any more:\n{node.log_tail(10)}"
                for node in self.nodes if not node.running()]
        return dead + [node.complaint() for node in self.nodes if node.complaint()]

    def kill(self):
        for node in self.nodes:
            node.kill()


class World:
    """All deployments of a run. Threads of tests ask for them, each is started once."""

    def __init__(self, program):
        self._program = program
        self._directory = tempfile.mkdtemp(prefix="tandem-conformance-")
        self._lock = threading.Lock()
        self._deployments = {}
        self._numbers = itertools.count(1)

    def get(self, config_name, changes, pair):
        key = (config_name, pair)
        with self._lock:
            if key not in self._deployments:
                directory = os.path.join(self._directory, f"{config_name}-{1 + pair}")
                self._deployments[key] = Deployment(self._program, directory, changes, pair).start()
            return self._deployments[key]

    def own(self, changes, pair):
        """For one test alone; it kills it."""
        with self._lock:
            number = next(self._numbers)
            directory = os.path.join(self._directory, f"own{number}")
            deployment = Deployment(self._program, directory, changes, pair)
            self._deployments[("own", number)] = deployment
        return deployment.start()

    def drop(self, config_name, pair):
        """No test needs it any more; yields its complaints."""
        with self._lock:
            deployment = self._deployments.pop((config_name, pair), None)
        if deployment is None:
            return []
        complaints = deployment.complaints()
        deployment.kill()
        return complaints

    def end(self):
        for deployment in self._deployments.values():
            deployment.kill()
        shutil.rmtree(self._directory, ignore_errors=True)
