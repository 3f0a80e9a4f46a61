"""Packets as clients write them. `v` is the protocol level: 5, 4 (3.1.1) or 3 (3.1)."""

from lab.bytes import blob, frame, raw, u8, u16
from lab.properties import props

PINGREQ = raw("c0 00")
PINGRESP = raw("d0 00")
ACK_BYTES = {"PUBACK": 0x40, "PUBREC": 0x50, "PUBREL": 0x62, "PUBCOMP": 0x70}


class Will:
    def __init__(self, topic, payload=b"gone", qos=0, retain=0, properties=()):
        self.topic, self.payload, self.qos, self.retain = topic, payload, qos, retain
        self.properties = properties


def connect(v, client_id, clean=True, keep_alive=0, properties=(), will=None, user=None,
            password=None, flags=None, level=None, name=None):
    """`flags`, `level` and `name` overrule what the rest would give, for wrong packets."""
    if flags is None:
        flags = (0x80 * (user is not None) | 0x40 * (password is not None) | 0x02 * bool(clean))
        if will:
            flags |= 0x04 | will.qos << 3 | will.retain << 5
    name = name if name is not None else ("MQIsdp" if v == 3 else "MQTT")
    fields = [blob(name), u8(level if level is not None else v), u8(flags), u16(keep_alive)]
    if v == 5:
        fields.append(props(*properties))
    fields.append(blob(client_id))
    if will:
        if v == 5:
            fields.append(props(*will.properties))
        fields += [blob(will.topic), blob(will.payload)]
    fields += [blob(text) for text in (user, password) if text is not None]
    return frame(0x10, *fields)


def publish(v, topic, payload=b"", qos=0, packet_id=None, retain=0, dup=0, properties=()):
    fields = [blob(topic)]
    if packet_id is not None:
        fields.append(u16(packet_id))
    if v == 5:
        fields.append(props(*properties))
    payload = payload.encode() if isinstance(payload, str) else payload
    return frame(0x30 | dup << 3 | qos << 1 | retain, *fields, payload)


def ack(kind, packet_id, reason=None, properties=None):
    """PUBACK, PUBREC, PUBREL or PUBCOMP in the shortest form that holds what is given."""
    fields = [u16(packet_id)]
    if reason is not None:
        fields.append(u8(reason))
    if properties is not None:
        fields.append(props(*properties))
    return frame(ACK_BYTES[kind], *fields)


def subscribe(v, packet_id, *filters, properties=()):
    """`filters`: (filter, options byte) each."""
    fields = [u16(packet_id)]
    if v == 5:
        fields.append(props(*properties))
    for topic_filter, options in filters:
        fields += [blob(topic_filter), u8(options)]
    return frame(0x82, *fields)


def unsubscribe(v, packet_id, *filters, properties=()):
    fields = [u16(packet_id)]
    if v == 5:
        fields.append(props(*properties))
    return frame(0xA2, *fields, *map(blob, filters))


def disconnect(reason=None, properties=None):
    fields = [] if reason is None else [u8(reason)]
    if properties is not None:
        fields.append(props(*properties))
    return frame(0xE0, *fields)
