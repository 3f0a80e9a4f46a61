#include "tools/tandemd/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tandem::tandemd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// What came of one command line.
struct Parsed {
  std::optional<Options> options;
  int exit_code = -1;
  std::string out;
  std::string err;
};

Parsed Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "tandemd");
  Parsed parsed;
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  parsed.options =
      ParseOptions(static_cast<int>(arguments.size()), arguments.data(), parsed.exit_code);
  parsed.out = ::testing::internal::GetCapturedStdout();
  parsed.err = ::testing::internal::GetCapturedStderr();
  return parsed;
}

TEST(Options, NothingIsFine) {
  const Parsed parsed = Parse({});
  ASSERT_TRUE(parsed.options);
  EXPECT_EQ(parsed.exit_code, kExitOk);
  EXPECT_FALSE(parsed.options->config_file);
  EXPECT_THAT(parsed.options->sets, IsEmpty());
  EXPECT_FALSE(parsed.options->check_config);
}

TEST(Options, TakesAFileAndSettings) {
  const Parsed parsed =
      Parse({"--config", "/etc/tandem/tandem.toml", "--set", "node.name=alpha", "--set",
             "cluster.member.0.links=127.0.0.1:1,127.0.0.1:2", "--check-config"});
  ASSERT_TRUE(parsed.options) << parsed.err;
  EXPECT_EQ(parsed.options->config_file, "/etc/tandem/tandem.toml");
  EXPECT_THAT(parsed.options->sets,
              ElementsAre("node.name=alpha", "cluster.member.0.links=127.0.0.1:1,127.0.0.1:2"));
  EXPECT_TRUE(parsed.options->check_config);
}

TEST(Options, TakesValuesBehindAnEqualsSign) {
  const Parsed parsed = Parse({"--config=t.toml", "--set=node.name=alpha"});
  ASSERT_TRUE(parsed.options) << parsed.err;
  EXPECT_EQ(parsed.options->config_file, "t.toml");
  EXPECT_THAT(parsed.options->sets, ElementsAre("node.name=alpha"));
}

TEST(Options, VersionEndsWell) {
  const Parsed parsed = Parse({"--version"});
  EXPECT_FALSE(parsed.options);
  EXPECT_EQ(parsed.exit_code, kExitOk);
  EXPECT_THAT(parsed.out, StartsWith("tandemd "));
  EXPECT_EQ(parsed.err, "");
}

TEST(Options, HelpNamesEveryOption) {
  const Parsed parsed = Parse({"--help"});
  EXPECT_FALSE(parsed.options);
  EXPECT_EQ(parsed.exit_code, kExitOk);
  for (const char* option :
       {"--config FILE", "--set SECTION.KEY=VALUE", "--check-config", "--version"}) {
    EXPECT_THAT(parsed.out, HasSubstr(option));
  }
}

TEST(Options, NonsenseIsUsage) {
  const std::vector<std::vector<const char*>> lines = {
      {"--frobnicate"}, {"--config"}, {"--set"}, {"tandem.toml"}, {"--check-config=maybe"}};
  for (const std::vector<const char*>& arguments : lines) {
    const Parsed parsed = Parse(arguments);
    EXPECT_FALSE(parsed.options) << arguments[0];
    EXPECT_EQ(parsed.exit_code, kExitUsage) << arguments[0];
    EXPECT_THAT(parsed.err, HasSubstr("tandemd --help")) << arguments[0];
    EXPECT_EQ(parsed.out, "") << arguments[0];
  }
}

}  // namespace
}  // namespace tandem::tandemd
