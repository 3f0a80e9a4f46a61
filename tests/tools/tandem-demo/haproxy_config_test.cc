#include "tools/tandem-demo/haproxy_config.h"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

namespace tandem::demo {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(HaproxyConfig, IsTheFileThatOperatorsGet) {
  const HaproxyConfig manual{
      .bind = ":1883",
      .connections_max = 20'000,
      .stats_socket = "/run/haproxy/admin.sock",
      .servers = {{.name = "alpha", .address = "10.0.0.11:1883", .admin_port = "9883"},
                  {.name = "beta", .address = "10.0.0.12:1883", .admin_port = "9883"}}};
  std::ifstream file(TANDEM_SOURCE_DIR "/tools/haproxy/tandem.cfg");
  std::string text(std::istreambuf_iterator<char>(file), {});
  const std::size_t config = text.find("global\n");  // behind the words of introduction
  ASSERT_NE(config, std::string::npos);
  EXPECT_EQ(text.substr(config), ToText(manual));
}

TEST(HaproxyConfig, SaysSendProxyOnlyWhereTheListenerExpectsIt) {
  HaproxyConfig config{.bind = ":1",
                       .connections_max = 1,
                       .stats_socket = "",
                       .servers = {{.name = "a", .address = "h:1", .admin_port = "2"}}};
  EXPECT_THAT(ToText(config), HasSubstr("    server a h:1 port 2\n"));
  EXPECT_THAT(ToText(config), Not(HasSubstr("stats socket")));
  config.servers[0].proxy_protocol = true;
  EXPECT_THAT(ToText(config), HasSubstr("    server a h:1 port 2 send-proxy-v2\n"));
}

}  // namespace
}  // namespace tandem::demo
