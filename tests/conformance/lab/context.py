"""What a test gets: a protocol version, two addresses, names of its own, clients."""

import contextlib
import itertools
import threading

from lab.client import Client
from lab.packets import Will
from lab.properties import SESSION_EXPIRY, WILL_DELAY
from lab.registry import CONFIGS

_numbers = itertools.count(1)
_number_lock = threading.Lock()


class Context:
    """`here` and `there` are nodes: the same one, or the two of a pair."""

    def __init__(self, world, test):
        self.v = test.v
        self.pair = test.pair
        self._world = world
        with _number_lock:
            self._prefix = f"t{next(_numbers)}"
        changes = CONFIGS[test.on]
        self.deployment = (world.own(changes, test.pair) if test.alone
                           else world.get(test.on, changes, test.pair))
        self.here, self.there = self.deployment.nodes[0], self.deployment.nodes[-1]
        self._clients = []
        self._ids = itertools.count(1)
        self._own = test.alone

    @property
    def clients(self):
        """Every connection of the test so far."""
        return self._clients

    def end(self):
        for client in self._clients:
            with contextlib.suppress(OSError):
                client.abandon()
        if self._own:
            complaints = self.deployment.complaints()
            self.deployment.kill()
            assert not complaints, "; ".join(complaints)

    # --- names that no other test uses ---

    def topic(self, *levels):
        return "/".join([self._prefix, *levels])

    def id(self, name="c"):
        return f"{self._prefix}{name}{next(self._ids)}"

    # --- clients ---

    def open(self, node=None, v=None, source=None):
        """A connection that has said nothing yet, from the address `source` if one is given."""
        client = Client((node or self.here).address, v or self.v, source=source)
        self._clients.append(client)
        return client

    def client(self, node=None, v=None, client_id=None, **arguments):
        """A connected client; `node` is `here` unless given."""
        client = self.open(node, v)
        client.connect(client_id if client_id is not None else self.id(), **arguments)
        return client

    def other(self, **arguments):
        """A connected client of the other node, if there is one."""
        return self.client(self.there, **arguments)

    def lasting(self, expiry_s=600):
        """Arguments of `client` for a session that outlives its connection (and no clean start)."""
        if self.v == 5:
            return {"clean": False, "properties": [(SESSION_EXPIRY, expiry_s)]}
        return {"clean": False}

    def session(self, client_id=None, node=None, expiry_s=600, properties=(), **arguments):
        """A client whose session outlives its connection."""
        lasting = self.lasting(expiry_s)
        lasting["properties"] = [*lasting.get("properties", ()), *properties]
        return self.client(node, client_id=client_id or self.id(), **lasting, **arguments)

    # --- events ---

    def after(self, seconds):
        """Returns once the broker's clock has moved on: that many wills of a second's delay came."""
        for _ in range(seconds):
            topic = self.topic("clock", self.id())
            watcher = self.client(v=5)
            watcher.subscribe(topic)
            self.client(v=5, will=Will(topic, properties=[(WILL_DELAY, 1)]),
                        properties=[(SESSION_EXPIRY, 9)]).drop()
            watcher.message(topic=topic)
            watcher.abandon()

    def nothing_of(self, subscriber, publisher, topic, qos=0):
        """Nothing was on its way to `subscriber`: what `publisher` sends behind it comes first."""
        publisher.publish(topic, b"behind", qos)
        subscriber.finish(subscriber.message(b"behind"))
