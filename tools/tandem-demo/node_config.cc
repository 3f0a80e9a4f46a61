#include "tools/tandem-demo/node_config.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace tandem::demo {
namespace {

// A TOML basic string.
std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

// "2,3": one engine thread on each CPU.
std::string Cores(const std::vector<unsigned>& cores) {
  return Quoted(cores.empty() ? "auto" : absl::StrJoin(cores, ","));
}

std::string Member(const MemberAddresses& member) {
  std::vector<std::string> links;
  for (const std::string& link : member.links) links.push_back(Quoted(link));
  return absl::StrCat("\n[[cluster.member]]\nname = ", Quoted(member.name), "\nlinks = [",
                      absl::StrJoin(links, ", "), "]\n");
}

}  // namespace

std::string ToToml(const NodeFile& node) {
  std::string text = absl::StrCat(
      "[node]\nname = ", Quoted(node.name), "\ndata_dir = ", Quoted(node.data_dir),
      "\n\n[engine]\ncores = ", Cores(node.cores),
      "\n\n[[listener]]\nname = \"mqtt\"\naddress = ", Quoted(node.mqtt_address),
      "\n\n[admin]\naddress = ", Quoted(node.admin_address),
      "\n\n[auth]\nallow_anonymous = true\n"
      "\n[log]\nlevel = \"info\"\naccess_log = ",
      Quoted(node.access_log), "\n\n[cluster]\nname = ", Quoted(node.cluster_name), "\n");
  for (const MemberAddresses& member : node.members) text += Member(member);
  return text;
}

}  // namespace tandem::demo
