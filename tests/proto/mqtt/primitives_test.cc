#include "proto/mqtt/primitives.h"

#include <gtest/gtest.h>

#include "tests/proto/mqtt/wire.h"

namespace tandem::mqtt {
namespace {

VarInt Read(const WireBytes& bytes) { return ReadVarInt(bytes); }

struct Boundary {
  std::uint32_t value;
  WireBytes bytes;
};
// 1.5.5, table 1-1.
const Boundary kBoundaries[] = {
    {0, {0x00}},
    {127, {0x7F}},
    {128, {0x80, 0x01}},
    {16'383, {0xFF, 0x7F}},
    {16'384, {0x80, 0x80, 0x01}},
    {2'097'151, {0xFF, 0xFF, 0x7F}},
    {2'097'152, {0x80, 0x80, 0x80, 0x01}},
    {268'435'455, {0xFF, 0xFF, 0xFF, 0x7F}},
};

TEST(ReadVarInt, ReadsTheBoundariesOfTheTable) {
  for (const auto& [value, bytes] : kBoundaries) {
    const VarInt result = Read(bytes);
    EXPECT_EQ(result.status, VarInt::Status::kOk) << value;
    EXPECT_EQ(result.value, value);
    EXPECT_EQ(result.size, bytes.size()) << value;
    EXPECT_TRUE(result.is_shortest) << value;
  }
}

TEST(ReadVarInt, NeedsMoreWhileTheLastByteContinues) {
  for (const auto& [value, bytes] : kBoundaries) {
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_EQ(ReadVarInt(Bytes(bytes).first(size)).status, VarInt::Status::kNeedMore) << value;
    }
  }
}

TEST(ReadVarInt, RefusesAFifthByteAsSoonAsTheFourthAnnouncesIt) {
  EXPECT_EQ(Read({0x80, 0x80, 0x80, 0x80}).status, VarInt::Status::kTooLong);
  EXPECT_EQ(Read({0xFF, 0xFF, 0xFF, 0xFF, 0x01}).status, VarInt::Status::kTooLong);
}

TEST(ReadVarInt, TellsTheShortestFormFromLongerOnes_MQTT_1_5_5_1) {
  for (const WireBytes& bytes :
       {WireBytes{0x80, 0x00}, WireBytes{0xFF, 0x80, 0x00}, WireBytes{0x81, 0x80, 0x80, 0x00}}) {
    const VarInt result = Read(bytes);
    EXPECT_EQ(result.status, VarInt::Status::kOk);
    EXPECT_FALSE(result.is_shortest);
    EXPECT_EQ(result.size, bytes.size());
  }
}

TEST(ReadVarInt, LeavesWhatFollowsAlone) {
  const VarInt result = Read({0x05, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF});
  EXPECT_EQ(result.value, 5u);
  EXPECT_EQ(result.size, 1u);
}

TEST(Writer, WritesTheShortestFormWhichMeasureCounted_MQTT_1_5_5_1) {
  for (const auto& [value, bytes] : kBoundaries) {
    std::uint8_t out[4];
    Writer writer(out);
    writer.VariableBytes(value);
    EXPECT_EQ(WireBytes(out, writer.position()), bytes);
    Measure measure;
    measure.VariableBytes(value);
    EXPECT_EQ(measure.size(), bytes.size());
    EXPECT_EQ(VarIntSize(value), bytes.size());
  }
}

TEST(Reader, ReadsBigEndianNumbersAndPrefixedFields) {
  const WireBytes bytes = Wire({0x12,                    // byte
                                0x12, 0x34,              // two byte integer
                                0x12, 0x34, 0x56, 0x78,  // four byte integer
                                0x80, 0x01,              // variable byte integer
                                0x00, 0x02, "hi",        // string
                                0x00, 0x01, 0x00,        // binary data
                                "rest"});
  Reader in(bytes);
  EXPECT_EQ(in.Byte(), 0x12);
  EXPECT_EQ(in.TwoBytes(), 0x1234);
  EXPECT_EQ(in.FourBytes(), 0x12345678u);
  EXPECT_EQ(in.VariableBytes(), 128u);
  EXPECT_EQ(in.Text(), "hi");
  EXPECT_EQ(in.Binary().size(), 1u);
  EXPECT_EQ(AsText(in.TakeRest()), "rest");
  EXPECT_EQ(in.left(), 0u);
  EXPECT_TRUE(in.ok());
}

TEST(Reader, KeepsTheFirstFaultAndYieldsNothingAfterIt) {
  const WireBytes bytes = Wire({0x00, 0x05, "four"});
  Reader in(bytes);
  EXPECT_EQ(in.Text(), "");
  EXPECT_FALSE(in.ok());
  const char* const first = in.explanation();
  EXPECT_EQ(in.left(), 0u);
  EXPECT_EQ(in.Byte(), 0);
  EXPECT_EQ(in.FourBytes(), 0u);
  in.Refuse(ReasonCode::kProtocolError, "later");
  EXPECT_EQ(in.reason(), ReasonCode::kMalformedPacket);
  EXPECT_EQ(in.explanation(), first);
}

TEST(Reader, RefusesEachShortField) {
  const WireBytes three = {0, 0, 0};
  const auto is_refused = [&](std::size_t size, auto read) {
    Reader in(Bytes(three).first(size));
    read(in);
    return !in.ok();
  };
  EXPECT_TRUE(is_refused(0, [](Reader& in) { in.Byte(); }));
  EXPECT_TRUE(is_refused(1, [](Reader& in) { in.TwoBytes(); }));
  EXPECT_TRUE(is_refused(3, [](Reader& in) { in.FourBytes(); }));
  EXPECT_TRUE(is_refused(0, [](Reader& in) { in.VariableBytes(); }));
  EXPECT_TRUE(is_refused(1, [](Reader& in) { in.Binary(); }));
  EXPECT_TRUE(is_refused(1, [](Reader& in) { in.Text(); }));
  EXPECT_TRUE(is_refused(3, [](Reader& in) { in.Take(4); }));
  EXPECT_FALSE(is_refused(3, [](Reader& in) { in.Take(3); }));
}

}  // namespace
}  // namespace tandem::mqtt
