#include "tools/tandem-demo/access_log.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/support/temp_dir.h"

namespace tandem::demo {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kConnect[] =
    "2026-11-22T10:00:00.000001Z connect client=\"a b\" address=\"127.0.0.1:5\" core=0\n";
constexpr char kDisconnect[] = "2026-11-22T10:00:00.000002Z disconnect client=\"c\" core=1\n";
const AccessLine kConnectLine{"2026-11-22T10:00:00.000001Z", "connect", "a b"};
const AccessLine kDisconnectLine{"2026-11-22T10:00:00.000002Z", "disconnect", "c"};

void Append(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::app) << text;
}

TEST(AccessLog, ALineNamesTimeEventAndClient) {
  EXPECT_EQ(ParseAccessLine(std::string_view(kConnect)), kConnectLine);
}

TEST(AccessLog, OtherLinesAreNone) {
  for (const char* const line :
       {"", "connect", "connect client=\"a\"", "2026-11-22T10:00:00Z",
        "2026-11-22T10:00:00Z connect", "2026-11-22T10:00:00Z connect core=1",
        "2026-11-22T10:00:00Z connect client=\"a"})
    EXPECT_FALSE(ParseAccessLine(line).has_value()) << line;
}

TEST(AccessLogFollower, GivesEachLineOnce) {
  const testing::TempDir directory;
  AccessLogFollower follower(directory.Path("log"));
  EXPECT_THAT(follower.Read(), IsEmpty());
  Append(directory.Path("log"), kConnect);
  EXPECT_THAT(follower.Read(), ElementsAre(kConnectLine));
  EXPECT_THAT(follower.Read(), IsEmpty());
  Append(directory.Path("log"), kDisconnect);
  EXPECT_THAT(follower.Read(), ElementsAre(kDisconnectLine));
}

TEST(AccessLogFollower, WaitsForTheRestOfALine) {
  const testing::TempDir directory;
  AccessLogFollower follower(directory.Path("log"));
  const std::string_view line = kConnect;
  Append(directory.Path("log"), line.substr(0, 40));
  EXPECT_THAT(follower.Read(), IsEmpty());
  Append(directory.Path("log"), line.substr(40));
  EXPECT_THAT(follower.Read(), ElementsAre(kConnectLine));
}

TEST(AccessLogFollower, StartsOverWithAFileThatWasBegunAnew) {
  const testing::TempDir directory;
  AccessLogFollower follower(directory.Path("log"));
  Append(directory.Path("log"), kConnect);
  follower.Read();
  directory.Write("log", kDisconnect);
  EXPECT_THAT(follower.Read(), ElementsAre(kDisconnectLine));
}

}  // namespace
}  // namespace tandem::demo
