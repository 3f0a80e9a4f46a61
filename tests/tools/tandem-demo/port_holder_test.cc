#include "tools/tandem-demo/port_holder.h"

#include <gmock/gmock.h>

namespace tandem::demo {
namespace {

using ::testing::Optional;

TEST(PortHolder, FindsTheListenerInTheKernelsTable) {
  constexpr char kTable[] =
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
      "inode\n"
      "   0: 0100007F:5578 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 "
      "11 1\n"
      "   1: 0100007F:5578 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
      "22 1\n";
  EXPECT_THAT(ListeningInode(kTable, 0x5578), Optional(22u));
  EXPECT_FALSE(ListeningInode(kTable, 0x5579).has_value());
  EXPECT_FALSE(ListeningInode(kTable, 0x9C40).has_value());
}

}  // namespace
}  // namespace tandem::demo
