// A decoded packet, encoded again.
#pragma once

#include "engine/base/byte_buffer.h"
#include "proto/mqtt/packet.h"

namespace tandem::mqtt {

// Appends `packet` with the encoder's function for its type. What the encoder's signatures have no
// room for is lost: user properties of SUBSCRIBE and UNSUBSCRIBE.
void EncodePacket(Version version, const Packet& packet, ByteBuffer& out);

}  // namespace tandem::mqtt
