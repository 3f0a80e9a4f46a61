// What the tests of loading share.
#pragma once

#include <string>
#include <vector>

#include "engine/node/config/load.h"

namespace tandem::config {

// The problems of command-line settings alone, as lines without their origin.
inline std::vector<std::string> ReasonsOf(std::vector<std::string> sets) {
  Sources sources;
  sources.sets = std::move(sets);
  std::vector<std::string> reasons;
  for (const Problem& problem : Load(sources).problems) reasons.push_back(problem.reason);
  return reasons;
}

// Settings of a pair on loopback, and more behind them.
inline std::vector<std::string> Pair(std::vector<std::string> more = {}) {
  std::vector<std::string> sets = {
      "node.name=alpha", "cluster.member.0.name=alpha", "cluster.member.0.links=127.0.0.1:7883",
      "cluster.member.1.name=beta", "cluster.member.1.links=127.0.0.1:7884"};
  sets.insert(sets.end(), more.begin(), more.end());
  return sets;
}

}  // namespace tandem::config
