"""Reads what a server sends, and objects to everything that a server may not send.

Every packet of every test passes here, so each run of the suite is also a test of the broker's own
output: flags, shortest lengths, properties and reason codes by the tables of the standard.
"""

from lab.bytes import shown, varint
from lab.properties import (ALIAS, MAXIMUM_PACKET, MAXIMUM_QOS, PAYLOAD_FORMAT,
                            RECEIVE_MAXIMUM, RETAIN_AVAILABLE, SUBSCRIPTION_ID, TABLE, USER,
                            IDS_AVAILABLE, SHARED_AVAILABLE, WILDCARD_AVAILABLE)

TYPES = {2: "CONNACK", 3: "PUBLISH", 4: "PUBACK", 5: "PUBREC", 6: "PUBREL", 7: "PUBCOMP",
         9: "SUBACK", 11: "UNSUBACK", 13: "PINGRESP", 14: "DISCONNECT", 15: "AUTH"}

# Table 2-6 and the tables of chapter 3: what a server may say in each packet of 5.0.
REASONS = {
    "CONNACK": {0, *range(0x80, 0x8B), 0x8C, 0x90, 0x95, 0x97, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9F},
    "PUBACK": {0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99},
    "PUBREC": {0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99},
    "PUBREL": {0, 0x92},
    "PUBCOMP": {0, 0x92},
    "SUBACK": {0, 1, 2, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2},
    "UNSUBACK": {0, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91},
    "DISCONNECT": {0, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x8F, 0x90, 0x93, 0x94,
                   0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1,
                   0xA2, 0x8C},
    "AUTH": {0, 0x18},
}
_ZERO_OR_ONE = {PAYLOAD_FORMAT, MAXIMUM_QOS, RETAIN_AVAILABLE, WILDCARD_AVAILABLE, IDS_AVAILABLE,
                SHARED_AVAILABLE}
_NOT_ZERO = {ALIAS, RECEIVE_MAXIMUM, MAXIMUM_PACKET, SUBSCRIPTION_ID}


class Violation(AssertionError):
    """The server sent what no server may send."""


class _Reader:
    def __init__(self, data, whole):
        self.data, self.at, self._whole = data, 0, whole

    def fail(self, why):
        raise Violation(f"{why} in {shown(self._whole)}")

    def left(self):
        return len(self.data) - self.at

    def take(self, count):
        if self.left() < count:
            self.fail(f"ends {count - self.left()} bytes early")
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, count):
        return int.from_bytes(self.take(count), "big")

    def varint(self):
        start, value, shift = self.at, 0, 0
        while True:
            byte = self.number(1)
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
            if shift == 28:
                self.fail("a variable byte integer of more than four bytes")
        if self.data[start:self.at] != varint(value):
            self.fail("a variable byte integer that could be shorter")
        return value

    def blob(self):
        return self.take(self.number(2))

    def text(self):
        data = self.blob()
        try:
            text = data.decode("utf-8")  # Python refuses surrogates and overlong forms
        except UnicodeDecodeError:
            self.fail("text that is no UTF-8")
        if "\0" in text:
            self.fail("U+0000 in a text")
        return text

    def properties(self, packet):
        end = self.varint()
        end += self.at
        found = []
        while self.at < end:
            number = self.number(1)
            if number not in TABLE or packet not in TABLE[number][2].split():
                self.fail(f"property {number:#04x} does not belong into {packet}")
            if number in dict(found) and number not in (USER, SUBSCRIPTION_ID):
                self.fail(f"property {number:#04x} twice")
            value = self._value(TABLE[number][0])
            if (number in _ZERO_OR_ONE and value > 1) or (number in _NOT_ZERO and value == 0):
                self.fail(f"property {number:#04x} with the value {value}")
            found.append((number, value))
        if self.at != end:
            self.fail("a property that reaches beyond its set")
        return found

    def _value(self, kind):
        if kind == "pair":
            return self.text(), self.text()
        return {"byte": lambda: self.number(1), "two": lambda: self.number(2),
                "four": lambda: self.number(4), "varint": self.varint, "text": self.text,
                "data": self.blob}[kind]()


class Packet:
    """`type` is its name; the fields are those of the type, others stay None."""

    def __init__(self, whole, name):
        self.raw, self.type = whole, name
        self.dup = self.qos = self.retain = self.packet_id = self.topic = self.payload = None
        self.reason = self.reasons = self.session_present = None
        self.properties = []

    def prop(self, number):
        """The value of a property, None if it is not there."""
        return dict(self.properties).get(number)

    def all(self, number):
        return [value for found, value in self.properties if found == number]

    def __repr__(self):
        return f"{self.type} [{shown(self.raw)}]"


def split(buffer):
    """The length of the first packet in `buffer`, or None if it has not all come yet."""
    length, shift = 0, 0
    for at in range(1, 5):
        if len(buffer) <= at:
            return None
        length |= (buffer[at] & 0x7F) << shift
        shift += 7
        if buffer[at] < 0x80:
            if buffer[1:at + 1] != varint(length):
                raise Violation(f"a remaining length that could be shorter: {shown(buffer[:5])}")
            return 1 + at + length if len(buffer) >= 1 + at + length else None
    raise Violation(f"a remaining length of more than four bytes: {shown(buffer[:5])}")


def parse(v, whole):
    kind, flags = whole[0] >> 4, whole[0] & 0x0F
    name = TYPES.get(kind)
    start = 1 + next(i for i in range(1, 5) if whole[i] < 0x80)
    reader = _Reader(whole[start:], whole)
    if name is None or (v != 5 and name in ("AUTH", "DISCONNECT")):
        reader.fail("a packet that no server sends")
    if name != "PUBLISH" and flags != (2 if name == "PUBREL" else 0):
        reader.fail(f"flags {flags:04b}")
    packet = Packet(bytes(whole), name)
    _FIELDS.get(name, _parse_ack)(v, packet, reader)
    if reader.left():
        reader.fail(f"{reader.left()} surplus bytes")
    if v == 5 and packet.reason is not None and packet.reason not in REASONS[name]:
        reader.fail(f"reason {packet.reason:#04x}, which {name} may not have,")
    if packet.packet_id == 0:
        reader.fail("packet identifier 0")
    return packet


def _parse_connack(v, packet, reader):
    flags = reader.number(1)
    if flags > 1 or (v == 3 and flags):
        reader.fail("reserved acknowledge flags")
    packet.session_present, packet.reason = flags, reader.number(1)
    if packet.reason and flags:
        reader.fail("session present in a refusal")
    if v == 5:
        packet.properties = reader.properties("CONNACK")
    elif packet.reason > 5:
        reader.fail("a reserved return code")


def _parse_publish(v, packet, reader):
    first = packet.raw[0]
    packet.dup, packet.qos, packet.retain = first >> 3 & 1, first >> 1 & 3, first & 1
    if packet.qos == 3:
        reader.fail("QoS 3")
    if packet.dup and not packet.qos:
        reader.fail("DUP with QoS 0")
    packet.topic = reader.text()
    if "+" in packet.topic or "#" in packet.topic:
        reader.fail("a wildcard in a topic name")
    if packet.qos:
        packet.packet_id = reader.number(2)
    if v == 5:
        packet.properties = reader.properties("PUBLISH")
    if not packet.topic and packet.prop(ALIAS) is None:
        reader.fail("an empty topic without an alias")
    packet.payload = bytes(reader.take(reader.left()))


def _parse_ack(v, packet, reader):
    packet.packet_id = reader.number(2)
    packet.reason = 0
    if v != 5 or not reader.left():
        return
    packet.reason = reader.number(1)
    if reader.left():
        packet.properties = reader.properties(packet.type)


def _parse_suback(v, packet, reader):
    packet.packet_id = reader.number(2)
    if v == 5:
        packet.properties = reader.properties(packet.type)
    packet.reasons = list(reader.take(reader.left()))
    allowed = REASONS[packet.type] if v == 5 else {0, 1, 2, 0x80}
    if not set(packet.reasons) <= allowed:
        reader.fail("a reason code that this packet may not have")
    if not packet.reasons and (v == 5 or packet.type == "SUBACK"):
        reader.fail("no reason codes")
    if v != 5 and packet.type == "UNSUBACK" and packet.reasons:
        reader.fail("an UNSUBACK with codes")


def _parse_disconnect(v, packet, reader):
    packet.reason = 0
    if reader.left():
        packet.reason = reader.number(1)
    if reader.left():
        packet.properties = reader.properties(packet.type)


def _parse_pingresp(v, packet, reader):
    pass


_FIELDS = {"CONNACK": _parse_connack, "PUBLISH": _parse_publish, "SUBACK": _parse_suback,
           "UNSUBACK": _parse_suback, "DISCONNECT": _parse_disconnect, "AUTH": _parse_disconnect,
           "PINGRESP": _parse_pingresp}
