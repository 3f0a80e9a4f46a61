#include "tools/tandem-demo/port_block.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

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
  std::uint16_t first = 0;
  {
    const auto free = PortBlock::Reserve(std::nullopt);
    ASSERT_TRUE(free.ok());
    first = free->port(0);
  }
  const reactor::OwnedFd listener(socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(first + 3));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener.get(), 1), 0);

  const auto block = PortBlock::Reserve(first);
  ASSERT_FALSE(block.ok());
  EXPECT_THAT(std::string(block.status().message()),
              HasSubstr("port " + std::to_string(first + 3) + " is taken by "));
  EXPECT_THAT(std::string(block.status().message()),
              HasSubstr("(pid " + std::to_string(getpid()) + ")"));
}

}  // namespace
}  // namespace tandem::demo
