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

# Headers without a test of their own: why, or the path of the test that covers them. x.h counts as tested by x_test.cc or
# x_*_test.cc at the mirrored path.
EXCEPTIONS = {
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
    try:
        names = os.listdir(os.path.join(root, "tests", folder))
    except FileNotFoundError:
        return False
    return any(re.fullmatch(re.escape(stem) + r"(_\w+)?_test\.cc", test) for test in names)


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
