#!/usr/bin/python3
"""Checks that includes point down the module order of engine/README.md, and that heavy libraries stay where they belong.

Prints one line per include that does not, `path:line: ...`, and ends with 1 if there are any."""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Lowest first. A module may include itself and modules of lower levels; modules of one level do not know each other.
LEVELS = [
    ["engine/base"],
    ["engine/metrics", "proto/mqtt", "proto/peer"],
    ["engine/reactor"],
    ["engine/store", "engine/auth"],
    ["engine/broker"],
    ["engine/net"],
    ["engine/node"],
    ["cluster"],
    ["tools"],
]
LEVEL_OF = {module: level for level, modules in enumerate(LEVELS) for module in modules}

# What the cluster may see of a node: the port it implements.
NODE_PORTS_OF_CLUSTER = {"engine/node/partner_link.h"}

# Include prefix of a library: the only folders or files (by prefix) that may name it.
LIBRARIES = {
    "liburing": ["engine/reactor/"],
    "capnp/": ["cluster/", "proto/peer/", "engine/node/admin/"],
    "kj/": ["cluster/", "proto/peer/", "engine/node/admin/"],
    "spdlog/": ["engine/base/log."],
    "fmt/": [],
    "toml++/": ["engine/node/config/toml_source.cc"],
    "CLI/": ["tools/"],
    "absl/log/": [],  # Debian 12 has none
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


# Libraries whose headers are included in quotes, as theirs do.
QUOTED_LIBRARIES = ("absl/", "gtest/", "gmock/", "benchmark/")


def module_of(path):
    """The module a path belongs to, or None for paths outside of all."""
    return next((module for module in LEVEL_OF if path.startswith(module + "/")), None)


def order_problem(path, included):
    here, there = module_of(path), module_of(included)
    if there is None:
        return f'"{included}" is in no module of ci/check_layers.py'
    if here == there or LEVEL_OF[there] < LEVEL_OF[here]:
        if here == "cluster" and there == "engine/node" and included not in NODE_PORTS_OF_CLUSTER:
            return f"cluster may not see the inside of a node ({included})"
        return None
    return f"{here} may not include {there} ({included}): includes point down the order of engine/README.md"


def library_problem(path, included):
    for prefix, homes in LIBRARIES.items():
        if included.startswith(prefix) and not any(path.startswith(home) for home in homes):
            return f"<{included}> belongs to {', '.join(homes) or 'nobody here'}"
    return None


def problems_in(path, lines):
    """(line number, problem) for each include of a file that breaks a rule."""
    found = []
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        included = match.group(2)
        ours = match.group(1) == '"' and not included.startswith(QUOTED_LIBRARIES)
        problem = order_problem(path, included) if ours else library_problem(path, included)
        if problem:
            found.append((number, problem))
    return found


def sources(root):
    for top in ("engine", "proto", "cluster", "tools"):
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                if name.endswith((".h", ".cc")):
                    yield os.path.relpath(os.path.join(folder, name), root)


def main(root=ROOT):
    count = 0
    for path in sources(root):
        with open(os.path.join(root, path), encoding="utf-8") as file:
            for number, problem in problems_in(path, file):
                print(f"{path}:{number}: {problem}")
                count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
