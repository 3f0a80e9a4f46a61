#include "tools/tandem-demo/preflight.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include "tests/support/temp_dir.h"

namespace tandem::demo {
namespace {

using ::testing::HasSubstr;

TEST(FindProgram, LooksAlongThePathUnlessThePathIsGiven) {
  EXPECT_THAT(*FindProgram("sh", ""), HasSubstr("/sh"));
  EXPECT_EQ(*FindProgram("/bin/sh", ""), "/bin/sh");
}

TEST(FindProgram, SaysWhatHelps) {
  const testing::TempDir directory;
  const auto program = FindProgram(directory.Write("plain", ""), "build it");
  ASSERT_EQ(program.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(program.status().message()), HasSubstr("build it"));
}

// In a process of its own: limits can't be raised again.
TEST(EnsureDescriptorsDeathTest, RaisesTheSoftLimitAsFarAsTheHardOneAllows) {
  const auto with_limits = [](rlim_t soft, rlim_t hard) {
    const rlimit limits{soft, hard};
    if (setrlimit(RLIMIT_NOFILE, &limits) != 0) std::exit(3);
    const bool enough = EnsureDescriptors().ok();
    rlimit now{};
    getrlimit(RLIMIT_NOFILE, &now);
    std::exit(enough && now.rlim_cur >= 1'024 ? 0 : 1);
  };
  EXPECT_EXIT(with_limits(256, 2'048), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(with_limits(256, 512), ::testing::ExitedWithCode(1), "");
}

}  // namespace
}  // namespace tandem::demo
