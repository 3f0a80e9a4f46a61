#include "tools/tandem-demo/process.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include "tests/support/temp_dir.h"
#include "tests/tools/tandem-demo/shell.h"

namespace tandem::demo {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

TEST(Process, RunsAProgramAndKeepsWhatItSays) {
  const testing::TempDir directory;
  auto process = Shell(directory, "echo words; echo more >&2; exit 3");
  ASSERT_TRUE(process.ok()) << process.status();
  const auto exit = process->Wait(kDeadline);
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(ToString(*exit), "exit code 3");
  EXPECT_EQ(directory.Read("out"), "words\nmore\n");
  EXPECT_EQ(process->pid(), -1);
}

TEST(Process, SaysWhyAProgramCannotBeExecuted) {
  const testing::TempDir directory;
  const auto process = Process::Start(
      {.arguments = {directory.Path("missing")}, .output_file = directory.Path("out")});
  ASSERT_FALSE(process.ok());
  EXPECT_THAT(std::string(process.status().message()), HasSubstr("No such file"));
}

TEST(Process, KillIsSigkillAndWaits) {
  const testing::TempDir directory;
  auto process = Shell(directory, "trap '' TERM; echo ready; while :; do sleep 1; done");
  ASSERT_TRUE(process.ok());
  const pid_t pid = process->pid();
  EXPECT_FALSE(process->Wait(milliseconds(0)).has_value());
  process->Kill();
  EXPECT_EQ(kill(pid, 0), -1);
}

TEST(Process, StopGivesTheChanceToEndByItself) {
  const testing::TempDir directory;
  auto process =
      Shell(directory, "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done");
  ASSERT_TRUE(process.ok());
  while (directory.Read("out") != "up\n") ASSERT_FALSE(process->Wait(milliseconds(10)).has_value());
  process->Stop(kDeadline);
  EXPECT_EQ(directory.Read("out"), "up\nbye\n");
}

TEST(Process, IsKilledWithItsObject) {
  const testing::TempDir directory;
  pid_t pid = -1;
  {
    auto process = Shell(directory, "exec sleep 1000");
    ASSERT_TRUE(process.ok());
    pid = process->pid();
    EXPECT_EQ(getpgid(pid), pid);
  }
  EXPECT_EQ(kill(pid, 0), -1);
}

}  // namespace
}  // namespace tandem::demo
