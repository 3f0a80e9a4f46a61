"""A small MQTT client over a plain socket, for tests that look at single packets.

It does only what it is told: no reconnect, no keep alive. Knows 3.1 (3), 3.1.1 (4) and 5.0 (5).
"""

import collections
import itertools
import socket
import struct
from dataclasses import dataclass, field

from harness.deadline import Deadline, TooLate

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = range(1, 8)
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = range(8, 15)

# Properties of MQTT 5.0, 2.2.2.2, by identifier: how the value looks on the wire.
_BYTE, _U16, _U32, _VARINT, _BINARY, _TEXT, _PAIR = range(7)
_PROPERTIES = {
    0x01: _BYTE, 0x02: _U32, 0x03: _TEXT, 0x08: _TEXT, 0x09: _BINARY, 0x0B: _VARINT, 0x11: _U32,
    0x12: _TEXT, 0x13: _U16, 0x15: _TEXT, 0x16: _BINARY, 0x17: _BYTE, 0x18: _U32, 0x19: _BYTE,
    0x1A: _TEXT, 0x1C: _TEXT, 0x1F: _TEXT, 0x21: _U16, 0x22: _U16, 0x23: _U16, 0x24: _BYTE,
    0x25: _BYTE, 0x26: _PAIR, 0x27: _U32, 0x28: _BYTE, 0x29: _BYTE, 0x2A: _BYTE,
}
SESSION_EXPIRY, WILL_DELAY, RECEIVE_MAXIMUM, REASON_STRING = 0x11, 0x18, 0x21, 0x1F
MESSAGE_EXPIRY, TOPIC_ALIAS, USER_PROPERTY, MAXIMUM_PACKET_SIZE = 0x02, 0x23, 0x26, 0x27
ASSIGNED_CLIENT_ID, SERVER_KEEP_ALIVE = 0x12, 0x13


class Closed(AssertionError):
    """The broker closed the connection while something was expected."""


def varint(number):
    out = bytearray()
    while True:
        number, digit = number >> 7, number & 0x7F
        out.append(digit | (0x80 if number else 0))
        if not number:
            return bytes(out)


def text(value):
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("!H", len(data)) + data


def packet(first_byte, *parts):
    body = b"".join(parts)
    return bytes([first_byte]) + varint(len(body)) + body


def properties(values):
    """`values`: [(identifier, value)]."""
    out = b""
    for identifier, value in values:
        out += varint(identifier)
        kind = _PROPERTIES[identifier]
        if kind in (_BYTE, _U16, _U32):
            out += struct.pack({_BYTE: "!B", _U16: "!H", _U32: "!I"}[kind], value)
        elif kind == _VARINT:
            out += varint(value)
        elif kind == _PAIR:
            out += text(value[0]) + text(value[1])
        else:
            out += text(value)
    return varint(len(out)) + out


@dataclass(frozen=True)
class Will:
    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: list = field(default_factory=list)


def connect_packet(client_id, version=5, clean=True, keep_alive=0, will=None, props=()):
    flags = 0x02 if clean else 0
    payload = text(client_id)
    if will:
        flags |= 0x04 | will.qos << 3 | (0x20 if will.retain else 0)
        payload += properties(will.properties) if version == 5 else b""
        payload += text(will.topic) + text(will.payload)
    name = "MQIsdp" if version == 3 else "MQTT"
    return packet(CONNECT << 4, text(name), struct.pack("!BBH", version, flags, keep_alive),
                  properties(props) if version == 5 else b"", payload)


def publish_packet(topic, payload, qos=0, packet_id=0, retain=False, dup=False, version=5,
                   props=()):
    if isinstance(payload, str):
        payload = payload.encode()
    return packet(PUBLISH << 4 | (8 if dup else 0) | qos << 1 | (1 if retain else 0), text(topic),
                  struct.pack("!H", packet_id) if qos else b"",
                  properties(props) if version == 5 else b"", payload)


@dataclass
class Packet:
    """One packet as received; fields that its type lacks keep their defaults."""

    type: int
    flags: int
    body: bytes
    packet_id: int = 0
    code: int = 0
    codes: list = field(default_factory=list)
    session_present: bool = False
    topic: str = ""
    payload: bytes = b""
    properties: dict = field(default_factory=dict)

    @property
    def qos(self):
        return self.flags >> 1 & 3

    @property
    def retain(self):
        return bool(self.flags & 1)

    @property
    def dup(self):
        return bool(self.flags & 8)


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        piece = self.data[self.at:self.at + count]
        assert len(piece) == count, f"packet ends early: {self.data!r}"
        self.at += count
        return piece

    def u8(self):
        return self.take(1)[0]

    def u16(self):
        return struct.unpack("!H", self.take(2))[0]

    def varint(self):
        value = shift = 0
        while True:
            digit = self.u8()
            value |= (digit & 0x7F) << shift
            shift += 7
            if not digit & 0x80:
                return value

    def rest(self):
        return self.take(len(self.data) - self.at)

    def properties(self):
        end = self.varint() + self.at
        found = {}
        while self.at < end:
            identifier = self.varint()
            kind = _PROPERTIES[identifier]
            if kind == _BYTE:
                value = self.u8()
            elif kind == _U16:
                value = self.u16()
            elif kind == _U32:
                value = struct.unpack("!I", self.take(4))[0]
            elif kind == _VARINT:
                value = self.varint()
            elif kind == _PAIR:
                value = (self.take(self.u16()).decode(), self.take(self.u16()).decode())
            elif kind == _TEXT:
                value = self.take(self.u16()).decode()
            else:
                value = self.take(self.u16())
            if identifier in (USER_PROPERTY, 0x0B):
                found.setdefault(identifier, []).append(value)
            else:
                assert identifier not in found, f"property {identifier:#x} twice"
                found[identifier] = value
        return found


def _decode(first_byte, body, version):
    got = Packet(first_byte >> 4, first_byte & 0x0F, body)
    reader = _Reader(body)
    v5 = version == 5
    if got.type == CONNACK:
        got.session_present = bool(reader.u8() & 1)
        got.code = reader.u8()
        got.properties = reader.properties() if v5 else {}
    elif got.type == PUBLISH:
        got.topic = reader.take(reader.u16()).decode()
        got.packet_id = reader.u16() if got.qos else 0
        got.properties = reader.properties() if v5 else {}
        got.payload = reader.rest()
    elif got.type in (PUBACK, PUBREC, PUBREL, PUBCOMP):
        got.packet_id = reader.u16()
        if body[2:]:
            got.code = reader.u8()
        if body[3:]:
            got.properties = reader.properties()
    elif got.type in (SUBACK, UNSUBACK):
        got.packet_id = reader.u16()
        got.properties = reader.properties() if v5 else {}
        got.codes = list(reader.rest())
    elif got.type == DISCONNECT and body:
        got.code = reader.u8()
        if body[1:]:
            got.properties = reader.properties()
    return got


def take_packet(buffer, version):
    """The first packet of a bytearray, which is shortened by it; None while it is not whole."""
    length = shift = 0
    for at in range(1, min(len(buffer), 5)):
        length |= (buffer[at] & 0x7F) << shift
        shift += 7
        if not buffer[at] & 0x80:
            end = at + 1 + length
            if len(buffer) < end:
                return None
            got = _decode(buffer[0], bytes(buffer[at + 1:end]), version)
            del buffer[:end]
            return got
    return None


def acknowledgement(packet_type, packet_id):
    """PUBACK, PUBREC, PUBREL or PUBCOMP with the reason code left out: success."""
    return packet(packet_type << 4 | (2 if packet_type == PUBREL else 0),
                  struct.pack("!H", packet_id))


def subscribe_packet(packet_id, *filters, version=5):
    """`filters`: (filter, subscription options)."""
    return packet(SUBSCRIBE << 4 | 2, struct.pack("!H", packet_id),
                  properties(()) if version == 5 else b"",
                  *(text(name) + bytes([options]) for name, options in filters))


class WireClient:
    """Connected by the constructor on the level of TCP only; `connect` speaks MQTT."""

    def __init__(self, address, port=1883, version=5, receive_buffer=None):
        self.version = version
        self.sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(Deadline(10).left())
        self.sock.connect((address, port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._bytes = bytearray()
        self._packet_ids = itertools.cycle(range(1, 65536))
        self.connack = None
        self._waiting = collections.deque()  # packets that arrived while another was expected

    def close(self):
        self.sock.close()

    def reset(self):
        """Closes with RST, as a host that died and came back would."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    # --- receiving ---

    def next_packet(self, seconds=10):
        """Whatever comes next. Closed if the broker closed, TooLate if nothing came."""
        if self._waiting:
            return self._waiting.popleft()
        return self._receive(Deadline(seconds))

    def expect(self, packet_type, seconds=10, packet_id=None):
        """The next packet of that type (and id); others are kept for later, in order."""
        def wanted(got):
            return got.type == packet_type and packet_id in (None, got.packet_id)
        for index, got in enumerate(self._waiting):
            if wanted(got):
                del self._waiting[index]
                return got
        deadline = Deadline(seconds)
        while True:
            got = self._receive(deadline)
            if wanted(got):
                return got
            self._waiting.append(got)

    def _receive(self, deadline):
        while True:
            got = take_packet(self._bytes, self.version)
            if got:
                return got
            self.sock.settimeout(deadline.left())
            try:
                data = self.sock.recv(1 << 18)
            except TimeoutError:
                if not deadline.passed():
                    continue
                raise TooLate(f"no packet within {deadline.seconds:.1f} s") from None
            except ConnectionResetError:
                raise Closed("the broker reset the connection") from None
            if not data:
                raise Closed("the broker closed the connection")
            self._bytes += data

    def wait_closed(self, seconds=10):
        """Until the broker closes; the packets that came before it did."""
        deadline = Deadline(seconds)
        packets = list(self._waiting)
        self._waiting.clear()
        try:
            while True:
                packets.append(self._receive(deadline))
        except Closed:
            return packets

    # --- speaking ---

    def connect(self, client_id="", clean=True, keep_alive=0, will=None, props=(), code=0,
                seconds=10):
        self.send(connect_packet(client_id, self.version, clean, keep_alive, will, props))
        self.connack = self.expect(CONNACK, seconds)
        assert self.connack.code == code, f"CONNACK {self.connack.code:#x}, expected {code:#x}"
        return self.connack

    def subscribe(self, *filters, qos=0, seconds=10, options=0):
        """SUBACK is waited for; its codes must grant what was asked for."""
        packet_id = next(self._packet_ids)
        self.send(subscribe_packet(packet_id, *((name, qos | options) for name in filters),
                                   version=self.version))
        suback = self.expect(SUBACK, seconds, packet_id)
        assert suback.codes == [qos] * len(filters), f"SUBACK {suback.codes}"
        return suback

    def unsubscribe(self, *filters, seconds=10):
        packet_id = next(self._packet_ids)
        self.send(packet(UNSUBSCRIBE << 4 | 2, struct.pack("!H", packet_id),
                         properties(()) if self.version == 5 else b"", *map(text, filters)))
        return self.expect(UNSUBACK, seconds, packet_id)

    def publish(self, topic, payload=b"", qos=0, retain=False, props=(), seconds=10):
        """The whole handshake; returns the PUBACK or PUBREC."""
        packet_id = next(self._packet_ids) if qos else 0
        self.send(publish_packet(topic, payload, qos, packet_id, retain, version=self.version,
                                 props=props))
        if qos == 0:
            return None
        answer = self.expect(PUBACK if qos == 1 else PUBREC, seconds, packet_id)
        if qos == 2 and answer.code < 0x80:
            self.acknowledge(PUBREL, packet_id)
            self.expect(PUBCOMP, seconds, packet_id)
        return answer

    def receive(self, seconds=10):
        """The next PUBLISH, acknowledged in full."""
        got = self.expect(PUBLISH, seconds)
        if got.qos == 1:
            self.acknowledge(PUBACK, got.packet_id)
        elif got.qos == 2:
            self.acknowledge(PUBREC, got.packet_id)
            self.expect(PUBREL, seconds, got.packet_id)
            self.acknowledge(PUBCOMP, got.packet_id)
        return got

    def acknowledge(self, packet_type, packet_id):
        self.send(acknowledgement(packet_type, packet_id))

    def receive_until(self, last_payload, seconds=10):
        """Payloads up to the one that marks the end, without it: proves what did not come."""
        payloads = []
        deadline = Deadline(seconds)
        while True:
            payload = self.receive(deadline.left()).payload
            if payload == last_payload:
                return payloads
            payloads.append(payload)

    def ping(self, seconds=10):
        self.send(packet(PINGREQ << 4))
        return self.expect(PINGRESP, seconds)

    def disconnect(self, code=0):
        body = bytes([code]) if self.version == 5 and code else b""
        self.send(packet(DISCONNECT << 4, body))
        self.close()


def connected(address, client_id="", version=5, port=1883, receive_buffer=None, **arguments):
    """A WireClient after CONNACK; `arguments` as of WireClient.connect."""
    client = WireClient(address, port, version, receive_buffer)
    client.connect(client_id, **arguments)
    return client
