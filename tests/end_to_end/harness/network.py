"""A network of its own for a test: two hosts, clients, and a cable between the hosts.

    namespace c (clients)            bridge br0, 10.0.0.1/24
      |                \\
    namespace a          namespace b
      clients 10.0.0.11    clients 10.0.0.12     the client network
      cluster 10.9.0.1 --- cluster 10.9.0.2      the dedicated cluster network, one veth pair

The names carry the pid of the worker, so that tests run beside each other, and whoever outlives the
worker can tell what it left behind (`remove_left_behind`). Needs root.
"""

import json
import os
import signal
import subprocess

from harness import linux

_PREFIX = "tandem-e2e-"

CLIENT_ADDRESS = "10.0.0.1"
HOSTS = {
    "a": {"clients": "10.0.0.11", "cluster": "10.9.0.1"},
    "b": {"clients": "10.0.0.12", "cluster": "10.9.0.2"},
}

# Packets and payload of the links' port per interface, as nft sees them on each host.
_COUNTERS = """
table inet e2e {
  counter cluster_out { }
  counter client_network_out { }
  counter spare_path_out { }
  chain out {
    type filter hook output priority 0;
    oifname "cluster" meta l4proto tcp counter name cluster_out
    oifname "clients" ip daddr { 10.0.0.11, 10.0.0.12 } counter name client_network_out
    oifname "clients" tcp dport 7883 counter name spare_path_out
    oifname "clients" tcp sport 7883 counter name spare_path_out
  }
}
"""


def _run(*command, text=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def why_unavailable():
    """None where namespaces can be made, else the reason in words."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    name = f"{_PREFIX}{os.getpid()}-x"
    try:
        _run("ip", "netns", "add", name)
        _run("ip", "netns", "del", name)
    except (OSError, RuntimeError) as error:
        return f"network namespaces cannot be made: {error}"
    return None


class Network:
    """Made whole by the constructor, or not at all; the calling thread moves to the clients."""

    def __init__(self):
        self._owner = os.getpid()
        self.namespaces = {side: f"{_PREFIX}{self._owner}-{side}" for side in ("a", "b", "c")}
        try:
            self._make()
        except BaseException:
            self.remove()
            raise
        linux.enter_network_namespace(self.namespaces["c"])

    def _make(self):
        for name in self.namespaces.values():
            _run("ip", "netns", "add", name)
            self._ip_in(name, "link", "set", "lo", "up")
        clients = self.namespaces["c"]
        self._ip_in(clients, "link", "add", "br0", "type", "bridge", "forward_delay", "0")
        self._ip_in(clients, "address", "add", f"{CLIENT_ADDRESS}/24", "dev", "br0")
        self._ip_in(clients, "link", "set", "br0", "up")
        self._ip_in(self.namespaces["a"], "link", "add", "cluster", "type", "veth",
                    "peer", "name", "cluster", "netns", self.namespaces["b"])
        for side, addresses in HOSTS.items():
            name = self.namespaces[side]
            self._ip_in(name, "link", "add", "clients", "type", "veth",
                        "peer", "name", f"host-{side}", "netns", clients)
            self._ip_in(clients, "link", "set", f"host-{side}", "master", "br0", "up")
            for device, address in addresses.items():
                self._ip_in(name, "address", "add", f"{address}/24", "dev", device)
                self._ip_in(name, "link", "set", device, "up")
            self.nft(side, _COUNTERS)

    def remove(self):
        remove_namespaces_of(self._owner)

    @staticmethod
    def _ip_in(name, *arguments):
        return _run("ip", "-n", name, *arguments)

    def ip(self, side, *arguments):
        """`ip` inside the host of `side`."""
        return self._ip_in(self.namespaces[side], *arguments)

    def nft(self, side, rules):
        """Loads nft rules on the host of `side`."""
        return _run("ip", "netns", "exec", self.namespaces[side], "nft", "-f", "-", text=rules)

    def cut(self, device, side="a"):
        """Takes `device` ("cluster" or "clients") down on one host; its partner loses carrier."""
        self.ip(side, "link", "set", device, "down")

    def heal(self, device, side="a"):
        self.ip(side, "link", "set", device, "up")

    def drop_silently(self, device, side="a"):
        """From now on `side` receives nothing from `device`: a one-way cut without any signal."""
        self.nft(side, f"""table inet cut {{
                             chain in {{
                               type filter hook input priority -10;
                               iifname "{device}" drop
                             }}
                           }}
                        """)

    def stop_dropping(self, side="a"):
        self.nft(side, "delete table inet cut")

    def counters(self, side):
        """{name: (packets, bytes)} of what the host of `side` sent; bytes include headers."""
        listing = json.loads(_run("ip", "netns", "exec", self.namespaces[side],
                                  "nft", "-j", "list", "counters"))
        found = (entry["counter"] for entry in listing["nftables"] if "counter" in entry)
        return {entry["name"]: (entry["packets"], entry["bytes"]) for entry in found}

    def cluster_bytes(self):
        """Bytes that both hosts sent over the dedicated network so far, headers included."""
        return sum(self.counters(side)["cluster_out"][1] for side in HOSTS)


def _existing():
    try:
        return os.listdir("/run/netns")
    except FileNotFoundError:
        return []


def _remove(name):
    listed = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True)
    for pid in listed.stdout.split():
        if int(pid) != os.getpid():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
    subprocess.run(["ip", "netns", "del", name], capture_output=True)


def remove_namespaces_of(pid):
    """Ends whatever runs in the namespaces that worker `pid` made, and removes them."""
    for name in _existing():
        if name.startswith(f"{_PREFIX}{pid}-"):
            _remove(name)


def remove_left_behind():
    """Namespaces of workers that are gone, say after a power cut."""
    for name in _existing():
        if not name.startswith(_PREFIX):
            continue
        owner = name[len(_PREFIX):].split("-")[0]
        if owner.isdigit() and not linux.is_running(int(owner)):
            _remove(name)
