#include <algorithm>
#include <cstdio>

#include "tests/end_to_end/tools/load.h"

namespace tandem::e2e {
namespace {

class GroupJudge : public Judge {
 public:
  GroupJudge(std::size_t publishers, std::size_t members, std::uint64_t messages)
      : seen_(publishers), complete_(publishers), per_member_(members) {
    for (auto& of_publisher : seen_) {
      for (auto& of_qos : of_publisher.by_qos) of_qos.resize(messages);
    }
  }

  void Delivered(std::size_t member, const Stamp& stamp) override {
    std::vector<bool>& seen = seen_[stamp.publisher].by_qos[stamp.qos];
    if (seen.at(stamp.sequence)) {
      Fail("message " + std::to_string(stamp.sequence) + " of publisher " +
           std::to_string(stamp.publisher) + " at QoS " + std::to_string(stamp.qos) +
           " went to two members");
    }
    seen[stamp.sequence] = true;
    ++complete_[stamp.publisher];
    ++per_member_[member];
  }

  std::uint64_t Complete(std::size_t publisher) const override { return complete_[publisher]; }

  const std::vector<std::uint64_t>& per_member() const { return per_member_; }

 private:
  struct Seen {
    std::vector<bool> by_qos[3];
  };
  std::vector<Seen> seen_;
  std::vector<std::uint64_t> complete_;
  std::vector<std::uint64_t> per_member_;
};

}  // namespace

void RunGroup(const StormOptions& options) {
  Load load(options, "$share/group/load/+");
  GroupJudge judge(load.publishers(), load.subscribers(), options.count);
  const double seconds = load.Run(judge);
  const auto [least, most] =
      std::minmax_element(judge.per_member().begin(), judge.per_member().end());
  const std::uint64_t total = options.count * load.publishers();
  std::printf("%llu messages once each, %.0f/s, %llu to %llu per member\n",
              static_cast<unsigned long long>(total), static_cast<double>(total) / seconds,
              static_cast<unsigned long long>(*least), static_cast<unsigned long long>(*most));
  if (*least == 0) Fail("a member got nothing at all");
}

}  // namespace tandem::e2e
