"""The 27 properties of MQTT 5.0 (table 2-4): number, type, and where a server may send them."""

from lab.bytes import blob, raw, u8, u16, u32, varint

PAYLOAD_FORMAT, MESSAGE_EXPIRY, CONTENT_TYPE, RESPONSE_TOPIC, CORRELATION_DATA = 1, 2, 3, 8, 9
SUBSCRIPTION_ID, SESSION_EXPIRY, ASSIGNED_ID, SERVER_KEEP_ALIVE = 0x0B, 0x11, 0x12, 0x13
AUTH_METHOD, AUTH_DATA, PROBLEM_INFO, WILL_DELAY, RESPONSE_INFO_WANTED = 0x15, 0x16, 0x17, 0x18, 0x19
RESPONSE_INFO, SERVER_REFERENCE, REASON_STRING, RECEIVE_MAXIMUM = 0x1A, 0x1C, 0x1F, 0x21
ALIAS_MAXIMUM, ALIAS, MAXIMUM_QOS, RETAIN_AVAILABLE, USER, MAXIMUM_PACKET = (
    0x22, 0x23, 0x24, 0x25, 0x26, 0x27)
WILDCARD_AVAILABLE, IDS_AVAILABLE, SHARED_AVAILABLE = 0x28, 0x29, 0x2A

_PACKET_ACKS = "PUBACK PUBREC PUBREL PUBCOMP SUBACK UNSUBACK"

# number: (type, packets of a client, packets of a server). WILL stands for the will properties.
TABLE = {
    PAYLOAD_FORMAT: ("byte", "PUBLISH WILL", "PUBLISH"),
    MESSAGE_EXPIRY: ("four", "PUBLISH WILL", "PUBLISH"),
    CONTENT_TYPE: ("text", "PUBLISH WILL", "PUBLISH"),
    RESPONSE_TOPIC: ("text", "PUBLISH WILL", "PUBLISH"),
    CORRELATION_DATA: ("data", "PUBLISH WILL", "PUBLISH"),
    SUBSCRIPTION_ID: ("varint", "SUBSCRIBE", "PUBLISH"),
    SESSION_EXPIRY: ("four", "CONNECT DISCONNECT", "CONNACK"),
    ASSIGNED_ID: ("text", "", "CONNACK"),
    SERVER_KEEP_ALIVE: ("two", "", "CONNACK"),
    AUTH_METHOD: ("text", "CONNECT AUTH", "CONNACK AUTH"),
    AUTH_DATA: ("data", "CONNECT AUTH", "CONNACK AUTH"),
    PROBLEM_INFO: ("byte", "CONNECT", ""),
    WILL_DELAY: ("four", "WILL", ""),
    RESPONSE_INFO_WANTED: ("byte", "CONNECT", ""),
    RESPONSE_INFO: ("text", "", "CONNACK"),
    SERVER_REFERENCE: ("text", "", "CONNACK DISCONNECT"),
    REASON_STRING: ("text", "PUBACK PUBREC PUBREL PUBCOMP DISCONNECT AUTH",
                    f"CONNACK DISCONNECT AUTH {_PACKET_ACKS}"),
    RECEIVE_MAXIMUM: ("two", "CONNECT", "CONNACK"),
    ALIAS_MAXIMUM: ("two", "CONNECT", "CONNACK"),
    ALIAS: ("two", "PUBLISH", "PUBLISH"),
    MAXIMUM_QOS: ("byte", "", "CONNACK"),
    RETAIN_AVAILABLE: ("byte", "", "CONNACK"),
    USER: ("pair", "CONNECT WILL PUBLISH PUBACK PUBREC PUBREL PUBCOMP SUBSCRIBE UNSUBSCRIBE "
                   "DISCONNECT AUTH", f"CONNACK PUBLISH DISCONNECT AUTH {_PACKET_ACKS}"),
    MAXIMUM_PACKET: ("four", "CONNECT", "CONNACK"),
    WILDCARD_AVAILABLE: ("byte", "", "CONNACK"),
    IDS_AVAILABLE: ("byte", "", "CONNACK"),
    SHARED_AVAILABLE: ("byte", "", "CONNACK"),
}

_EXAMPLES = {"byte": 1, "two": 1, "four": 1, "varint": 1, "text": "x", "data": b"x",
             "pair": ("k", "v")}


def prop(number, value):
    """One property, as bytes."""
    kind = TABLE[number][0]
    if kind == "pair":
        return u8(number) + blob(value[0]) + blob(value[1])
    encode = {"byte": u8, "two": u16, "four": u32, "varint": varint, "text": blob, "data": blob}
    return u8(number) + encode[kind](value)


def example(number):
    """A property of that number with a value of its type."""
    return prop(number, _EXAMPLES[TABLE[number][0]])


def props(*properties):
    """A property set: its length and the properties, each bytes or (number, value)."""
    body = raw(*(prop(*p) if isinstance(p, tuple) else p for p in properties))
    return varint(len(body)) + body
