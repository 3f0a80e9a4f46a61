// Writes the tandem.toml of a demo node.
#pragma once

#include <string>
#include <vector>

namespace tandem::demo {

struct MemberAddresses {
  std::string name;
  std::vector<std::string> links;  // host:port, the dedicated network first
};

struct NodeFile {
  std::string name;
  std::string data_dir;
  std::string access_log;
  std::vector<unsigned> cores;  // CPUs; empty: all
  std::string mqtt_address;
  std::string admin_address;
  std::string cluster_name;
  std::vector<MemberAddresses> members;  // both nodes, in the same order in both files
};

std::string ToToml(const NodeFile& node);

}  // namespace tandem::demo
