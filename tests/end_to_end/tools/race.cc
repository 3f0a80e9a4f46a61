#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>

#include "tests/end_to_end/tools/modes.h"
#include "tests/end_to_end/tools/mqtt_client.h"

namespace tandem::e2e {
namespace {

// Filter of a round, and a topic that it matches. The kinds take turns: a topic nobody knew before,
// one that comes and goes all the time, and wildcards.
struct Target {
  std::string filter;
  std::string topic;
};

Target TargetOf(std::size_t worker, std::uint64_t round) {
  const std::string own = "race/" + std::to_string(worker) + "/";
  const std::string fresh = own + std::to_string(round);
  switch (round % 4) {
    case 0:
      return {fresh, fresh};
    case 1:
      return {own + "again", own + "again"};
    case 2:
      return {own + "+/" + std::to_string(round), own + "any/" + std::to_string(round)};
    default:
      return {fresh + "/#", fresh + "/below/it"};
  }
}

// One subscriber and one publisher. Unsubscribing is sent along with the next SUBSCRIBE, so that
// interest is withdrawn and announced again back to back.
class Worker {
 public:
  Worker(std::size_t number, const std::string& subscribe_at, const std::string& publish_at,
         int timeout_ms)
      : number_(number),
        timeout_ms_(timeout_ms),
        subscriber_(subscribe_at, "race-sub-" + std::to_string(number)),
        publisher_(publish_at, "race-pub-" + std::to_string(number)) {}

  void Round(std::uint64_t round) {
    const Target target = TargetOf(number_, round);
    const auto packet_id = static_cast<std::uint16_t>(1 + round % 30'000 * 2);
    const std::string name = "round " + std::to_string(round) + ", " + target.filter;
    if (!subscribed_.empty()) {
      subscriber_.Unsubscribe(subscribed_, static_cast<std::uint16_t>(packet_id + 1));
    }
    subscriber_.Subscribe(target.filter, 0, packet_id);
    subscriber_.Flush();
    if (!subscribed_.empty()) {
      subscriber_.Expect(PacketType::kUnsuback, timeout_ms_, "UNSUBACK of " + name);
    }
    subscriber_.Expect(PacketType::kSuback, timeout_ms_, "SUBACK of " + name);
    subscribed_ = target.filter;

    const std::string payload = std::to_string(round);
    publisher_.Publish(target.topic, payload, 0, 0);
    publisher_.Flush();
    const Packet got = subscriber_.Expect(PacketType::kPublish, timeout_ms_, "message of " + name);
    if (got.payload != payload || got.topic != target.topic) {
      Fail(name + ": got " + std::string(got.payload) + " on " + std::string(got.topic));
    }
  }

 private:
  std::size_t number_;
  int timeout_ms_;
  MqttClient subscriber_;
  MqttClient publisher_;
  std::string subscribed_;
};

}  // namespace

void RunRace(const StormOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  const std::size_t workers = options.clients * options.hosts.size();
  std::atomic<std::uint64_t> next{0};
  std::vector<std::thread> threads;
  for (std::size_t number = 0; number < workers; ++number) {
    threads.emplace_back([&, number] {
      const std::string& here = options.hosts[number % options.hosts.size()];
      const std::string& there = options.hosts[(number + 1) % options.hosts.size()];
      Worker worker(number, here, there, options.timeout_ms);
      for (std::uint64_t round; (round = next.fetch_add(1)) < options.count;) worker.Round(round);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("%llu rounds, none missed, %.0f/s\n", static_cast<unsigned long long>(options.count),
              static_cast<double>(options.count) / took.count());
}

}  // namespace tandem::e2e
