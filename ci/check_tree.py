#!/usr/bin/python3
"""Checks what the tree promises: each header has a test at the mirrored path, the top level holds what it should, and code
whose order of effects matters does not walk hash maps.

Prints one line per finding and ends with 1 if there are any."""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

TOP_LEVEL = {"CMakeLists.txt", "CMakePresets.json", "README.md", "LICENSE",
             "engine", "proto", "cluster", "tools", "benchmarks", "tests", "ci",
             "build"}  # ignored by git

# A header is tested by x_test.cc or x_*_test.cc at the mirrored path, or by another test there that includes it. These are not,
# and here is why, or which test elsewhere covers them.
EXCEPTIONS = {
    # Values without behaviour, and interfaces without code.
    "engine/broker/admission.h": "values",
    "engine/broker/broker_config.h": "values",
    "engine/broker/core_message.h": "values",
    "engine/broker/memory_use.h": "tests/engine/broker/shard_memory_test.cc",
    "engine/broker/peer_origin.h": "values",
    "engine/broker/replicator.h": "an interface",
    "engine/node/admin/status.h": "values",
    "engine/node/core_counters.h": "values",
    "engine/node/mail.h": "values",
    "engine/node/partner_link.h": "an interface",
    "engine/reactor/stream_port.h": "an interface; its users and both transports are tested",
    "cluster/cluster_options.h": "values",
    "cluster/cluster_state.h": "values",
    "cluster/cluster_status.h": "values",
    "cluster/discovery/discovery.h": "an interface",
    "cluster/witness/witness.h": "an interface and its values",
    "proto/mqtt/packet.h": "values; the decoder's and encoder's tests compare them",
    "tools/tandem-demo/clock.h": "names of std::chrono types",
    "tools/tandem-demo/view.h": "values",
    # Reads the kernel's clock, nothing else.
    "engine/node/clock.h": "two system calls",
    # Parts of a class that is tested as a whole, because alone they say little.
    "engine/base/planted_bug.h": "tests/simulation/planted_bugs_test.cc",
    "engine/broker/arena.h": "tests/engine/broker/trie_store_test.cc",
    "engine/broker/filter_entry.h": "tests/engine/broker/subscription_trie_test.cc",
    "engine/reactor/buffer_group.h": "tests/engine/reactor/uring_transport_test.cc",
    "engine/reactor/memory_network.h": "tests/engine/reactor/memory_transport_test.cc",
    "engine/reactor/owned_fd.h": "tests/engine/reactor/uring_transport_test.cc",
    "engine/reactor/pinned_memory.h": "tests/engine/reactor/uring_transport_test.cc",
    "engine/reactor/stream_socket.h": "tests/engine/reactor/uring_transport_test.cc",
    "engine/reactor/uring_connection.h": "tests/engine/reactor/uring_transport_test.cc",
    "engine/reactor/uring_features.h": "tests/engine/reactor/uring_transport_test.cc",
    "engine/reactor/uring_ring.h": "tests/engine/reactor/uring_transport_test.cc",
    "engine/reactor/uring_waker.h": "tests/engine/reactor/uring_transport_test.cc",
    "cluster/control.h": "tests/cluster/cluster_test.cc",
    "cluster/coordinator.h": "tests/cluster/cluster_test.cc",
    "cluster/core_link.h": "tests/cluster/cluster_test.cc",
    "cluster/kj_loop.h": "tests/cluster/cluster_test.cc",
    "cluster/lane.h": "tests/cluster/cluster_test.cc",
    "cluster/link_connection.h": "tests/cluster/cluster_test.cc",
    "cluster/pending_link.h": "tests/cluster/cluster_test.cc",
    "cluster/rpc_link.h": "tests/cluster/cluster_test.cc",
    "cluster/discovery/static_discovery.h": "tests/cluster/cluster_test.cc",
    # The loop of a core and what is made of it: run by real clients, also where a network fails.
    "engine/node/core_impl.h": "tests/end_to_end/run",
    "engine/node/node.h": "tests/end_to_end/run",
    "tools/tandemd/service.h": "tests/end_to_end/run",
    # The demo is its own test: it ends with PASS only if all it shows was so.
    "tools/tandem-demo/display.h": "tools/demo",
    "tools/tandem-demo/interrupt.h": "tools/demo",
    "tools/tandem-demo/mqtt_client.h": "tools/demo",
    "tools/tandem-demo/pulse.h": "tools/demo",
    "tools/tandem-demo/story.h": "tools/demo",
    "proto/mqtt/packet_decoders.h": "tests/proto/mqtt/decoder_test.cc",
    "proto/mqtt/property_parser.h": "tests/proto/mqtt/property_test.cc",
    "proto/mqtt/packet_set.h": "tests/proto/mqtt/property_test.cc",
}

# Where the order in which things happen reaches other nodes, clients or the simulator.
ORDER_MATTERS = ("engine/broker/", "cluster/")
HASH_MAP = re.compile(r"\b(?:flat_hash_map|flat_hash_set|node_hash_map|node_hash_set|StringMap)<.*>\s+(\w+)\s*(?:;|=|\{|ABSL_)")
RANGE_FOR = re.compile(r"\bfor\s*\(.*[^:]:\s*(?:this->|\w+(?:\.|->))*(\w+)\s*\)")
EXCUSE = "order:"  # "// order: sorted below", in the line or the one before


def walk(root, tops, endings):
    for top in tops:
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                if name.endswith(endings):
                    yield os.path.relpath(os.path.join(folder, name), root)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read().splitlines()


def top_level_problems(root):
    return [f"{name}: does not belong at the top level"
            for name in sorted(os.listdir(root)) if name not in TOP_LEVEL and not name.startswith(".")]


def has_test(root, header):
    folder, name = os.path.split(header)
    stem = name[:-len(".h")]
    tests = os.path.join("tests", folder)
    if not os.path.isdir(os.path.join(root, tests)):
        return False
    names = [test for test in os.listdir(os.path.join(root, tests)) if test.endswith("_test.cc")]
    if any(re.fullmatch(re.escape(stem) + r"(_\w+)?_test\.cc", test) for test in names):
        return True
    include = f'#include "{header}"'
    return any(include in read(root, os.path.join(tests, test)) for test in names)


def test_problems(root):
    found = []
    for header in walk(root, ("engine", "proto", "cluster", "tools"), (".h",)):
        tested = has_test(root, header)
        if not tested and header not in EXCEPTIONS:
            found.append(f"{header}: has no tests/{header[:-2]}_test.cc, and no reason in ci/check_tree.py")
        if tested and header in EXCEPTIONS:
            found.append(f"{header}: has a test now; take it off the list in ci/check_tree.py")
        reason = EXCEPTIONS.get(header, "")
        if reason.startswith("tests/") and not os.path.exists(os.path.join(root, reason)):
            found.append(f"{header}: {reason} does not exist (ci/check_tree.py)")
    found += [f"{header}: is gone; take it off the list in ci/check_tree.py"
              for header in EXCEPTIONS if not os.path.exists(os.path.join(root, header))]
    return found


def hash_maps_of(root, path):
    """Names of hash maps declared in a file or, for a .cc file, in its header."""
    header = os.path.splitext(path)[0] + ".h"
    files = {path, header} if os.path.exists(os.path.join(root, header)) else {path}
    return {match.group(1) for file in files for line in read(root, file) for match in HASH_MAP.finditer(line)}


def order_problems(root):
    found = []
    for path in walk(root, ORDER_MATTERS, (".h", ".cc")):
        maps = hash_maps_of(root, path)
        before = ""
        for number, line in enumerate(read(root, path), 1):
            match = RANGE_FOR.search(line)
            if match and match.group(1) in maps and EXCUSE not in line and EXCUSE not in before:
                found.append(f"{path}:{number}: walks the hash map {match.group(1)}, whose order is random in each "
                             f"process: sort, use btree_map, or say why it does not matter (// {EXCUSE} ...)")
            before = line
    return found


def main(root=ROOT):
    problems = top_level_problems(root) + test_problems(root) + order_problems(root)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
