// A client's last words (3.1.2.5).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proto/mqtt/packet.h"

namespace tandem::broker {

// As it will be published, and how long after the connection was lost.
struct Will {
  std::string topic;
  std::vector<std::uint8_t> payload;
  std::vector<std::uint8_t> properties;  // the forwarded ones
  mqtt::QoS qos{};
  bool retain = false;
  std::uint32_t delay_s = 0;
  std::optional<std::uint32_t> message_expiry_s;
  friend bool operator==(const Will&, const Will&) = default;
};

}  // namespace tandem::broker
