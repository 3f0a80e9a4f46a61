#!/usr/bin/python3
"""Paho Python as a subscriber or publisher of the end-to-end tests (see harness/families.py)."""

import argparse
import os
import signal
import sys
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties


def _say(*words):
    print(*words, flush=True)


def _arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=("sub", "pub"))
    parser.add_argument("--host", required=True)
    parser.add_argument("--version", type=int, required=True)
    parser.add_argument("--id", required=True)
    parser.add_argument("--qos", type=int, required=True)
    parser.add_argument("--filter")
    parser.add_argument("--topic")
    parser.add_argument("--retain", action="store_true")
    parser.add_argument("--persistent", action="store_true")
    parser.add_argument("--will-topic")
    parser.add_argument("--will-payload")
    return parser.parse_args()


def _client(arguments):
    v5 = arguments.version == 5
    options = {} if v5 else {"clean_session": not arguments.persistent}
    client = mqtt.Client(arguments.id, protocol=arguments.version, **options)
    if arguments.will_topic:
        client.will_set(arguments.will_topic, arguments.will_payload, qos=1)
    return client


def _connect(client, arguments):
    if arguments.version != 5:
        client.connect(arguments.host)
        return
    properties = Properties(PacketTypes.CONNECT)
    if arguments.persistent:
        properties.SessionExpiryInterval = 3600
    client.connect(arguments.host, clean_start=not arguments.persistent, properties=properties)


def _subscribe(client, arguments):
    present = 0

    def on_connect(_client, _data, flags, code, *_properties):
        nonlocal present
        if code != 0:
            _say("closed", code)
            os._exit(3)
        present = flags["session present"]
        client.subscribe(arguments.filter, arguments.qos)

    def on_message(_client, _data, message):
        _say("message", message.qos, int(message.retain), message.topic, message.payload.decode())

    def on_disconnect(_client, _data, code, *_properties):
        _say("closed", code)
        os._exit(0)  # the library would connect again

    client.on_connect = on_connect
    client.on_subscribe = lambda *_: _say("ready", present)
    client.on_message = on_message
    client.on_disconnect = on_disconnect
    # Not in a signal handler: that would run in the thread of the loop, which may hold the locks.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=_disconnect_at_sigterm, args=(client,), daemon=True).start()
    _connect(client, arguments)
    client.loop_forever()


def _disconnect_at_sigterm(client):
    signal.sigwait({signal.SIGTERM})
    client.disconnect()


def _publish(client, arguments):
    client.on_connect = lambda _client, _data, _flags, code, *_: code == 0 or os._exit(3)
    _connect(client, arguments)
    client.loop_start()
    sent = [client.publish(arguments.topic, line.rstrip("\n"), arguments.qos, arguments.retain)
            for line in sys.stdin]
    for message in sent:
        message.wait_for_publish()
    client.disconnect()
    client.loop_stop()
    _say("published")


def main():
    arguments = _arguments()
    client = _client(arguments)
    (_subscribe if arguments.mode == "sub" else _publish)(client, arguments)


main()
