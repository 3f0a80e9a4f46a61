// The figures of the cluster as topics below $SYS, under the names that mosquitto gives them.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/clock.h"
#include "engine/broker/figures.h"

namespace tandem::broker {

// Topics that the broker speaks on and clients only listen to.
inline bool IsSystemTopic(std::string_view topic) noexcept {
  constexpr std::string_view kRoot = "$SYS";
  return topic.starts_with(kRoot) && (topic.size() == kRoot.size() || topic[kRoot.size()] == '/');
}

struct SystemTopic {
  std::string topic;
  std::string value;
  friend bool operator==(const SystemTopic&, const SystemTopic&) = default;
};

// What the topics tell about, at one moment.
struct SystemView {
  MonoNs now = 0;
  std::string_view version;
  Figures here;
  std::optional<Figures> there;  // of the partner, while it is seen
  std::vector<std::pair<std::string_view, std::string_view>>
      states;  // of the nodes, by their names
};

// One per node; both nodes of a pair come to the same values, but for what has happened in the last
// moments. What is counted from a beginning begins with each process: a partner that starts anew
// takes what it had counted with it.
class SystemTopics {
 public:
  // Those whose value has changed since the last call; at first all.
  std::vector<SystemTopic> Update(const SystemView& view);

  // Adds what only this object knows to the figures that the other node is told.
  void AddMaxima(Figures& here) const noexcept {
    here[Figure::kClientsMaximum] = clients_maximum_;
    here[Figure::kMemoryMaximum] = memory_maximum_;
  }

 private:
  // Of the last minute, five and fifteen minutes: exponential means, per minute.
  using Load = std::array<double, 3>;

  void Tell(std::string name, std::string value);
  void TellSums(const SystemView& view);
  void TellLoads(const SystemView& view);

  std::map<std::string, std::string> values_;
  std::vector<SystemTopic> changed_;
  std::int64_t clients_maximum_ = 0;
  std::int64_t memory_maximum_ = 0;
  std::optional<SystemView> before_;  // without its texts
  std::array<Load, kFigures> loads_{};
};

}  // namespace tandem::broker
