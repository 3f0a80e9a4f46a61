// What is said to etcd's JSON gateway (v3), and what it answers. Pure functions over text.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "cluster/witness/witness.h"

namespace tandem::cluster {

// The key of a cluster's register.
std::string RegisterKey(std::string_view cluster);

// A record as the register holds it: JSON, for an operator who looks with etcdctl.
std::string EncodeRecord(const WitnessRecord& record);
absl::StatusOr<WitnessRecord> DecodeRecord(std::string_view text);

// Path and body of the call that carries out `request`.
struct EtcdCall {
  std::string_view path;  // static
  std::string body;
};
EtcdCall EncodeCall(std::string_view key, const WitnessRequest& request);

// The body of an answer with status 200 to `request`.
absl::StatusOr<WitnessAnswer> DecodeAnswer(const WitnessRequest& request, std::string_view body);

}  // namespace tandem::cluster
