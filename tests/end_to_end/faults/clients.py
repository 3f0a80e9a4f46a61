"""MQTT 5.0 clients of one event loop that live on: each comes back as soon as it has lost its connection.

They speak through the packet functions of harness/wire.py and tell the oracle what they send and get.
"""

import asyncio
import collections
import datetime
import itertools
import time

from harness import wire

_RETRY_SECONDS = 0.02
_OPEN_SECONDS = 1
_CONNACK_SECONDS = 5  # as long as a claim may wait for a partner that has just died, and some
_SESSION_SECONDS = 3600
_ACKNOWLEDGE_AFTER_SECONDS = 0.01  # keeps some messages in flight whenever a fault comes


class _Refused(Exception):
    """CONNACK says no."""


class _Connection(asyncio.Protocol):
    """Cuts the stream into packets for `owner`, and knows when it is over."""

    def __init__(self, owner):
        self._owner = owner
        self._buffer = bytearray()
        self._transport = None
        loop = asyncio.get_running_loop()
        self.answer = loop.create_future()  # the code of CONNACK
        self.lost = loop.create_future()

    def connection_made(self, transport):
        self._transport = transport

    def data_received(self, data):
        self._buffer += data
        while got := wire.take_packet(self._buffer, 5):
            self._owner.received(self, got)

    def connection_lost(self, error):
        for future in (self.answer, self.lost):
            if not future.done():
                future.set_result(None)

    def send(self, data):
        self._transport.write(data)

    def abort(self):
        """With RST, as a client that dies."""
        self._transport.abort()

    def close(self):
        self._transport.close()


class Client:
    """`endpoint`: (address, port). `run` is its life; `ready` says that it is connected and set up."""

    def __init__(self, name, endpoint, persistent=True):
        self.name = name
        self.persistent = persistent
        self.connection = None
        self.breaks = 0  # connections that were lost
        self._endpoint = endpoint
        self._known = False  # the broker has promised to keep the session
        self._leaving = False
        self.lost_sessions = 0

    @property
    def ready(self):
        return self.connection is not None

    async def run(self):
        while not self._leaving:
            try:
                connection = await self._open()
            except (OSError, asyncio.TimeoutError, _Refused):
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            await connection.lost
            self.connection = None
            self.breaks += 1
            self.down()

    async def _open(self):
        loop = asyncio.get_running_loop()
        _, connection = await asyncio.wait_for(
            loop.create_connection(lambda: _Connection(self), *self._endpoint), _OPEN_SECONDS)
        try:
            connection.send(self._connect_packet())
            code = await asyncio.wait_for(connection.answer, _CONNACK_SECONDS)
            if code != 0:
                raise _Refused()
        except BaseException:
            connection.abort()
            raise
        return connection

    def _connect_packet(self):
        expiry = [(wire.SESSION_EXPIRY, _SESSION_SECONDS)] if self.persistent else []
        return wire.connect_packet(self.name, clean=not self.persistent, will=self.will(),
                                   props=expiry)

    def received(self, connection, got):
        if got.type == wire.CONNACK:
            self._taken(connection, got)
        elif got.type == wire.DISCONNECT:
            connection.abort()
        elif connection is self.connection:
            self.packet(got)

    def _taken(self, connection, connack):
        if connack.code == 0:
            if self._known and not connack.session_present:
                self.lost_sessions += 1
            self.connection = connection
            self.up(connack.session_present)
            self._known = self.persistent
        connection.answer.set_result(connack.code)

    def move(self):
        """Leaves in order; `run` comes back, by the balancer to whichever node."""
        if self.connection:
            connection, self.connection = self.connection, None
            self.left()
            connection.send(wire.packet(wire.DISCONNECT << 4))
            connection.close()

    def leave(self):
        self._leaving = True
        self.move()

    # --- for the kinds of clients ---

    def will(self):
        return None

    def up(self, session_present):
        pass

    def down(self):
        pass

    def left(self):
        pass

    def packet(self, got):
        pass


class _InFlight:
    """A message on its way: `released` once PUBREC has come."""

    def __init__(self):
        self.sent_at = time.monotonic()
        self.released = False


class Publisher(Client):
    """Sends numbered messages in bursts, and each until it is acknowledged."""

    def __init__(self, oracle, name, endpoint, qos, topic_of=None, pace=(2, 0.02), window=20):
        super().__init__(name, endpoint)
        self.paused = True
        self.acknowledged = 0
        self.mark(time.monotonic())
        self._oracle = oracle
        self._qos = qos
        self._topic_of = topic_of  # None: one topic, and receivers know of it
        self._burst, self._pause = pace
        self._window = window
        self._in_flight = collections.OrderedDict()  # number: _InFlight
        if not topic_of:
            oracle.add_publisher(name, qos)
        self._numbers = itertools.count()
        self.last_value = {}  # topic: newest number that was acknowledged

    def mark(self, now):
        """A fault begins: from here on acknowledgements are timed."""
        self._last_answer = now
        self.longest_gap = 0.0
        self.mark_service(now)

    def mark_service(self, now):
        """From here on, acknowledgements come from a node without a partner."""
        self._marked_at = now
        self.service = None  # seconds until something is acknowledged that was sent after the mark

    @property
    def idle(self):
        return not self._in_flight

    async def produce(self):
        while not self._leaving:
            await asyncio.sleep(self._pause)
            for _ in range(self._burst):
                if self.paused or not self.ready or len(self._in_flight) >= self._window:
                    break
                self._send_new()

    def _send_new(self):
        number = next(self._numbers) if self._topic_of else self._oracle.send(self.name)
        self._in_flight[number] = _InFlight()
        self._publish(number, dup=False)

    def _publish(self, number, dup):
        topic = self._topic_of(number) if self._topic_of else f"load/{self.name}"
        self.connection.send(wire.publish_packet(topic, f"{number}", self._qos, _packet_id(number),
                                                 retain=bool(self._topic_of), dup=dup))

    def up(self, session_present):
        if not session_present:
            for message in self._in_flight.values():
                message.released = False
        for number, message in self._in_flight.items():
            if message.released:
                self.connection.send(wire.acknowledgement(wire.PUBREL, _packet_id(number)))
            else:
                self._publish(number, dup=True)

    def packet(self, got):
        number = next((number for number in self._in_flight
                       if _packet_id(number) == got.packet_id), None)
        if number is None:
            return
        message = self._in_flight[number]
        if got.type == wire.PUBACK:
            self._answered(number, message)
            del self._in_flight[number]
        elif got.type == wire.PUBREC:
            if not message.released:
                self._answered(number, message)
            message.released = True
            self.connection.send(wire.acknowledgement(wire.PUBREL, got.packet_id))
        elif got.type == wire.PUBCOMP:
            del self._in_flight[number]

    def _answered(self, number, message):
        now = time.monotonic()
        self.longest_gap = max(self.longest_gap, now - self._last_answer)
        self._last_answer = now
        if self.service is None and message.sent_at >= self._marked_at:
            self.service = now - self._marked_at
        self.acknowledged += 1
        self._oracle.acknowledged += 1
        if self._topic_of:
            self.last_value[self._topic_of(number)] = number


def _packet_id(number):
    return 1 + number % 65535


class Subscriber(Client):
    """Takes what comes at `filter_`, acknowledges it in order a little later, and tells the oracle."""

    def __init__(self, oracle, name, endpoint, filter_, receiver):
        super().__init__(name, endpoint, persistent=not receiver.transient)
        self._oracle = oracle
        self._filter = filter_
        self._receiver = receiver
        self._is_subscribed = False
        self._received_ids = set()  # of QoS 2, between PUBLISH and PUBREL
        self._answers = []

    @property
    def ready(self):
        return self.connection is not None and self._is_subscribed

    def up(self, session_present):
        if session_present and self._is_subscribed:
            return
        self._received_ids.clear()
        self._is_subscribed = False
        if self._receiver.transient:
            self._oracle.opened(self._receiver)
        self.connection.send(wire.subscribe_packet(1, (self._filter, 2)))

    def down(self):
        self._answers.clear()
        if not self.persistent:
            self._is_subscribed = False
            self._oracle.closed(self._receiver)

    left = down

    def packet(self, got):
        if got.type == wire.SUBACK:
            assert got.codes == [2], f"{self.name}: SUBACK {got.codes}"
            self._is_subscribed = True
            if self._receiver.transient:
                self._oracle.subscribed(self._receiver)
        elif got.type == wire.PUBREL:
            self._received_ids.discard(got.packet_id)
            self._answer(wire.PUBCOMP, got.packet_id)
        elif got.type == wire.PUBLISH and got.qos == 1:
            self._deliver(got)
            self._answer(wire.PUBACK, got.packet_id)
        elif got.type == wire.PUBLISH and got.qos == 2:
            if got.packet_id not in self._received_ids:
                self._received_ids.add(got.packet_id)
                self._deliver(got)
            self._answer(wire.PUBREC, got.packet_id)

    def _deliver(self, got):
        publisher = got.topic.split("/", 1)[1]
        self._oracle.deliver(self._receiver, self.name, publisher, int(got.payload))

    def _answer(self, packet_type, packet_id):
        if not self._answers:
            asyncio.get_running_loop().call_later(_ACKNOWLEDGE_AFTER_SECONDS, self._flush,
                                                  self.connection)
        self._answers.append(wire.acknowledgement(packet_type, packet_id))

    def _flush(self, connection):
        if connection is self.connection:
            connection.send(b"".join(self._answers))
            self._answers.clear()


class WillWatcher(Subscriber):
    """Receives every will, at QoS 2 and in a persistent session, so that one published once comes once."""

    def _deliver(self, got):
        now = datetime.datetime.now(datetime.UTC)
        self._oracle.wills.arrive(got.payload.decode(), f"{now:%H:%M:%S.%f} {self._oracle.now}")


class Steady(Client):
    """Has a will that is not due: it comes back before the delay has passed, or leaves in order."""

    _DELAY_SECONDS = 10
    _SURELY_BACK_SECONDS = 5

    def __init__(self, oracle, name, endpoint):
        super().__init__(name, endpoint)
        self._oracle = oracle
        self._connects = itertools.count()
        self._armed = []  # wills that were sent, from the one that was in force last
        self._lost_at = None

    def will(self):
        name = f"{self.name}-{next(self._connects)}"
        self._armed.append(name)
        return wire.Will(f"will/{self.name}", name.encode(), 2, False,
                         [(wire.WILL_DELAY, self._DELAY_SECONDS)])

    def up(self, session_present):
        away = time.monotonic() - self._lost_at if self._lost_at else 0.0
        in_time = away < self._SURELY_BACK_SECONDS
        for name in self._armed[:-1]:
            self._oracle.wills.decide(name, "not due" if in_time else "may come",
                                      f"{self._oracle.now}, away {away:.2f} s")
        del self._armed[:-1]
        self._lost_at = None

    def down(self):
        self._lost_at = self._lost_at or time.monotonic()

    def left(self):
        for name in self._armed:
            self._oracle.wills.decide(name, "not due", f"{self._oracle.now}, left in order")
        self._armed.clear()


class Mortal(Client):
    """Has a will that is due: it dies when told to, or with its node, and does not come back."""

    def __init__(self, oracle, name, endpoint, persistent):
        super().__init__(name, endpoint, persistent)
        self._oracle = oracle

    def will(self):
        delay = [(wire.WILL_DELAY, 1)] if self.persistent else []
        return wire.Will(f"will/{self.name}", self.name.encode(), 2, False, delay)

    def up(self, session_present):
        self._leaving = True  # whatever ends this connection ends the client
        self._oracle.wills.decide(self.name, "due", self._oracle.now)

    def die(self):
        if self.connection:
            self.connection.abort()
