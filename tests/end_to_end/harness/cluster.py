"""A pair of nodes, or one alone, with the configuration that both share."""

import os
import secrets
import shutil

from harness.network import HOSTS
from harness.node import ADMIN_PORT, LINK_PORT, MQTT_PORT, Node
from harness.toml import merged

NAMES = {"a": "alpha", "b": "beta"}
_LOOPBACK = {"a": "127.0.0.11", "b": "127.0.0.12"}


class Cluster:
    """Nodes alpha (side a) and beta (side b); with `alone` only alpha, without a cluster.

    `changes` is laid over the configuration of both nodes, `spare_path` adds the client network as
    the second link. Nothing runs before `start`.
    """

    def __init__(self, program, directory, network=None, alone=False, spare_path=False,
                 changes=None, changes_of=None):
        self.network = network
        self.directory = directory
        self._alone = alone
        self._spare_path = spare_path
        os.makedirs(directory)
        self._secret_file = os.path.join(directory, "cluster.key")
        with open(os.open(self._secret_file, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
        self.nodes = [self._node(side, program, changes or {}, (changes_of or {}).get(side, {}))
                      for side in ("a" if alone else "ab")]

    def _client_address(self, side):
        return HOSTS[side]["clients"] if self.network else _LOOPBACK[side]

    def _links(self, side):
        if not self.network:
            return [f"{_LOOPBACK[side]}:{LINK_PORT}"]
        links = [f"{HOSTS[side]['cluster']}:{LINK_PORT}"]
        if self._spare_path:
            links.append(f"{HOSTS[side]['clients']}:{LINK_PORT}")
        return links

    def _node(self, side, program, changes, own_changes):
        directory = os.path.join(self.directory, NAMES[side])
        address = self._client_address(side)
        config = {
            "node": {"name": NAMES[side], "data_dir": os.path.join(directory, "data")},
            "listener": [{"name": "mqtt", "address": f"{address}:{MQTT_PORT}"}],
            "admin": {"address": f"{address}:{ADMIN_PORT}"},
            "auth": {"allow_anonymous": True},
            "log": {"access_log": os.path.join(directory, "access.log")},
        }
        if not self._alone:
            config["cluster"] = {
                "secret_file": self._secret_file,
                "member": [{"name": name, "links": self._links(member)}
                           for member, name in NAMES.items()],
            }
        config = merged(merged(config, changes), own_changes)
        namespace = self.network.namespaces[side] if self.network else None
        return Node(side, config, directory, program, address, namespace)

    @property
    def a(self):
        return self.nodes[0]

    @property
    def b(self):
        return self.nodes[1]

    def start(self):
        for node in self.nodes:
            node.start()
        return self

    def wait_ready(self, seconds=20):
        """Every node serves, and of a pair each is in step with the other."""
        for node in self.nodes:
            node.wait_ready(seconds)
        if len(self.nodes) == 2:
            self.wait_paired(seconds)
        return self

    def wait_paired(self, seconds=20):
        for node in self.nodes:
            node.wait_metric("tandem_cluster_peer_up", 1, seconds)
            node.wait_metric("tandem_cluster_in_step", 1, seconds)

    def kill(self):
        for node in self.nodes:
            node.kill()

    def healthy(self):
        """Whether the next test may take it over."""
        if not all(node.running() and node.health("ready") == 200 for node in self.nodes):
            return False
        return len(self.nodes) == 1 or all(
            node.metrics().value("tandem_cluster_in_step") == 1 for node in self.nodes)

    def remove(self):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def story(self, lines=40):
        """The end of every log, for the report of a failed test."""
        parts = []
        for node in self.nodes:
            state = "running" if node.running() else "not running"
            parts.append(f"--- {node.name} ({state}), last {lines} lines of {node.log_path}\n"
                         + node.log_tail(lines))
        return "\n".join(parts)
