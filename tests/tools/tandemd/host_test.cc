#include "tools/tandemd/host.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <set>

namespace tandem::tandemd {
namespace {

TEST(Host, RaisesTheDescriptorLimitToTheHardOne) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max / 2;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(RaiseDescriptorLimit(), limit.rlim_max);
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(limit.rlim_cur, limit.rlim_max);
}

TEST(Host, NoTwoRunsHaveTheSameIncarnation) {
  std::set<Incarnation> seen;
  for (int i = 0; i < 1000; ++i) {
    Incarnation incarnation{};
    ASSERT_TRUE(DrawIncarnation(incarnation).ok());
    EXPECT_NE(incarnation, Incarnation{});
    EXPECT_TRUE(seen.insert(incarnation).second);
  }
}

}  // namespace
}  // namespace tandem::tandemd
