"""Which tests there are."""

import importlib
import pkgutil
from dataclasses import dataclass
from typing import Callable

import cases


@dataclass(frozen=True)
class Test:
    name: str  # a sentence; ends in the promises it proves: "(P3)"
    group: str  # module in cases/
    seconds: float  # deadline of the whole test, before stretching
    full_only: bool
    needs_network: bool
    run: Callable


_tests = []


def test(name, seconds=30, full_only=False, needs_network=False):
    """Registers `run(t)`; `t` is a context.Context.

    `full_only` tests run with --full; `needs_network` ones need namespaces rather than loopback.
    """
    def register(run):
        group = run.__module__.rsplit(".", 1)[-1]
        _tests.append(Test(name, group, seconds, full_only, needs_network, run))
        return run
    return register


def all_tests():
    """In the order of the modules' names, and within a module as written."""
    for module in sorted(pkgutil.iter_modules(cases.__path__), key=lambda entry: entry.name):
        importlib.import_module(f"cases.{module.name}")
    names = [entry.name for entry in _tests]
    twice = {name for name in names if names.count(name) > 1}
    assert not twice, f"two tests of one name: {sorted(twice)}"
    return list(_tests)
