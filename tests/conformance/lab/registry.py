"""Tests, and the statements in their names."""

import importlib
import pkgutil
from dataclasses import dataclass

PLAIN = "plain"

# What a test may ask for by name with `on`: laid over the plain configuration.
CONFIGS = {PLAIN: {}}
_tests = []


@dataclass(frozen=True)
class Test:
    group: str
    name: str  # ends in the statements that it proves
    run: object
    v: int  # protocol level
    pair: bool  # clients on both nodes of a pair, or all on one node
    on: str  # key of CONFIGS
    alone: bool  # does not share its nodes with other tests

    def __str__(self):
        where = "two_nodes" if self.pair else "one_node"
        return f"v{self.v}/{where}/{self.group}/{self.name}"


def _full_id(v, short):
    """3.1.0-2 is a numbered statement, 3.1.4-a a rule without number, A11 a choice of ours."""
    if short[0] == "A" and short[1:].isdigit():
        return short
    letter = short[-1].isalpha()
    return (f"U{5 if v == 5 else 3}-" if letter else "MQTT-") + short


def _name(function, v, statements):
    tail = [_full_id(v, s).replace("-", "_").replace(".", "_") for s in statements.split()]
    return "_".join([function.__name__, *tail])


def test(v5=None, v3=None, v31=None, two=True, on=PLAIN, alone=False, one=True):
    """Registers a function of one argument (Context) for the versions whose statements are given.

    `two=False`: one connection whose node makes no difference, so no run on a pair.
    `one=False`: there is something to see on a pair only.
    """
    def register(function):
        group = function.__module__.rsplit(".", 1)[1]
        for v, statements in ((5, v5), (4, v3), (3, v31)):
            if statements is None:
                continue
            for pair in ([False] if one else []) + ([True] if two else []):
                _tests.append(Test(group, _name(function, v, statements), function, v, pair, on,
                                   alone))
        return function
    return register


def config(name, **changes):
    """Names a configuration for `on`."""
    assert name not in CONFIGS, f"configuration {name} twice"
    CONFIGS[name] = changes
    return name


def all_tests():
    import cases  # pylint: disable=import-outside-toplevel
    for module in sorted(m.name for m in pkgutil.iter_modules(cases.__path__)):
        importlib.import_module(f"cases.{module}")
    names = [str(t) for t in _tests]
    twice = {name for name in names if names.count(name) > 1}
    assert not twice, f"names twice: {twice}"
    return list(_tests)
