// Publishers and subscribers of one load, on all nodes, driven by one thread. Closed loop: a
// publisher is never further ahead of its subscribers than the window, so nothing may be dropped,
// at QoS 0 either.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/end_to_end/tools/modes.h"
#include "tests/end_to_end/tools/mqtt_client.h"

namespace tandem::e2e {

// What the payload of a message says: the `sequence`-th message of `publisher` at `qos`, from 0.
struct Stamp {
  std::uint32_t publisher;
  std::uint32_t qos;
  std::uint64_t sequence;
};

// Judges deliveries, and says how far they have come.
class Judge {
 public:
  virtual ~Judge() = default;
  virtual void Delivered(std::size_t subscriber, const Stamp& stamp) = 0;
  // Messages of a publisher that every subscriber concerned has.
  virtual std::uint64_t Complete(std::size_t publisher) const = 0;
};

class Load {
 public:
  // Subscribers take `filter`; publishers use the topic "load/<number>", every QoS in turn.
  Load(const StormOptions& options, const std::string& filter);

  std::size_t publishers() const { return publishers_.size(); }
  std::size_t subscribers() const { return subscribers_.size(); }

  // Until every message is delivered and acknowledged; fails if nothing moves for the timeout. Then
  // proves by one more round trip that nothing else was on the way. Returns the seconds it took.
  double Run(Judge& judge);

 private:
  struct Publisher {
    std::unique_ptr<MqttClient> client;
    std::string topic;
    std::uint64_t sent = 0;
    std::uint64_t acknowledged = 0;  // QoS 0 counts when sent
    std::uint64_t next_sequence[3] = {};
  };
  struct Subscriber {
    std::unique_ptr<MqttClient> client;
  };

  bool Advance(Publisher& publisher, std::size_t number, const Judge& judge);
  void OnAnswer(Publisher& publisher, const Packet& packet);
  void OnDelivery(std::size_t number, const Packet& packet, Judge& judge);
  bool WaitAndRead(Judge& judge);
  bool Done(const Judge& judge) const;
  void ExpectNothingMore(Judge& judge);

  StormOptions options_;
  std::vector<Publisher> publishers_;
  std::vector<Subscriber> subscribers_;
};

}  // namespace tandem::e2e
