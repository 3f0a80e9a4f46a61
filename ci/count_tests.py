#!/usr/bin/python3
"""ci/count_tests.py DIRECTORY: how many test cases passed and failed in a run of ctest.

DIRECTORY holds ctest.xml (ctest --output-junit) and, for each GoogleTest program, the XML that GTEST_OUTPUT made it write. Cases
of GoogleTest programs are counted one by one; a program that died, or wrote nothing, counts as one case. Prints
"PASSED FAILED SKIPPED", then a line for each case that failed."""

import glob
import os
import sys
import xml.etree.ElementTree as xml


def gtest_counts(path):
    """(passed, [failed names], skipped) of one GoogleTest program."""
    passed, failed, skipped = 0, [], 0
    for case in xml.parse(path).getroot().iter("testcase"):
        if case.get("status") == "notrun" or case.get("result") in ("skipped", "suppressed"):
            skipped += 1
        elif case.find("failure") is not None:
            failed.append(f'{case.get("classname")}.{case.get("name")}')
        else:
            passed += 1
    return passed, failed, skipped


def count(directory):
    """(passed, [failed names], skipped) of a whole run."""
    passed, failed, skipped = 0, [], 0
    for program in xml.parse(os.path.join(directory, "ctest.xml")).getroot().iter("testcase"):
        name = program.get("name")
        if program.get("status") == "disabled":
            skipped += 1
            continue
        ended_well = program.get("status") == "run"
        reports = glob.glob(os.path.join(glob.escape(directory), glob.escape(name) + ".xml"))
        cases = gtest_counts(reports[0]) if reports else None
        if cases is None or (not ended_well and not cases[1]):
            # No GoogleTest program; or one that died, also after its last case.
            cases = (1, [], 0) if ended_well else ((cases[0] if cases else 0), [f"{name} (the whole program)"], 0)
        passed += cases[0]
        failed += [f"{name}: {case}" for case in cases[1]]
        skipped += cases[2]
    return passed, failed, skipped


def main(directory):
    passed, failed, skipped = count(directory)
    print(passed, len(failed), skipped)
    for case in failed:
        print(case)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: ci/count_tests.py DIRECTORY")
    main(sys.argv[1])
