#include "tools/tandem-demo/haproxy_config.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <fstream>
#include <iterator>
#include <thread>

#include "engine/reactor/owned_fd.h"
#include "tests/support/temp_dir.h"

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

TEST(HaproxyConfig, ACableHasAListenerForEachEnd) {
  EXPECT_THAT(ToText(std::vector<CableEnd>{{"to-a", "h:1", "h:2"}, {"to-b", "h:3", "h:4"}}, "/s"),
              HasSubstr("\nlisten to-a\n    bind h:1\n    server to-a h:2\n"
                        "\nlisten to-b\n    bind h:3\n    server to-b h:4\n"));
}

TEST(HaproxyConfig, ACommandIsSaidAndItsAnswerAwaited) {
  const testing::TempDir directory;
  const std::string path = directory.Path("control");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const reactor::OwnedFd listener(socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener.get(), 1), 0);
  std::string heard;
  std::jthread haproxy([&] {
    const reactor::OwnedFd fd(accept(listener.get(), nullptr, nullptr));
    char text[64];
    const ssize_t size = recv(fd.get(), text, sizeof text, 0);
    if (size > 0) heard.assign(text, static_cast<std::size_t>(size));
    send(fd.get(), "\n", 1, MSG_NOSIGNAL);
  });
  EXPECT_TRUE(Command(path, "disable frontend to-a").ok());
  haproxy.join();
  EXPECT_EQ(heard, "disable frontend to-a\n");
}

TEST(HaproxyConfig, ACommandThatNobodyHearsIsAnError) {
  EXPECT_TRUE(absl::IsUnavailable(Command("/nonexistent/control", "x")));
}

}  // namespace
}  // namespace tandem::demo
