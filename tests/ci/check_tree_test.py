import os
import tempfile
import unittest
from unittest import mock

import check_tree


class CheckTree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        exceptions = mock.patch.object(check_tree, "EXCEPTIONS", {})
        self.exceptions = exceptions.start()
        self.addCleanup(exceptions.stop)

    def write(self, path, text=""):
        os.makedirs(os.path.dirname(os.path.join(self.root, path)), exist_ok=True)
        with open(os.path.join(self.root, path), "w", encoding="utf-8") as file:
            file.write(text)

    def test_a_header_needs_its_test(self):
        self.write("engine/base/thing.h")
        self.assertEqual(len(check_tree.test_problems(self.root)), 1)
        self.write("tests/engine/base/thing_test.cc")
        self.assertEqual(check_tree.test_problems(self.root), [])

    def test_tests_may_be_several_files(self):
        self.write("engine/broker/shard.h")
        self.write("tests/engine/broker/shard_connect_test.cc")
        self.assertEqual(check_tree.test_problems(self.root), [])

    def test_a_test_beside_it_that_includes_it_is_enough(self):
        self.write("cluster/blob.h")
        self.write("tests/cluster/link_buffers_test.cc", '// no include\n')
        self.assertEqual(len(check_tree.test_problems(self.root)), 1)
        self.write("tests/cluster/link_buffers_test.cc", '#include "cluster/blob.h"\n')
        self.assertEqual(check_tree.test_problems(self.root), [])

    def test_a_test_elsewhere_is_not_enough(self):
        self.write("engine/base/thing.h")
        self.write("tests/engine/net/thing_test.cc")
        self.write("tests/engine/base/something_test.cc")
        self.assertEqual(len(check_tree.test_problems(self.root)), 1)

    def test_an_exception_is_good_until_there_is_a_test(self):
        self.write("engine/base/thing.h")
        self.exceptions["engine/base/thing.h"] = "only values"
        self.assertEqual(check_tree.test_problems(self.root), [])
        self.write("tests/engine/base/thing_test.cc")
        self.assertIn("take it off", check_tree.test_problems(self.root)[0])

    def test_an_exception_for_nothing_is_found(self):
        self.write("engine/base/CMakeLists.txt")
        self.exceptions["engine/base/gone.h"] = "only values"
        self.assertIn("is gone", check_tree.test_problems(self.root)[0])

    def test_an_exception_that_names_a_test_needs_that_test(self):
        self.write("engine/base/thing.h")
        self.exceptions["engine/base/thing.h"] = "tests/engine/base/other_test.cc"
        self.assertIn("does not exist", check_tree.test_problems(self.root)[0])
        self.write("tests/engine/base/other_test.cc")
        self.assertEqual(check_tree.test_problems(self.root), [])

    def test_the_top_level_holds_what_it_should(self):
        self.write("engine/x.h")
        self.write(".gitignore")
        self.assertEqual(check_tree.top_level_problems(self.root), [])
        self.write("notes.txt")
        self.assertEqual(len(check_tree.top_level_problems(self.root)), 1)

    def test_walking_a_hash_map_is_found_also_if_it_is_a_member(self):
        self.write("cluster/pair.h", "class Pair {\n  absl::flat_hash_map<int, Link> links_;\n};\n")
        self.write("cluster/pair.cc", "for (auto& [id, link] : links_) Send(link);\n")
        found = check_tree.order_problems(self.root)
        self.assertEqual(len(found), 1)
        self.assertTrue(found[0].startswith("cluster/pair.cc:1: walks the hash map links_"), found)

    def test_walking_a_hash_map_through_an_object_is_found(self):
        self.write("engine/broker/a.cc", "StringMap<int> ids;\nfor (const auto& id : state.ids) {\n")
        self.assertEqual(len(check_tree.order_problems(self.root)), 1)

    def test_a_reason_beside_the_walk_is_enough(self):
        self.write("engine/broker/a.cc", "StringMap<int> ids;\n// order: a sum\nfor (auto& id : ids) sum += id.second;\n")
        self.assertEqual(check_tree.order_problems(self.root), [])

    def test_sorted_maps_and_other_folders_are_fine(self):
        self.write("engine/broker/a.cc", "absl::btree_map<int, int> ids;\nfor (auto& id : ids) Send(id);\n")
        self.write("engine/node/b.cc", "StringMap<int> ids;\nfor (auto& id : ids) Send(id);\n")
        self.assertEqual(check_tree.order_problems(self.root), [])


if __name__ == "__main__":
    unittest.main()
