#include <algorithm>
#include <cstdio>

#include "tests/end_to_end/tools/load.h"

namespace tandem::e2e {
namespace {

class OrderJudge : public Judge {
 public:
  OrderJudge(std::size_t publishers, std::size_t subscribers)
      : received_(subscribers, std::vector<Received>(publishers)) {}

  void Delivered(std::size_t subscriber, const Stamp& stamp) override {
    Received& received = received_[subscriber][stamp.publisher];
    std::uint64_t& next = received.next[stamp.qos];
    if (stamp.sequence != next) {
      Fail("subscriber " + std::to_string(subscriber) + " got message " +
           std::to_string(stamp.sequence) + " of publisher " + std::to_string(stamp.publisher) +
           " at QoS " + std::to_string(stamp.qos) + " instead of " + std::to_string(next));
    }
    ++next;
    ++received.total;
  }

  std::uint64_t Complete(std::size_t publisher) const override {
    std::uint64_t least = UINT64_MAX;
    for (const auto& of_subscriber : received_) {
      least = std::min(least, of_subscriber[publisher].total);
    }
    return least;
  }

 private:
  struct Received {
    std::uint64_t next[3] = {};  // sequence number that must come next, by QoS
    std::uint64_t total = 0;
  };
  std::vector<std::vector<Received>> received_;  // [subscriber][publisher]
};

}  // namespace

void RunOrder(const StormOptions& options) {
  Load load(options, "load/+");
  OrderJudge judge(load.publishers(), load.subscribers());
  const double seconds = load.Run(judge);
  const std::uint64_t delivered = options.count * load.publishers() * load.subscribers();
  std::printf("%llu deliveries in order, %.0f/s\n", static_cast<unsigned long long>(delivered),
              static_cast<double>(delivered) / seconds);
}

}  // namespace tandem::e2e
