#include "engine/node/config/load.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

#include "engine/node/config/availability.h"
#include "engine/node/config/checks.h"
#include "engine/node/config/keys.h"
#include "engine/node/config/setting.h"
#include "engine/node/config/sources.h"

namespace tandem::config {
namespace {

// A bound on list sections, so that "listener.4000000000.name" is an error and no allocation.
constexpr std::size_t kEntriesMax = 64;

const ListenerConfig kDefaultListener = {.name = "mqtt",
                                         .address = {"127.0.0.1", 1883},
                                         .websocket_path = {},
                                         .tls = {},
                                         .trusted_proxies = {}};

// Number of entries of a list section ("listener", "cluster.member"): one more than the highest
// index. An index that is too high, or that leaves a gap, is a problem.
std::size_t EntriesOf(std::string_view section, const Settings& settings,
                      std::vector<Problem>& problems) {
  const std::string prefix = std::string(section) + ".";
  const std::string pattern = prefix + "#.";
  std::vector<bool> seen;
  for (const auto& [path, setting] : settings) {
    if (!path.starts_with(prefix) || !PatternOf(path).starts_with(pattern)) continue;
    const std::size_t index = IndexOf(path);
    if (index >= kEntriesMax) {
      problems.push_back({setting.origin, path + ": at most " + std::to_string(kEntriesMax) +
                                              " entries are possible"});
      continue;
    }
    if (index >= seen.size()) seen.resize(index + 1);
    seen[index] = true;
  }
  const auto gap = std::find(seen.begin(), seen.end(), false);
  if (gap != seen.end()) {
    problems.push_back(
        {{},
         prefix + std::to_string(gap - seen.begin()) + " is missing: entries are numbered from 0"});
  }
  return seen.size();
}

// Without any listener there is the default one; settings of listener.0 then change it.
void MakeListeners(const Sources& sources, const Settings& settings, Config& config,
                   std::vector<Problem>& problems) {
  const std::size_t count = EntriesOf("listener", settings, problems);
  config.listeners.assign(std::max<std::size_t>(count, 1), ListenerConfig{});
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    config.listeners[i].name = "listener-" + std::to_string(i);
    const std::string address = "listener." + std::to_string(i) + ".address";
    const bool addressed = settings.find(address) != settings.end();
    const bool default_one = i == 0 && (count == 0 || !sources.file);
    if (default_one) config.listeners[0] = kDefaultListener;
    if (!addressed && !default_one) problems.push_back({{}, address + " is missing"});
  }
}

void MakeMembers(const Settings& settings, Config& config, std::vector<Problem>& problems) {
  config.members.resize(EntriesOf("cluster.member", settings, problems));
  for (std::size_t i = 0; i < config.members.size(); ++i) {
    for (const std::string_view key : {"name", "links"}) {
      const std::string path = "cluster.member." + std::to_string(i) + "." + std::string(key);
      if (settings.find(path) == settings.end()) problems.push_back({{}, path + " is missing"});
    }
  }
}

void StoreAll(const Settings& settings, Config& config, std::vector<Problem>& problems) {
  for (const auto& [path, setting] : settings) {
    const Key* const key = FindKey(PatternOf(path));
    const std::size_t index = IndexOf(path);
    if (index >= kEntriesMax) continue;  // complained about already
    const auto* text = std::get_if<std::string>(&setting.value);
    if (key->path == "listener.#.name" && text != nullptr && text->empty())
      continue;  // "" keeps the default
    if (const Complaint complaint = key->store(*key, setting, index, config)) {
      problems.push_back({setting.origin, path + ": " + *complaint});
    }
  }
}

// What was found in the file comes first, in the order of its lines.
bool FileFirst(const Problem& a, const Problem& b) {
  if ((a.origin.line == 0) != (b.origin.line == 0)) return a.origin.line != 0;
  return std::pair(a.origin.line, a.origin.column) < std::pair(b.origin.line, b.origin.column);
}

bool AllOnLoopback(const std::vector<ListenerConfig>& listeners) {
  return std::all_of(listeners.begin(), listeners.end(),
                     [](const ListenerConfig& listener) { return listener.address.is_loopback(); });
}

}  // namespace

const MemberConfig* Config::self() const {
  const auto member = std::find_if(members.begin(), members.end(),
                                   [&](const auto& m) { return m.name == node.name; });
  return member == members.end() ? nullptr : &*member;
}

const MemberConfig* Config::peer() const {
  const auto member = std::find_if(members.begin(), members.end(),
                                   [&](const auto& m) { return m.name != node.name; });
  return member == members.end() ? nullptr : &*member;
}

std::string ToString(const Problem& problem) {
  const Origin& origin = problem.origin;
  if (origin.name.empty()) return problem.reason;
  std::string place = origin.name;
  if (origin.line != 0)
    place += ":" + std::to_string(origin.line) + ":" + std::to_string(origin.column);
  return place + ": " + problem.reason;
}

LoadResult Load(const Sources& sources) {
  LoadResult result;
  Settings settings;
  const bool knows_file = !sources.file || GatherFile(*sources.file, settings, result.problems);
  GatherEnvironment(sources.environment, settings, result.problems);
  GatherSets(sources.sets, settings, result.problems);
  // Whatever seems to be missing now may stand in the file.
  if (!knows_file) return result;

  Config& config = result.config;
  MakeListeners(sources, settings, config, result.problems);
  MakeMembers(settings, config, result.problems);
  StoreAll(settings, config, result.problems);
  if (settings.find("auth.allow_anonymous") == settings.end()) {
    config.auth.allow_anonymous = !sources.file && AllOnLoopback(config.listeners);
  }
  CheckCombinations(config, settings, result.problems);
  RefuseUnavailable(config, settings, result.problems);
  std::stable_sort(result.problems.begin(), result.problems.end(), FileFirst);
  return result;
}

}  // namespace tandem::config
