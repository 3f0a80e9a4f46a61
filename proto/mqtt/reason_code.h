// What is known about each reason code: its name, who may send it in which packet, and what 3.x
// says instead (2.4).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "proto/mqtt/packet.h"

namespace tandem::mqtt {

// For logs: "Not authorized". 0x00 is "Success" here; see the overload. A number without meaning is
// "Unknown".
std::string_view Name(ReasonCode code) noexcept;
// The same, with the names that 0x00 has in DISCONNECT and SUBACK.
std::string_view Name(ReasonCode code, PacketType packet) noexcept;

// Whether the tables of chapter 3 let `sender` put `code` into `packet`. 0x8C is allowed to a
// server's DISCONNECT, which table 2-6 lists and table 3-10 forgot.
bool IsAllowed(ReasonCode code, PacketType packet, Sender sender) noexcept;

// The CONNACK return code of 3.x (3.1.1, table 3.1), or nothing where the connection is closed
// without CONNACK [MQTT-3.2.2-6 of 3.1.1].
std::optional<std::uint8_t> ConnackCode3(ReasonCode code) noexcept;
// Back again; nothing for a reserved number.
std::optional<ReasonCode> FromConnackCode3(std::uint8_t code) noexcept;

// The SUBACK return code of 3.1.1: the granted QoS or 0x80. In 3.1 failure does not exist; such a
// client reads the two low bits of 0x80 as "granted QoS 0", which does no harm.
std::uint8_t SubackCode3(ReasonCode code) noexcept;

}  // namespace tandem::mqtt
