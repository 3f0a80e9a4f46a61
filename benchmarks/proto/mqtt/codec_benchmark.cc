// What one packet costs in the codec: the hot path first.
#include <benchmark/benchmark.h>

#include <string>

#include "engine/base/byte_buffer.h"
#include "proto/mqtt/decoder.h"
#include "proto/mqtt/encoder.h"
#include "proto/mqtt/property.h"
#include "proto/mqtt/topic.h"
#include "proto/mqtt/utf8.h"

namespace tandem::mqtt {
namespace {

constexpr std::string_view kTopic = "site/7/line/42/sensor/temperature";
constexpr std::size_t kPayloadBytes = 64;

ByteBuffer Publish(Version version, QoS qos, Bytes properties = {}) {
  ByteBuffer bytes;
  EncodePublishHead({.version = version,
                     .qos = qos,
                     .packet_id = qos == QoS::kAtMostOnce ? kNoPacketId : PacketId{7},
                     .topic = kTopic,
                     .forwarded_properties = properties,
                     .payload_bytes = kPayloadBytes},
                    bytes);
  bytes.Append(AsBytes(std::string(kPayloadBytes, 'p')));
  return bytes;
}

// Payload format, content type, response topic, correlation data and two user properties.
ByteBuffer MessageProperties() {
  ByteBuffer properties;
  properties.Append(
      AsBytes(std::string_view("\x01\x01"
                               "\x03\x00\x10"
                               "application/json"
                               "\x08\x00\x0A"
                               "reply/here"
                               "\x09\x00\x04"
                               "\x00\x01\x02\x03"
                               "\x26\x00\x03key\x00\x05value"
                               "\x26\x00\x05trace\x00\x08"
                               "01234567",
                               72)));
  return properties;
}

void Decode(benchmark::State& state, Version version, const ByteBuffer& packet) {
  Decoder decoder(Sender::kClient);
  decoder.set_version(version);
  for (auto _ : state) {
    const DecodeResult result = decoder.Next(packet.bytes());
    if (result.status != DecodeStatus::kPacket) state.SkipWithError(result.explanation);
    benchmark::DoNotOptimize(result);
  }
}

void DecodePublishQoS0(benchmark::State& state) {
  Decode(state, Version::k311, Publish(Version::k311, QoS::kAtMostOnce));
}
BENCHMARK(DecodePublishQoS0);

void DecodePublishQoS1(benchmark::State& state) {
  Decode(state, Version::k5, Publish(Version::k5, QoS::kAtLeastOnce));
}
BENCHMARK(DecodePublishQoS1);

void DecodePublishWithProperties(benchmark::State& state) {
  Decode(state, Version::k5, Publish(Version::k5, QoS::kAtLeastOnce, MessageProperties().bytes()));
}
BENCHMARK(DecodePublishWithProperties);

void DecodePuback(benchmark::State& state) {
  ByteBuffer packet;
  EncodeAck(Version::k5, {.type = PacketType::kPuback, .packet_id = PacketId{7}}, packet);
  Decode(state, Version::k5, packet);
}
BENCHMARK(DecodePuback);

void DecodePubackWithReason(benchmark::State& state) {
  ByteBuffer packet;
  EncodeAck(Version::k5,
            {.type = PacketType::kPuback,
             .packet_id = PacketId{7},
             .reason = ReasonCode::kNoMatchingSubscribers},
            packet);
  Decode(state, Version::k5, packet);
}
BENCHMARK(DecodePubackWithReason);

void DecodePingreq(benchmark::State& state) {
  ByteBuffer packet;
  EncodePingreq(packet);
  Decode(state, Version::k5, packet);
}
BENCHMARK(DecodePingreq);

void DecodeConnect(benchmark::State& state) {
  ByteBuffer packet;
  EncodeConnect({.version = Version::k5,
                 .clean_start = true,
                 .keep_alive_s = 60,
                 .client_id = "client-0001",
                 .user_name = "user",
                 .password = AsBytes("secret"),
                 .session_expiry_s = 3600,
                 .receive_maximum = 100},
                packet);
  for (auto _ : state) {
    Decoder decoder(Sender::kClient);
    const DecodeResult result = decoder.Next(packet.bytes());
    if (result.status != DecodeStatus::kPacket) state.SkipWithError(result.explanation);
    benchmark::DoNotOptimize(result);
  }
}
BENCHMARK(DecodeConnect);

void DecodeSubscribe(benchmark::State& state) {
  ByteBuffer packet;
  const SubscribeEntry entries[] = {
      {.filter = "site/+/line/#", .options = {.qos = QoS::kAtLeastOnce}}};
  EncodeSubscribe(Version::k5, PacketId{1}, entries, 9, packet);
  Decode(state, Version::k5, packet);
}
BENCHMARK(DecodeSubscribe);

void EncodePublish(benchmark::State& state, const PublishHead& head) {
  ByteBuffer out;
  for (auto _ : state) {
    out.Clear();
    benchmark::DoNotOptimize(EncodePublishHead(head, out));
    benchmark::DoNotOptimize(out.data());
  }
}

void EncodePublishQoS0(benchmark::State& state) {
  EncodePublish(state, {.version = Version::k311, .topic = kTopic, .payload_bytes = kPayloadBytes});
}
BENCHMARK(EncodePublishQoS0);

void EncodePublishQoS1(benchmark::State& state) {
  EncodePublish(state, {.version = Version::k5,
                        .qos = QoS::kAtLeastOnce,
                        .packet_id = PacketId{7},
                        .topic = kTopic,
                        .payload_bytes = kPayloadBytes});
}
BENCHMARK(EncodePublishQoS1);

void EncodePublishWithProperties(benchmark::State& state) {
  const ByteBuffer properties = MessageProperties();
  const std::uint32_t ids[] = {7, 300};
  EncodePublish(state, {.version = Version::k5,
                        .qos = QoS::kAtLeastOnce,
                        .packet_id = PacketId{7},
                        .topic = kTopic,
                        .message_expiry_s = 60,
                        .subscription_ids = ids,
                        .forwarded_properties = properties.bytes(),
                        .payload_bytes = kPayloadBytes});
}
BENCHMARK(EncodePublishWithProperties);

void EncodePuback(benchmark::State& state) {
  ByteBuffer out;
  for (auto _ : state) {
    out.Clear();
    EncodeAck(Version::k5, {.type = PacketType::kPuback, .packet_id = PacketId{7}}, out);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(EncodePuback);

void CopyMessageProperties(benchmark::State& state) {
  const ByteBuffer properties = MessageProperties();
  ByteBuffer out;
  for (auto _ : state) {
    out.Clear();
    CopyForwardedProperties({properties.bytes()}, out);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(CopyMessageProperties);

void ValidateText(benchmark::State& state, std::string_view unit) {
  std::string text;
  while (text.size() < static_cast<std::size_t>(state.range(0))) text += unit;
  for (auto _ : state) {
    benchmark::DoNotOptimize(text.data());
    benchmark::DoNotOptimize(IsValidText(AsBytes(text)));
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) * state.iterations());
}
void ValidateAscii(benchmark::State& state) { ValidateText(state, "a"); }
void ValidateCyrillic(benchmark::State& state) { ValidateText(state, "\xD0\xB6"); }
BENCHMARK(ValidateAscii)->Arg(7)->Arg(16)->Arg(33)->Arg(1024);
BENCHMARK(ValidateCyrillic)->Arg(32)->Arg(1024);

void CheckTopicName(benchmark::State& state) {
  for (auto _ : state) {
    std::string_view topic = kTopic;
    benchmark::DoNotOptimize(topic);
    benchmark::DoNotOptimize(IsValidTopicName(topic));
  }
}
BENCHMARK(CheckTopicName);

}  // namespace
}  // namespace tandem::mqtt
