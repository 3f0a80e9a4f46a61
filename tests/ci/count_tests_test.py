import os
import tempfile
import unittest

import count_tests

CTEST = """<testsuite><testcase name="good_tests" status="run"/><testcase name="bad_tests" status="fail"/>
<testcase name="dead_tests" status="fail"/><testcase name="late_tests" status="fail"/>
<testcase name="script" status="run"/><testcase name="bad_script" status="fail"/></testsuite>"""

GOOD = """<testsuites tests="3" failures="0"><testsuite name="A">
<testcase name="One" status="run" result="completed" classname="A"/>
<testcase name="Two" status="run" result="skipped" classname="A"><skipped/></testcase>
<testcase name="Off" status="notrun" result="suppressed" classname="A"/></testsuite></testsuites>"""

BAD = """<testsuites tests="2" failures="1"><testsuite name="B">
<testcase name="One" status="run" result="completed" classname="B"/>
<testcase name="Two" status="run" result="completed" classname="B"><failure message="no"/></testcase>
</testsuite></testsuites>"""


class CountTests(unittest.TestCase):
    def test_counts_cases_and_programs(self):
        with tempfile.TemporaryDirectory() as folder:
            # late_tests passed all its cases and died at its end; dead_tests wrote nothing.
            for name, text in (("ctest", CTEST), ("good_tests", GOOD), ("bad_tests", BAD), ("late_tests", GOOD)):
                with open(os.path.join(folder, name + ".xml"), "w", encoding="utf-8") as file:
                    file.write(text)
            passed, failed, skipped = count_tests.count(folder)
        self.assertEqual(passed, 1 + 1 + 1 + 1)  # good, bad, late, script
        self.assertEqual(skipped, 2)
        self.assertEqual(failed, ["bad_tests: B.Two", "dead_tests: dead_tests (the whole program)",
                                  "late_tests: late_tests (the whole program)",
                                  "bad_script: bad_script (the whole program)"])


if __name__ == "__main__":
    unittest.main()
