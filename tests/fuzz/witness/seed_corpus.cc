// Writes the fuzzer's seeds: seed_corpus DIRECTORY makes DIRECTORY/etcd.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "cluster/witness/etcd_codec.h"

namespace tandem::cluster {
namespace {

void WriteAll(const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  int number = 0;
  const auto write = [&](char asked, const std::string& text) {
    std::ofstream(directory / std::to_string(number++), std::ios::binary) << asked << text;
  };
  const std::string record =
      EncodeRecord({.epoch = 12, .node = "alpha", .pairing = "11-a-b", .by = Incarnation{5}});
  const std::string range =
      absl::StrCat(R"({"header":{"revision":"9"},"kvs":[{"mod_revision":"8","value":")",
                   absl::Base64Escape(record), R"("}],"count":"1"})");
  write(0, range);
  write(0, R"({"header":{"revision":"1"}})");
  write(1, R"({"header":{"revision":"9"},"succeeded":true})");
  write(1, absl::StrCat(R"({"responses":[{"response_range":)", range, "}]}"));
  write(2, record);
  write(2, R"({"new":[1,{"x":null}],"epoch":"3","node":"\u00e4\n","pairing":"","by":"7"})");
}

}  // namespace
}  // namespace tandem::cluster

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: seed_corpus DIRECTORY\n", stderr);
    return 2;
  }
  tandem::cluster::WriteAll(std::filesystem::path(argv[1]) / "etcd");
  return 0;
}
