import unittest

import check_layers


def problems(path, *lines):
    return check_layers.problems_in(path, lines)


class CheckLayers(unittest.TestCase):
    def test_includes_may_point_down(self):
        self.assertEqual(problems("engine/broker/shard.cc", '#include "engine/base/bytes.h"', '#include "proto/mqtt/packet.h"',
                                  '#include "engine/broker/router.h"', "#include <vector>",
                                  '#include "absl/status/status.h"'), [])

    def test_includes_may_not_point_up(self):
        found = problems("engine/broker/shard.h", "// a comment", '#include "engine/net/connection.h"')
        self.assertEqual([line for line, _ in found], [2])
        self.assertIn("engine/broker may not include engine/net", found[0][1])

    def test_neighbours_of_one_level_do_not_know_each_other(self):
        self.assertEqual(len(problems("engine/metrics/registry.h", '#include "proto/mqtt/packet.h"')), 1)
        self.assertEqual(len(problems("proto/mqtt/packet.h", '#include "engine/metrics/registry.h"')), 1)

    def test_the_cluster_sees_the_port_of_a_node_only(self):
        self.assertEqual(problems("cluster/cluster.h", '#include "engine/node/partner_link.h"'), [])
        self.assertEqual(len(problems("cluster/cluster.h", '#include "engine/node/core.h"')), 1)

    def test_nobody_but_tools_sees_the_cluster(self):
        self.assertEqual(len(problems("engine/node/node.cc", '#include "cluster/cluster.h"')), 1)
        self.assertEqual(problems("tools/tandemd/main.cc", '#include "cluster/cluster.h"'), [])

    def test_libraries_stay_at_home(self):
        for include, home, stranger in (("<liburing.h>", "engine/reactor/uring_ring.h", "engine/net/connection.h"),
                                        ("<kj/async.h>", "cluster/lane.h", "engine/broker/shard.h"),
                                        ("<capnp/message.h>", "proto/peer/peer_version.h", "engine/reactor/uring_ring.h"),
                                        ("<kj/compat/http.h>", "engine/node/admin/admin_server.cc", "engine/node/node.cc"),
                                        ("<spdlog/spdlog.h>", "engine/base/log.cc", "engine/base/strings.cc"),
                                        ("<toml++/toml.h>", "engine/node/config/toml_source.cc", "engine/node/config/load.cc")):
            self.assertEqual(problems(home, f"#include {include}"), [], include)
            self.assertEqual(len(problems(stranger, f"#include {include}")), 1, include)

    def test_a_header_outside_of_all_modules_is_named(self):
        self.assertIn("is in no module", problems("engine/net/connection.h", '#include "connection.h"')[0][1])


if __name__ == "__main__":
    unittest.main()
