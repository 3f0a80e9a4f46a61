import unittest

from faults.oracle import Oracle, Receiver


class OracleTest(unittest.TestCase):
    def setUp(self):
        self.oracle = Oracle()
        self.oracle.add_publisher("once", 2)
        self.oracle.add_publisher("again", 1)
        self.receiver = Receiver("persistent")
        self.oracle.add_receiver(self.receiver)

    def sends(self, publisher, count):
        for _ in range(count):
            self.oracle.send(publisher)

    def gets(self, publisher, *numbers, receiver=None, member=None):
        receiver = receiver or self.receiver
        for number in numbers:
            self.oracle.deliver(receiver, member or receiver.name, publisher, number)

    def found(self):
        self.oracle.settle()
        return dict(self.oracle.findings)

    def test_all_in_order_is_fine(self):
        self.sends("once", 3)
        self.gets("once", 0, 1, 2)
        self.assertEqual(self.oracle.owed(), 0)
        self.assertEqual(self.found(), {})

    def test_what_is_missing_is_lost_once(self):
        self.sends("again", 3)
        self.gets("again", 0, 2)
        self.assertEqual(self.oracle.owed(), 1)
        self.assertEqual(self.found(), {"lost": 1})
        self.assertEqual(self.found(), {"lost": 1})

    def test_what_comes_after_it_was_judged_is_late(self):
        self.sends("again", 2)
        self.gets("again", 0)
        self.found()
        self.gets("again", 1)
        self.assertEqual(self.found(), {"lost": 1, "late": 1})

    def test_qos_2_comes_once_also_after_it_was_judged(self):
        self.sends("once", 2)
        self.gets("once", 0, 1, 1)
        self.assertEqual(self.found(), {"twice": 1})
        self.gets("once", 0)
        self.assertEqual(self.found(), {"twice": 2})

    def test_qos_1_may_repeat_a_suffix(self):
        self.sends("again", 5)
        self.gets("again", 0, 1, 2, 1, 2, 2, 3, 4)
        self.assertEqual(self.found(), {})
        self.assertEqual(self.oracle.repeated, 3)

    def test_a_repetition_that_leaves_something_out_is_no_suffix(self):
        self.sends("again", 5)
        self.gets("again", 0, 1, 2, 3, 1, 3, 4)
        self.assertEqual(self.found(), {"suffix": 1})

    def test_a_repetition_that_stops_before_its_end_is_no_suffix(self):
        self.sends("again", 4)
        self.gets("again", 0, 1, 2, 0, 3)
        self.assertEqual(self.found(), {"suffix": 1})

    def test_first_arrivals_are_in_order(self):
        self.sends("once", 3)
        self.gets("once", 0, 2, 1)
        self.assertEqual(self.found(), {"order": 1})

    def test_a_transient_receiver_is_owed_what_was_sent_since_it_subscribed(self):
        transient = Receiver("transient", transient=True)
        self.oracle.add_receiver(transient)
        self.sends("again", 2)
        self.gets("again", 0, 1)
        self.oracle.opened(transient)
        self.oracle.subscribed(transient)
        self.sends("again", 2)
        self.gets("again", 2, 3)
        self.gets("again", 3, receiver=transient)
        self.assertEqual(self.oracle.owed(transient=False), 0)
        self.assertEqual(self.found(), {"transient_lost": 1})

    def test_a_transient_receiver_that_lost_its_connection_is_owed_nothing(self):
        transient = Receiver("transient", transient=True)
        self.oracle.add_receiver(transient)
        self.oracle.opened(transient)
        self.oracle.subscribed(transient)
        self.sends("again", 1)
        self.gets("again", 0)
        self.oracle.closed(transient)
        self.assertEqual(self.found(), {})

    def test_a_group_is_one_receiver(self):
        group = Receiver("group", is_group=True)
        self.oracle.add_receiver(group)
        self.sends("once", 4)
        self.gets("once", 0, 1, 2, 3)
        self.gets("once", 1, 3, receiver=group, member="one")
        self.gets("once", 0, 3, receiver=group, member="two")
        self.assertEqual(self.found(), {"lost": 1, "twice": 1})

    def test_a_member_of_a_group_gets_its_part_in_order(self):
        group = Receiver("group", is_group=True)
        self.oracle.add_receiver(group)
        self.sends("again", 4)
        self.gets("again", 0, 1, 2, 3)
        self.gets("again", 2, receiver=group, member="one")
        self.gets("again", 0, 3, receiver=group, member="two")
        self.gets("again", 1, receiver=group, member="one")
        self.assertEqual(self.found(), {"group_order": 1})

    def test_a_will_that_is_due_comes_once(self):
        wills = self.oracle.wills
        for name in ("right", "missing", "twice"):
            wills.decide(name, "due", "a fault")
        for name in ("right", "twice", "twice"):
            wills.arrive(name, "later")
        self.assertEqual(wills.outstanding(), ["missing"])
        wills.judge()
        self.assertEqual(dict(self.oracle.findings), {"will_missing": 1, "will_twice": 1})

    def test_a_will_of_a_client_that_is_back_or_still_there_is_undue(self):
        wills = self.oracle.wills
        wills.decide("back", "not due", "a fault")
        wills.decide("unclear", "may come", "a fault")
        for name in ("back", "unclear", "still there"):
            wills.arrive(name, "later")
        wills.judge()
        self.assertEqual(dict(self.oracle.findings), {"will_undue": 2})

    def test_a_will_that_met_a_partition_is_counted_by_itself(self):
        wills = self.oracle.wills
        wills.parted = True
        wills.decide("both sides", "due", "a cut")
        wills.parted = False
        for _ in range(2):
            wills.arrive("both sides", "later")
        wills.judge()
        self.assertEqual(dict(self.oracle.findings), {"will_parted": 1})


if __name__ == "__main__":
    unittest.main()
