"""A client that speaks bytes: what a test sends is what goes out, and nothing is answered by itself."""

import collections
import errno
import socket
import struct
import time

from lab import packets, strict
from lab.bytes import raw, shown
from lab.properties import ALIAS, MAXIMUM_PACKET

WAIT_S = 20.0  # a deadline, not an expectation
STREAM_BYTES_MAX = 4096  # that a connection remembers: longer inputs only slow a fuzzer down


class Client:
    """One connection. `v` is the protocol level it speaks and checks what it receives by."""

    def __init__(self, address, v, port=1883, source=None):
        self.v = v
        self._socket = socket.create_connection((address, port), WAIT_S,
                                                source and (source, 0))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray()
        self._ids = 0
        self.packet_bytes_max = None
        self.client_id = None
        self.connack = None
        self._aliases = {}
        self.sent, self.received = bytearray(), bytearray()  # the whole streams, for the fuzzers
        self._early = collections.deque()  # messages that came while an answer was waited for

    # --- bytes ---

    def send(self, *parts):
        data = raw(*parts)
        self.sent += data[:STREAM_BYTES_MAX - len(self.sent)]
        self._socket.sendall(data)
        return self

    def receive(self, within=None):
        """The next packet, strictly read; fails at the end of the stream."""
        packet = self.next(within)
        assert packet is not None, "expected a packet, got the end of the connection"
        return packet

    def next(self, within=None):
        """The next packet or None at the end of the stream."""
        if self._early:
            return self._early.popleft()
        return self._read(within or WAIT_S)

    def _read(self, within):
        deadline = time.monotonic() + within
        while True:
            size = strict.split(self._buffer)
            if size is not None:
                return self._take(size)
            left = deadline - time.monotonic()
            assert left > 0, (f"expected a packet, got none within {within:.0f} s"
                              + (f" but {shown(self._buffer)}" if self._buffer else ""))
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(1 << 18)
            except TimeoutError:
                continue
            except ConnectionError:
                data = b""
            if not data:
                assert not self._buffer, f"half a packet before the end: {shown(self._buffer)}"
                return None
            self._buffer += data

    def _take(self, size):
        whole = bytes(self._buffer[:size])
        self.received += whole[:STREAM_BYTES_MAX - len(self.received)]
        del self._buffer[:size]
        if self.packet_bytes_max is not None and size > self.packet_bytes_max:
            raise strict.Violation(f"{size} bytes for a client that takes {self.packet_bytes_max}: "
                                   f"{shown(whole)}")
        if self.v is None:  # a CONNACK tells: that of 3.x has always two bytes
            self.v = 4 if whole[1] == 2 else 5
        packet = strict.parse(self.v, whole)
        if packet.type == "PUBLISH" and (alias := packet.prop(ALIAS)) is not None:
            if packet.topic:
                self._aliases[alias] = packet.topic
            packet.topic = self._aliases[alias]
        return packet

    def expect(self, *parts):
        """The next packet is exactly these bytes."""
        wanted = raw(*parts)
        got = self.receive()
        assert got.raw == wanted, f"expected {shown(wanted)}, got {shown(got.raw)}"
        return got

    def expect_type(self, name):
        got = self.receive()
        assert got.type == name, f"expected {name}, got {got}"
        return got

    def quiet(self):
        """Nothing has come and nothing is on its way: PINGRESP is the next packet."""
        self.send(packets.PINGREQ)
        got = self.receive()
        assert got.raw == packets.PINGRESP, f"expected nothing, got {got}"
        return self

    def ends(self):
        """The connection ends without another packet."""
        got = self.next()
        assert got is None, f"expected the end of the connection, got {got}"

    def refused(self, *reasons):
        """5.0: DISCONNECT with one of the reasons, then the end. 3.x: the end, nothing before."""
        if self.v != 5:
            return self.ends()
        got = self.receive()
        wanted = " or ".join(f"{reason:#04x}" for reason in reasons)
        assert got.type == "DISCONNECT" and got.reason in reasons, (
            f"expected DISCONNECT {wanted}, got {got}")
        self.ends()
        return got

    def drop(self):
        """Ends without DISCONNECT; returns when the server has closed too: it takes us for gone."""
        self.send(packets.PINGREQ)  # what was sent before has been read once this is answered
        while (got := self._read(WAIT_S)) is not None and got.type != "PINGRESP":
            pass
        self.close()
        while self._read(WAIT_S) is not None:
            pass
        self._socket.close()

    def reset(self):
        """The network fails: a reset, nothing said."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def close(self):
        """End of the stream in our direction, without DISCONNECT."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            if error.errno != errno.ENOTCONN:
                raise

    def abandon(self):
        """At the end of a test."""
        self._socket.close()

    # --- exchanges ---

    def next_id(self):
        self._ids = self._ids % 65_535 + 1
        return self._ids

    def connect(self, client_id, properties=(), **arguments):
        """CONNECT and a CONNACK of success; yields it."""
        for number, value in properties:
            if number == MAXIMUM_PACKET:
                self.packet_bytes_max = value
        self.send(packets.connect(self.v, client_id, properties=properties, **arguments))
        got = self.expect_type("CONNACK")
        assert got.reason == 0, f"expected CONNACK with success, got {got}"
        self.client_id, self.connack = client_id, got
        return got

    def subscribe(self, *filters, qos=0, options=0, properties=()):
        """SUBSCRIBE and its SUBACK; yields the codes."""
        packet_id = self.next_id()
        pairs = [f if isinstance(f, tuple) else (f, qos | options) for f in filters]
        self.send(packets.subscribe(self.v, packet_id, *pairs, properties=properties))
        got = self._answer("SUBACK")
        assert got.packet_id == packet_id and len(got.reasons) == len(filters), f"got {got}"
        return got.reasons

    def unsubscribe(self, *filters):
        packet_id = self.next_id()
        self.send(packets.unsubscribe(self.v, packet_id, *filters))
        got = self._answer("UNSUBACK")
        assert got.packet_id == packet_id, f"got {got}"
        return got.reasons

    def publish(self, topic, payload=b"", qos=0, retain=0, properties=(), packet_id=None):
        """PUBLISH and the whole flow of its QoS; yields PUBACK or PUBREC."""
        if qos == 0:
            self.send(packets.publish(self.v, topic, payload, retain=retain, properties=properties))
            return None
        packet_id = packet_id or self.next_id()
        self.send(packets.publish(self.v, topic, payload, qos, packet_id, retain,
                                  properties=properties))
        got = self._answer("PUBACK" if qos == 1 else "PUBREC")
        assert got.packet_id == packet_id, f"expected the id {packet_id}, got {got}"
        if qos == 2 and got.reason < 0x80:
            self.send(packets.ack("PUBREL", packet_id))
            done = self._answer("PUBCOMP")
            assert (done.packet_id, done.reason) == (packet_id, 0), f"got {done}"
        return got

    def message(self, payload=None, topic=None, **fields):
        """The next packet is a PUBLISH like this; it is not acknowledged."""
        got = self.expect_type("PUBLISH")
        if payload is not None:
            fields["payload"] = payload.encode() if isinstance(payload, str) else payload
        if topic is not None:
            fields["topic"] = topic
        seen = {name: getattr(got, name) for name in fields}
        assert seen == fields, f"expected {fields}, got {seen} in {got}"
        return got

    def finish(self, message):
        """Acknowledges a received PUBLISH by the rules of its QoS."""
        if message.qos == 1:
            self.send(packets.ack("PUBACK", message.packet_id))
        elif message.qos == 2:
            self.send(packets.ack("PUBREC", message.packet_id))
            got = self._answer("PUBREL")
            assert (got.packet_id, got.reason) == (message.packet_id, 0), f"got {got}"
            self.send(packets.ack("PUBCOMP", message.packet_id))
        return message

    def take(self, payload=None, topic=None, **fields):
        return self.finish(self.message(payload, topic, **fields))

    def _answer(self, name):
        """The next packet that is no PUBLISH, of this type; what comes before it is read later."""
        while True:
            got = self._read(WAIT_S)
            assert got is not None, f"expected {name}, got the end of the connection"
            if got.type == name:
                return got
            assert got.type == "PUBLISH", f"expected {name}, got {got}"
            self._early.append(got)

    def leave(self, reason=None, properties=None):
        """DISCONNECT, and the server closes."""
        self.send(packets.disconnect(reason, properties))
        self.ends()
