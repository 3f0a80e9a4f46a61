// One call to decode one packet.
#pragma once

#include <gtest/gtest.h>

#include "proto/mqtt/decoder.h"
#include "tests/proto/mqtt/wire.h"

namespace tandem::mqtt {

// As the first bytes of a connection.
inline DecodeResult DecodeFirst(const WireBytes& bytes) {
  Decoder decoder(Sender::kClient);
  return decoder.Next(bytes);
}

// On a connection that speaks `version`. The result's views live as long as `bytes`.
inline DecodeResult Decode(Version version, Sender sender, const WireBytes& bytes) {
  Decoder decoder(sender);
  decoder.set_version(version);
  return decoder.Next(bytes);
}
inline DecodeResult FromClient(Version version, const WireBytes& bytes) {
  return Decode(version, Sender::kClient, bytes);
}
inline DecodeResult FromServer(Version version, const WireBytes& bytes) {
  return Decode(version, Sender::kServer, bytes);
}

// The view itself is copied; what it shows still lives in the decoded bytes.
template <class View>
View Get(const DecodeResult& result) {
  EXPECT_EQ(result.status, DecodeStatus::kPacket) << result.explanation;
  const View* const view = std::get_if<View>(&result.packet);
  EXPECT_NE(view, nullptr) << "another packet type, index " << result.packet.index();
  return view != nullptr ? *view : View{};
}

inline void ExpectRefused(const DecodeResult& result, ReasonCode reason) {
  EXPECT_EQ(result.status, DecodeStatus::kMalformed);
  EXPECT_EQ(result.reason, reason) << result.explanation;
  EXPECT_STRNE(result.explanation, "");
}
inline void ExpectMalformed(const DecodeResult& result) {
  ExpectRefused(result, ReasonCode::kMalformedPacket);
}
inline void ExpectProtocolError(const DecodeResult& result) {
  ExpectRefused(result, ReasonCode::kProtocolError);
}
inline void ExpectAccepted(const DecodeResult& result) {
  EXPECT_EQ(result.status, DecodeStatus::kPacket) << result.explanation;
}

inline constexpr Version kVersions[] = {Version::k31, Version::k311, Version::k5};

}  // namespace tandem::mqtt
