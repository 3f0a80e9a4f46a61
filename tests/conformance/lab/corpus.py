"""Seeds for the fuzzers: what clients and nodes said to each other in the tests."""

import hashlib
import os

# The first byte of a decoder's input says how the connection stands (tests/fuzz/mqtt/fuzz_stream.h):
# 0 before CONNECT, else the version less 2. A server's stream begins with CONNACK, so its reader
# knows the version already.
_BEFORE_CONNECT = 0


def write(directory, clients):
    """Each stream once, named by its content, into the folder of the fuzzer that reads it."""
    for client in clients:
        if client.sent:
            _write(os.path.join(directory, "client"), bytes([_BEFORE_CONNECT]) + client.sent)
        if client.received and client.v is not None:
            _write(os.path.join(directory, "server"), bytes([client.v - 2]) + client.received)


def _write(directory, data):
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, hashlib.sha1(data).hexdigest()), "wb") as file:
        file.write(data)
