#include "tools/tandem-demo/port_block.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

namespace tandem::demo {
namespace {

using ::testing::HasSubstr;

TEST(PortBlock, TwoAtATimeAreDifferent) {
  const auto one = PortBlock::Reserve(std::nullopt);
  const auto other = PortBlock::Reserve(std::nullopt);
  ASSERT_TRUE(one.ok() && other.ok());
  EXPECT_NE(one->port(0), other->port(0));
  EXPECT_FALSE(PortBlock::Reserve(one->port(0)).ok());
}

TEST(PortBlock, NamesThePortThatIsTakenAndWhoHasIt) {
  const reactor::OwnedFd listener(socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const plain = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(bind(listener.get(), plain, size), 0);
  ASSERT_EQ(listen(listener.get(), 1), 0);
  ASSERT_EQ(getsockname(listener.get(), plain, &size), 0);
  const std::uint16_t taken = ntohs(address.sin_port);

  const auto block = PortBlock::Reserve(taken);
  ASSERT_FALSE(block.ok());
  const std::string message(block.status().message());
  EXPECT_THAT(message, HasSubstr("port " + std::to_string(taken) + " is taken by "));
  EXPECT_THAT(message, HasSubstr("(pid " + std::to_string(getpid()) + ")"));
}

}  // namespace
}  // namespace tandem::demo
