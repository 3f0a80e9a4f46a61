// One packet or more of every type, version and direction, with every property: the food of the
// sweeping tests and of the fuzzers' seed corpus.
#pragma once

#include <string>
#include <vector>

#include "proto/mqtt/packet.h"
#include "tests/proto/mqtt/wire.h"

namespace tandem::mqtt {

struct SamplePacket {
  std::string name;
  Sender sender{};
  Version version{};
  WireBytes bytes;
  // Whether the encoder writes exactly these bytes: shortest form, its own order of properties,
  // nothing that it leaves out.
  bool is_canonical = true;
};

// All of them decode.
const std::vector<SamplePacket>& SamplePackets();

}  // namespace tandem::mqtt
