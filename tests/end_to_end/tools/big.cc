#include <chrono>
#include <cstdio>
#include <cstring>
#include <thread>

#include "tests/end_to_end/tools/modes.h"
#include "tests/end_to_end/tools/mqtt_client.h"

namespace tandem::e2e {
namespace {

constexpr std::string_view kTopic = "big";

// Bytes that repeat nowhere near a power of two: a slice that is off by a buffer shows.
std::string Pattern(std::size_t bytes) {
  std::string pattern(bytes, '\0');
  std::uint32_t state = 1;
  for (char& byte : pattern) {
    state = state * 1'664'525 + 1'013'904'223;
    byte = static_cast<char>(state >> 24);
  }
  return pattern;
}

void Number(std::string& payload, std::uint64_t number) {
  std::memcpy(payload.data(), &number, sizeof number);
}

void PublishAll(const StormOptions& options) {
  MqttClient client(options.hosts.front(), "big-pub");
  std::string payload = Pattern(options.bytes);
  for (std::uint64_t sent = 0; sent < options.count; ++sent) {
    Number(payload, sent);
    client.Publish(kTopic, payload, 1, static_cast<std::uint16_t>(1 + sent % 65'535));
    client.Flush();
    if (sent + 1 >= options.window)
      client.Expect(PacketType::kPuback, options.timeout_ms, "PUBACK");
  }
}

}  // namespace

void RunBig(const StormOptions& options) {
  constexpr std::size_t kHeaderBytesMax = 64;
  MqttClient subscriber(options.hosts.back(), "big-sub", options.bytes + kHeaderBytesMax);
  subscriber.Subscribe(kTopic, 1, 1);
  subscriber.Flush();
  subscriber.Expect(PacketType::kSuback, options.timeout_ms, "SUBACK");
  std::string expected = Pattern(options.bytes);

  const auto begin = std::chrono::steady_clock::now();
  std::thread publisher(PublishAll, options);
  for (std::uint64_t received = 0; received < options.count; ++received) {
    const std::string name = "message " + std::to_string(received);
    const Packet packet = subscriber.Expect(PacketType::kPublish, options.timeout_ms, name);
    Number(expected, received);
    if (packet.payload != expected) Fail(name + " came out of order or damaged");
    subscriber.Acknowledge(PacketType::kPuback, packet.packet_id);
    subscriber.Flush();
  }
  publisher.join();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  const double megabytes = static_cast<double>(options.count * options.bytes) / 1e6;
  std::printf("%.0f MB in %.1f s, %.0f MB/s\n", megabytes, took.count(), megabytes / took.count());
}

}  // namespace tandem::e2e
