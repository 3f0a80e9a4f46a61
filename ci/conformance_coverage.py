#!/usr/bin/python3
"""Says which statements of MQTT 5.0 and 3.1.1 have a conformance test, by the names of the tests.

tests/conformance/statements.tsv lists the statements: the numbered ones of the standards (MQTT-...), the
rules that have no number there (U5-... and U3-..., by section), and the choices of Tandem where the
standards leave one (A..., told by tests/conformance/choices.md). tests/conformance/untestable.tsv lists those that no test can show, with the
reason. Fails if a statement of level MUST is in neither, or if a name or a line names what does not exist.
"""

import csv
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_FOLDER = os.path.join(_ROOT, "tests/conformance")
_STANDARD_OF_LEVEL = {"5": "5.0", "4": "3.1.1", "3": "3.1.1"}
_STATEMENT = re.compile(r"_(MQTT|U5|U3)((?:_\d+)+)(?:_([a-z]))?(?=_|$)|_(A\d+)(?=_|$)")


@dataclass
class Coverage:
    """What was found; `missing` and `unknown` are what fails."""

    rows: dict = field(default_factory=dict)  # standard: number of statements
    tested: dict = field(default_factory=dict)
    untestable: dict = field(default_factory=dict)
    missing: list = field(default_factory=list)  # MUST, and neither tested nor excused
    unknown: list = field(default_factory=list)  # named by a test or an excuse, in no list
    both: list = field(default_factory=list)  # excused although tested
    untold: list = field(default_factory=list)  # a choice that is not described, or described and no statement


def statements_of(name):
    """(standard, id) of each statement in a test's name, such as
    v5/one_node/connect/refuses_a_second_connect_MQTT_3_1_0_2."""
    standard = _STANDARD_OF_LEVEL[name[1]]
    for kind, numbers, letter, choice in _STATEMENT.findall(name.rsplit("/", 1)[1]):
        if choice:
            yield "tandem", choice
            continue
        numbers = numbers[1:].split("_")
        if kind == "MQTT":
            yield standard, f"MQTT-{'.'.join(numbers[:-1])}-{numbers[-1]}"
        else:
            yield standard, f"{kind}-{'.'.join(numbers)}-{letter}"


def choices_of(text):
    """Statements that have a row in choices.md."""
    return {("tandem", choice) for choice in re.findall(r"^\| (A\d+) \| \w", text, re.MULTILINE)}


def cover(statements, untestable, names, choices):
    """`statements`: {(standard, id): level}; `untestable`, `choices`: {(standard, id)}; `names`: of tests."""
    tested = {statement for name in names for statement in statements_of(name)}
    result = Coverage()
    for key, level in statements.items():
        standard = key[0]
        for counts, counted in ((result.rows, True), (result.tested, key in tested),
                                (result.untestable, key in untestable and key not in tested)):
            counts[standard] = counts.get(standard, 0) + counted
        if level == "MUST" and key not in tested and key not in untestable:
            result.missing.append(key)
    result.unknown = sorted((tested | set(untestable)) - set(statements))
    result.both = sorted(tested & set(untestable))
    result.untold = sorted({key for key in statements if key[0] == "tandem"} ^ choices)
    return result


def _read(name):
    with open(os.path.join(_FOLDER, name), newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def main():
    listed = subprocess.run([os.path.join(_FOLDER, "run"), "--list"], check=True, text=True,
                            capture_output=True)
    statements = {(row["standard"], row["id"]): row["level"] for row in _read("statements.tsv")}
    untestable = {(row["standard"], row["id"]) for row in _read("untestable.tsv")}
    with open(os.path.join(_FOLDER, "choices.md")) as file:
        choices = choices_of(file.read())
    result = cover(statements, untestable, listed.stdout.split(), choices)
    for standard, rows in result.rows.items():
        tested, excused = result.tested[standard], result.untestable[standard]
        print(f"{standard}: {rows} statements, {tested} tested, {excused} untestable, "
              f"{rows - tested - excused} left (none of them a MUST)" if not result.missing else
              f"{standard}: {rows} statements, {tested} tested, {excused} untestable")
    for what, keys in (("a MUST without a test", result.missing), ("not a statement", result.unknown),
                       ("called untestable but tested", result.both),
                       ("only one of statements.tsv and choices.md has it", result.untold)):
        for standard, statement in keys:
            print(f"{standard} {statement}: {what}")
    return 1 if result.missing or result.unknown or result.both or result.untold else 0


if __name__ == "__main__":
    sys.exit(main())
