#include "tools/tandem-demo/options.h"

#include <gmock/gmock.h>

#include <vector>

namespace tandem::demo {
namespace {

std::variant<Options, int> Parse(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "tandem-demo");
  std::vector<char*> raw;
  for (std::string& argument : arguments) raw.push_back(argument.data());
  return ParseOptions(static_cast<int>(raw.size()), raw.data());
}

TEST(Options, AllAreTaken) {
  const auto parsed = Parse({"--plain", "--keep", "--seconds", "9", "--rate", "100", "--port",
                             "22000", "--tandemd", "/x/tandemd", "--haproxy", "/x/haproxy"});
  const auto* const options = std::get_if<Options>(&parsed);
  ASSERT_NE(options, nullptr);
  EXPECT_TRUE(options->plain);
  EXPECT_TRUE(options->keep);
  EXPECT_EQ(options->story.length, std::chrono::seconds(9));
  EXPECT_EQ(options->story.messages_per_second, 100u);
  EXPECT_EQ(options->port, 22'000);
  EXPECT_EQ(options->tandemd, "/x/tandemd");
  EXPECT_EQ(options->haproxy, "/x/haproxy");
  EXPECT_FALSE(options->stop.has_value());
}

TEST(Options, NoneIsTheStoryAtItsOwnPace) {
  const auto parsed = Parse({});
  const auto* const options = std::get_if<Options>(&parsed);
  ASSERT_NE(options, nullptr);
  EXPECT_FALSE(options->plain || options->keep || options->port.has_value());
  EXPECT_EQ(options->story.length, std::chrono::seconds(24));
}

TEST(Options, MistakesEndWithTwoAndHelpWithZero) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"--secondz", "9"},
                                                                     {"--seconds", "2"},
                                                                     {"--seconds", "x"},
                                                                     {"--rate", "0"},
                                                                     {"--port", "80"},
                                                                     {"--port", "70000"},
                                                                     {"extra"}}) {
    const auto parsed = Parse(arguments);
    ASSERT_TRUE(std::holds_alternative<int>(parsed)) << arguments[0];
    EXPECT_EQ(std::get<int>(parsed), 2);
  }
  EXPECT_EQ(std::get<int>(Parse({"--help"})), 0);
  ::testing::internal::CaptureStderr();
  Parse({"extra"});
  EXPECT_THAT(
      ::testing::internal::GetCapturedStderr(),
      ::testing::AllOf(::testing::StartsWith("tandem-demo: "), ::testing::HasSubstr("extra")));
}

}  // namespace
}  // namespace tandem::demo
