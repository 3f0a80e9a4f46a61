// The shapes of load. A new one is a file in modes/ and a line in modes.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/tandem-bench/options.h"

namespace tandem::bench {

// Subscribes to `filter`, and gets messages from the publishers
// [first_publisher, first_publisher + publishers).
struct SubscriberPlan {
  std::string filter;
  std::uint32_t first_publisher = 0;
  std::uint32_t publishers = 0;
  std::vector<std::string> idle_filters{};  // subscribed to too, matched by nothing
};
struct PublisherPlan {
  std::string topic;
  std::uint32_t number = 0;  // 0, 1, 2 ... in the order of the plan
};
struct ClientPlan {
  std::string client_id;
  std::size_t host = 0;  // of Options::hosts
  std::optional<SubscriberPlan> subscriber{};
  std::optional<PublisherPlan> publisher{};
};

// Who connects and what for. Subscribers stand before publishers, so that they are there first.
struct LoadPlan {
  std::vector<ClientPlan> clients;
  std::uint32_t publishers = 0;
  std::uint32_t copies = 0;  // subscribers that get each message
  // Whoever of the subscribers gets a message, nobody else does.
  bool is_shared = false;
  // Subscribers take what anybody publishes; who should get what is not known.
  bool is_foreign = false;
  // Clients come and go, and that is what is measured.
  bool reconnects = false;

  void AddSubscriber(const Options& options, SubscriberPlan subscriber);
  void AddPublisher(const Options& options, std::string topic);
  void AddIdle(const Options& options);

 private:
  ClientPlan& Add(const Options& options, std::string_view role, std::size_t host);
};

struct Mode {
  std::string_view name;
  std::string_view help;
  LoadPlan (*plan)(const Options& options);
  bool has_rate = true;  // what is published comes back, so find-max can tell which rate is kept up
};

std::span<const Mode> Modes();
// Null if there is none of that name.
const Mode* FindMode(std::string_view name);
// `topic` with each %i replaced by `number`.
std::string NumberedTopic(std::string_view topic, std::uint32_t number);
std::string DescribeModes();

// modes/
LoadPlan PlanPairs(const Options& options);
LoadPlan PlanFanOut(const Options& options);
LoadPlan PlanFanIn(const Options& options);
LoadPlan PlanShared(const Options& options);
LoadPlan PlanWildcards(const Options& options);
LoadPlan PlanPublishers(const Options& options);
LoadPlan PlanSubscribers(const Options& options);
LoadPlan PlanConnections(const Options& options);
LoadPlan PlanReconnects(const Options& options);

}  // namespace tandem::bench
