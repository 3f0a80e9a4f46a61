#include "engine/base/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/check.h"
#include "tests/support/temp_dir.h"

namespace tandem {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

// Each test that starts the log ends it.
class LogTest : public ::testing::Test {
 protected:
  void Start(LogOptions options) {
    const absl::Status started = StartLog(options);
    ASSERT_TRUE(started.ok()) << started;
  }
  void TearDown() override {
    StopLog();
    SetLogLevel(LogLevel::kInfo);
  }
  testing::TempDir dir_;
};

TEST_F(LogTest, WritesLinesOfALevelAndAboveToTheFile) {
  Start({.level = LogLevel::kInfo, .file = dir_.Path("log")});
  Log(LogLevel::kDebug, "too quiet");
  Log(LogLevel::kInfo, "client connected", {{"client", "meter-7"}, {"core", 3}});
  FlushLog();
  const std::string text = dir_.Read("log");
  EXPECT_THAT(text, HasSubstr("Z info  client connected client=\"meter-7\" core=3\n"));
  EXPECT_THAT(text, Not(HasSubstr("too quiet")));
}

TEST_F(LogTest, LevelChangesWhileRunning) {
  Start({.level = LogLevel::kError, .file = dir_.Path("log")});
  Log(LogLevel::kInfo, "before");
  SetLogLevel(LogLevel::kTrace);
  Log(LogLevel::kTrace, "after");
  StopLog();
  EXPECT_THAT(dir_.Read("log"), Not(HasSubstr("before")));
  EXPECT_THAT(dir_.Read("log"), HasSubstr("trace after\n"));
}

TEST_F(LogTest, AccessLogIsAFileOfItsOwn) {
  Start({.format = LogFormat::kJson, .file = dir_.Path("log"), .access_log = dir_.Path("access")});
  EXPECT_TRUE(AccessLogEnabled());
  LogAccess("connect", {{"client", "a\"b"}});
  Log(LogLevel::kWarn, "main");
  StopLog();
  EXPECT_THAT(dir_.Read("access"), HasSubstr(R"(Z","message":"connect","client":"a\\x22b"})"));
  EXPECT_EQ(Lines(dir_.Read("access")).size(), 1u);
  EXPECT_THAT(dir_.Read("log"), HasSubstr(R"(Z","level":"warn","message":"main"})"));
  EXPECT_EQ(Lines(dir_.Read("log")).size(), 1u);
  EXPECT_FALSE(AccessLogEnabled());
}

TEST_F(LogTest, WithoutAnAccessLogNothingIsWritten) {
  Start({.file = dir_.Path("log")});
  LogAccess("connect", {{"client", "a"}});
  StopLog();
  EXPECT_EQ(dir_.Read("log"), "");
}

TEST_F(LogTest, EachThreadsLinesComeWholeAndInItsOrder) {
  constexpr int kThreads = 4;
  constexpr int kLines = 2'000;
  Start({.file = dir_.Path("log"), .ring_bytes = 1 << 20});
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < kLines; ++i) Log(LogLevel::kInfo, "tick", {{"thread", t}, {"i", i}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  StopLog();
  std::vector<int> next(kThreads, 0);
  for (const std::string& line : Lines(dir_.Read("log"))) {
    int thread = -1;
    int i = -1;
    const std::size_t at = line.find("tick thread=");
    ASSERT_NE(at, std::string::npos) << line;
    ASSERT_EQ(std::sscanf(line.c_str() + at, "tick thread=%d i=%d", &thread, &i), 2) << line;
    ASSERT_EQ(i, next.at(thread)++) << line;
  }
  EXPECT_EQ(next, std::vector<int>(kThreads, kLines));
}

TEST_F(LogTest, AFullRingDropsCountsAndSaysSo) {
  // The log thread cannot write while nobody reads the pipe, so the ring must fill.
  const std::string fifo = dir_.Path("fifo");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const int reader = open(fifo.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  Start({.file = fifo, .ring_bytes = 8192});
  const std::uint64_t dropped_before = LogDropped();
  std::uint64_t logged = 0;
  while (LogDropped() == dropped_before) {
    Log(LogLevel::kInfo, "flood", {{"filler", std::string(200, 'x')}});
    ++logged;
  }
  const std::uint64_t dropped = LogDropped() - dropped_before;
  EXPECT_EQ(dropped, 1u);

  // Empty the pipe until the log has ended.
  ASSERT_EQ(fcntl(reader, F_SETFL, 0), 0);
  std::string text;
  std::thread drain([&] {
    std::array<char, 65536> block;
    for (ssize_t n = read(reader, block.data(), block.size()); n > 0;
         n = read(reader, block.data(), block.size())) {
      text.append(block.data(), static_cast<std::size_t>(n));
    }
  });
  StopLog();
  drain.join();
  close(reader);
  const std::vector<std::string> lines = Lines(text);
  EXPECT_EQ(lines.size(), logged - dropped + 1);  // and the note
  EXPECT_THAT(text,
              HasSubstr("warn  log lines dropped, more came than could be written lines=1\n"));
}

TEST_F(LogTest, ReopenFollowsARotation) {
  Start({.file = dir_.Path("log"), .access_log = dir_.Path("access")});
  Log(LogLevel::kInfo, "old");
  LogAccess("connect", {{"client", "old"}});
  FlushLog();
  std::filesystem::rename(dir_.Path("log"), dir_.Path("log.1"));
  std::filesystem::rename(dir_.Path("access"), dir_.Path("access.1"));
  ASSERT_TRUE(ReopenLog().ok());
  Log(LogLevel::kInfo, "new");
  LogAccess("connect", {{"client", "new"}});
  StopLog();
  EXPECT_THAT(dir_.Read("log.1"), HasSubstr("old"));
  EXPECT_THAT(dir_.Read("log.1"), Not(HasSubstr("new")));
  EXPECT_THAT(dir_.Read("log"), HasSubstr("new"));
  EXPECT_THAT(dir_.Read("access.1"), HasSubstr("old"));
  EXPECT_THAT(dir_.Read("access"), HasSubstr("new"));
}

TEST_F(LogTest, AFileThatCannotBeOpenedIsAnErrorAndNothingStarts) {
  const std::string file = dir_.Write("plain", "");
  const absl::Status under_a_file = StartLog({.access_log = file + "/access"});
  EXPECT_EQ(under_a_file.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(under_a_file.message()), HasSubstr(file + "/access"));
  EXPECT_FALSE(AccessLogEnabled());
}

TEST(Log, GoesStraightToStderrBeforeStart) {
  ::testing::internal::CaptureStderr();
  Log(LogLevel::kWarn, "early", {{"n", 1}});
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("warn  early n=1\n"));
}

TEST(LogDeathTest, ACrashWritesWhatWaits) {
  testing::TempDir dir;
  // Whatever the log thread had no time for must come from the crash handler.
  const auto last_words_are_somewhere = ::testing::Truly([&](const std::string& stderr_text) {
    return (stderr_text + dir.Read("log")).find("error last words n=42") != std::string::npos;
  });
  EXPECT_DEATH(
      {
        InstallCrashFlush();
        if (!StartLog({.file = dir.Path("log")}).ok()) std::exit(0);
        Log(LogLevel::kInfo, "first");
        FlushLog();  // the log thread rests after this
        Log(LogLevel::kError, "last words", {{"n", 42}});
        TANDEM_CHECK(dir.Path("x").empty());
      },
      last_words_are_somewhere);
}

}  // namespace
}  // namespace tandem
