#include "tools/tandem-demo/kept_cluster.h"

#include <gmock/gmock.h>
#include <signal.h>

#include <filesystem>

#include "tests/support/temp_dir.h"
#include "tests/tools/tandem-demo/shell.h"

namespace tandem::demo {
namespace {

using std::chrono::milliseconds;
using ::testing::Optional;

TEST(StartTime, IsField22WhateverTheNameHolds) {
  EXPECT_THAT(StartTime("7 (a) b (c) S 1 7 7 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 4711 9 9"),
              Optional(4711u));
  EXPECT_FALSE(StartTime("7 (a) S 1 2 3").has_value());
  EXPECT_FALSE(StartTime("").has_value());
}

TEST(KeptCluster, IsReadBackAsItWasWritten) {
  const std::vector<KeptProcess> kept = {{"alpha", 12, 34}, {"haproxy", 56, 78}};
  EXPECT_THAT(ParseKept(ToText(kept)), Optional(kept));
  EXPECT_FALSE(ParseKept("alpha 12\n").has_value());
  EXPECT_FALSE(ParseKept("alpha -1 5\n").has_value());
}

TEST(KeptCluster, StopEndsTheNotedProcessesAndRemovesTheirDirectory) {
  const testing::TempDir directory;
  const std::string kept = directory.Path("kept");
  std::filesystem::create_directory(kept);
  auto process = Shell(directory, "exec sleep 1000");
  ASSERT_TRUE(process.ok());
  ASSERT_TRUE(NoteKept(kept, {{"sleeper", process->pid()}}).ok());
  EXPECT_TRUE(StopKept(kept).ok());
  EXPECT_THAT(process->Wait(kDeadline), Optional(::testing::Field(&Exit::signal, SIGTERM)));
  EXPECT_FALSE(std::filesystem::exists(kept));
}

TEST(KeptCluster, LeavesAProcessAloneThatOnlyHasTheSameNumber) {
  const testing::TempDir directory;
  const std::string kept = directory.Path("kept");
  std::filesystem::create_directory(kept);
  auto process = Shell(directory, "exec sleep 1000");
  ASSERT_TRUE(process.ok());
  directory.Write("kept/processes", ToText({{"older", process->pid(), 1}}));
  EXPECT_TRUE(StopKept(kept).ok());
  EXPECT_FALSE(process->Wait(milliseconds(0)).has_value());
}

TEST(KeptCluster, RefusesADirectoryOfSomethingElse) {
  const testing::TempDir directory;
  directory.Write("precious", "data");
  EXPECT_FALSE(StopKept(directory.Path("")).ok());
  EXPECT_EQ(directory.Read("precious"), "data");
}

}  // namespace
}  // namespace tandem::demo
