"""Tests of ci/conformance_coverage.py."""

import unittest

from conformance_coverage import choices_of, cover, statements_of


class StatementsOf(unittest.TestCase):
    def test_reads_every_kind_of_statement(self):
        name = "v5/two_nodes/connect/does_it_MQTT_3_1_2_24_U5_3_1_2_11_2_a_A11"
        self.assertEqual(list(statements_of(name)), [
            ("5.0", "MQTT-3.1.2-24"), ("5.0", "U5-3.1.2.11.2-a"), ("tandem", "A11")])

    def test_takes_the_standard_from_the_level(self):
        self.assertEqual(list(statements_of("v4/one_node/x/does_it_MQTT_3_1_0_2_U3_7_a")), [
            ("3.1.1", "MQTT-3.1.0-2"), ("3.1.1", "U3-7-a")])

    def test_takes_no_word_of_the_sentence_for_a_statement(self):
        self.assertEqual(list(statements_of("v5/one_node/x/a_qos_3_packet_of_4_bytes")), [])


class Cover(unittest.TestCase):
    STATEMENTS = {("5.0", "MQTT-1.0.0-1"): "MUST", ("5.0", "MQTT-1.0.0-2"): "MUST",
                  ("5.0", "U5-1.0-a"): "MAY"}

    def test_misses_a_must_without_test_and_without_reason(self):
        result = cover(self.STATEMENTS, set(), ["v5/one_node/x/does_MQTT_1_0_0_1"], set())
        self.assertEqual(result.missing, [("5.0", "MQTT-1.0.0-2")])
        self.assertEqual((result.rows, result.tested), ({"5.0": 3}, {"5.0": 1}))

    def test_accepts_a_reason(self):
        result = cover(self.STATEMENTS, {("5.0", "MQTT-1.0.0-2")}, ["v5/one_node/x/does_MQTT_1_0_0_1"], set())
        self.assertEqual((result.missing, result.untestable), ([], {"5.0": 1}))

    def test_finds_statements_that_do_not_exist(self):
        result = cover(self.STATEMENTS, set(), ["v5/one_node/x/does_MQTT_1_0_0_9"], set())
        self.assertEqual(result.unknown, [("5.0", "MQTT-1.0.0-9")])

    def test_finds_reasons_that_are_out_of_date(self):
        result = cover(self.STATEMENTS, {("5.0", "MQTT-1.0.0-1")}, ["v5/one_node/x/does_MQTT_1_0_0_1"], set())
        self.assertEqual(result.both, [("5.0", "MQTT-1.0.0-1")])

    def test_finds_choices_that_are_not_described_and_descriptions_of_none(self):
        statements = {("tandem", "A1"): "MUST", ("tandem", "A2"): "MUST"}
        described = choices_of("| | what |\n| --- | --- |\n| A1 | It does |\n| A3 | So |\n| A2 | |\nA2 too\n")
        result = cover(statements, set(), ["v5/one_node/x/does_A1_A2"], described)
        self.assertEqual(result.untold, [("tandem", "A2"), ("tandem", "A3")])


if __name__ == "__main__":
    unittest.main()
