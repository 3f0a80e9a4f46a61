"""Bytes as the standards draw them: what a test writes, and how a failure shows them.

Nothing here knows the broker: a fault in its codec cannot hide behind the same fault in ours.
"""


def raw(*parts):
    """Joins bytes and hex digits: raw("82 06" "00 01", b"abc")."""
    return b"".join(bytes.fromhex(part) if isinstance(part, str) else bytes(part)
                    for part in parts)


def u8(value):
    return value.to_bytes(1, "big")


def u16(value):
    return value.to_bytes(2, "big")


def u32(value):
    return value.to_bytes(4, "big")


def varint(value):
    """Seven bits each, least significant first, top bit for "more follows" (5.0: 1.5.5)."""
    out = bytearray()
    while True:
        value, low = divmod(value, 128)
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


def blob(value):
    """Binary data, or a string: a 16-bit length and that many bytes."""
    value = value.encode() if isinstance(value, str) else bytes(value)
    return u16(len(value)) + value


def frame(first_byte, *fields):
    """A packet: its first byte, the length of the rest, the rest."""
    body = raw(*fields)
    return u8(first_byte) + varint(len(body)) + body


def shown(data, most=96):
    """Hex as in the standards' figures, cut if it is long."""
    text = " ".join(f"{byte:02x}" for byte in data[:most])
    return text + (f" ... ({len(data)} bytes)" if len(data) > most else "")
