#include "tools/tandemctl/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

namespace tandem::tandemctl {
namespace {

std::optional<Options> Parse(std::initializer_list<const char*> arguments, int& exit_code) {
  std::vector<const char*> argv = {"tandemctl"};
  argv.insert(argv.end(), arguments);
  return ParseOptions(static_cast<int>(argv.size()), argv.data(), exit_code);
}

TEST(Options, KnowsTheCommands) {
  int exit_code = -1;
  EXPECT_EQ(Parse({"status"}, exit_code)->command, Command::kStatus);
  EXPECT_EQ(Parse({"resume"}, exit_code)->command, Command::kResume);
  EXPECT_EQ(Parse({"force-serve"}, exit_code)->command, Command::kForceServe);
  const auto drain = Parse({"drain", "--force", "--no-wait"}, exit_code);
  ASSERT_TRUE(drain);
  EXPECT_EQ(drain->command, Command::kDrain);
  EXPECT_TRUE(drain->force);
  EXPECT_FALSE(drain->wait);
  EXPECT_TRUE(Parse({"drain"}, exit_code)->wait);
}

TEST(Options, TakesTheAddressOnEitherSideOfTheCommand) {
  int exit_code = -1;
  EXPECT_EQ(Parse({"status"}, exit_code)->admin, "127.0.0.1:9883");
  EXPECT_EQ(Parse({"--admin", "127.0.0.2:1", "status"}, exit_code)->admin, "127.0.0.2:1");
  EXPECT_EQ(Parse({"status", "--admin", "127.0.0.2:1"}, exit_code)->admin, "127.0.0.2:1");
}

TEST(Options, NamesTheCommandThatItDoesNotKnow) {
  int exit_code = -1;
  ::testing::internal::CaptureStderr();
  EXPECT_FALSE(Parse({"drian"}, exit_code));
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), ::testing::HasSubstr("drian"));
  ::testing::internal::CaptureStderr();
  EXPECT_FALSE(Parse({}, exit_code));
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), ::testing::HasSubstr("force-serve"));
}

TEST(Options, RefusesWhatItDoesNotKnow) {
  for (const auto& arguments :
       {std::initializer_list<const char*>{}, {"drian"}, {"status", "-x"}}) {
    int exit_code = -1;
    EXPECT_FALSE(Parse(arguments, exit_code));
    EXPECT_EQ(exit_code, kExitUsage);
  }
  int exit_code = -1;
  EXPECT_FALSE(Parse({"--help"}, exit_code));
  EXPECT_EQ(exit_code, kExitOk);
}

}  // namespace
}  // namespace tandem::tandemctl
