#include "engine/node/access_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/base/log.h"
#include "tests/support/temp_dir.h"

namespace tandem::node {
namespace {

using ::testing::HasSubstr;

class AccessLogTest : public ::testing::Test {
 protected:
  // The line that one event makes, without its time.
  std::string LineOf(const broker::AccessEvent& event, const reactor::Endpoint* peer) {
    EXPECT_TRUE(StartLog({.access_log = dir_.Path("access")}).ok());
    WriteAccessLine(event, CoreId{3}, peer);
    StopLog();
    const std::string line = dir_.Read("access");
    return line.substr(line.find("Z ") + 2);
  }
  testing::TempDir dir_;
  const reactor::Endpoint peer_{"10.0.0.7", 4711};
};

TEST_F(AccessLogTest, ConnectSaysWhoFromWhereAndHow) {
  broker::AccessEvent event;
  event.kind = broker::AccessEvent::Kind::kConnect;
  event.client_id = "meter-7";
  event.version = mqtt::Version::k311;
  event.session_present = true;
  EXPECT_EQ(LineOf(event, &peer_),
            "connect client=\"meter-7\" address=\"10.0.0.7:4711\" core=3 version=\"3.1.1\" "
            "session_present=true\n");
}

TEST_F(AccessLogTest, DisconnectSaysWhy) {
  broker::AccessEvent event;
  event.kind = broker::AccessEvent::Kind::kDisconnect;
  event.client_id = "meter-7";
  event.reason = metrics::CloseReason::kKeepAlive;
  const std::string line = LineOf(event, nullptr);
  EXPECT_THAT(line,
              HasSubstr("disconnect client=\"meter-7\" address=\"\" core=3 reason=\"keep_alive\""));
}

TEST_F(AccessLogTest, SubscribeNamesTheFilterAndCannotBeForged) {
  broker::AccessEvent event;
  event.kind = broker::AccessEvent::Kind::kSubscribe;
  event.client_id = "a\nb";
  event.filter = "plant/+/\"x\"";
  const std::string line = LineOf(event, &peer_);
  EXPECT_THAT(line, HasSubstr("subscribe client=\"a\\x0ab\""));
  EXPECT_THAT(line, HasSubstr("filter=\"plant/+/\\x22x\\x22\""));
}

TEST_F(AccessLogTest, RefusalSaysWhy) {
  broker::AccessEvent event;
  event.client_id = "c";
  event.kind = broker::AccessEvent::Kind::kRefuse;
  event.detail = "catching up";
  EXPECT_THAT(LineOf(event, &peer_), HasSubstr("reason=\"catching up\""));
}

}  // namespace
}  // namespace tandem::node
