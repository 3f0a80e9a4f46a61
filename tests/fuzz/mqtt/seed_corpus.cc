// Writes the fuzzers' seed corpora: seed_corpus DIRECTORY makes
// DIRECTORY/{client,server,round_trip,topic,text}.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/fuzz/mqtt/fuzz_stream.h"
#include "tests/proto/mqtt/sample_packets.h"

namespace tandem::mqtt {
namespace {

namespace fs = std::filesystem;

void Write(const fs::path& directory, const std::string& name, const WireBytes& bytes) {
  fs::create_directories(directory);
  std::ofstream(directory / name, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

void WritePackets(const fs::path& root) {
  for (const SamplePacket& sample : SamplePackets()) {
    const bool is_first = sample.bytes[0] == 0x10;
    const std::uint8_t seed_byte = is_first ? kBeforeConnect : SeedByte(sample.version);
    const bool is_servers = sample.sender == Sender::kServer;
    Write(root / (is_servers ? "server" : "client"), sample.name, Wire({seed_byte, sample.bytes}));
    Write(root / "round_trip", sample.name + (is_servers ? "S" : "C"),
          Wire({seed_byte | (is_servers ? 4 : 0), sample.bytes}));
  }
}

void WriteTexts(const fs::path& root) {
  const std::pair<const char*, const char*> kTopics[] = {{"a/+/#", "a/b/c"},
                                                         {"$share/g/a/#", "a"},
                                                         {"+/+", "/finance"},
                                                         {"#", "$SYS/x"},
                                                         {"a//b/", "a//b/"}};
  int number = 0;
  for (const auto& [filter, topic] : kTopics)
    Write(root / "topic", std::to_string(number++), Wire({filter, 0, topic}));
  for (const char* text : {"plain text of more than sixteen bytes", "T\xC3\xBCr", "\xE2\x82\xAC",
                           "\xF0\x9F\x98\x80", "\xED\xA0\x80"}) {
    Write(root / "text", std::to_string(number++), Wire({text}));
  }
}

}  // namespace
}  // namespace tandem::mqtt

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: seed_corpus DIRECTORY\n", stderr);
    return 2;
  }
  tandem::mqtt::WritePackets(argv[1]);
  tandem::mqtt::WriteTexts(argv[1]);
  return 0;
}
