#include "engine/node/config/reference.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "engine/node/config/keys.h"

namespace tandem::config {
namespace {

std::string Committed() {
  std::ifstream file(TANDEM_SOURCE_DIR "/tools/tandem.toml.reference");
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

// To write it anew: TANDEM_WRITE_REFERENCE=1 config_tests --gtest_filter=Reference.*
TEST(Reference, TheCommittedFileIsWhatTheTableSays) {
  if (std::getenv("TANDEM_WRITE_REFERENCE") != nullptr) {
    std::ofstream(TANDEM_SOURCE_DIR "/tools/tandem.toml.reference") << Reference();
  }
  const std::vector<std::string> committed = absl::StrSplit(Committed(), '\n');
  const std::vector<std::string> wanted = absl::StrSplit(Reference(), '\n');
  for (std::size_t i = 0; i < std::min(committed.size(), wanted.size()); ++i) {
    ASSERT_EQ(committed[i], wanted[i]) << "tools/tandem.toml.reference:" << i + 1;
  }
  EXPECT_EQ(committed.size(), wanted.size());
}

TEST(Reference, HasEveryKeyUnderItsSection) {
  const std::string text = Reference();
  for (const Key& key : Keys()) {
    const std::string_view name = key.path.substr(key.path.rfind('.') + 1);
    const bool in_tls = key.path.starts_with("listener.#.tls.");
    const std::string line = "\n#" + std::string(in_tls ? "tls." : "") + std::string(name) + " =";
    EXPECT_NE(text.find(line), std::string::npos) << key.path;
  }
  EXPECT_NE(text.find("\n#[[cluster.member]]\n"), std::string::npos);
  EXPECT_NE(text.find("\n#[cluster.witness]\n"), std::string::npos);
}

}  // namespace
}  // namespace tandem::config
