#include "tools/tandem-bench/client_output.h"

#include <gtest/gtest.h>

#include <string>

namespace tandem::bench {
namespace {

std::string Joined(const ClientOutput& output, std::string_view shared) {
  ClientOutput::Fragments fragments;
  const std::size_t count = output.ToFragments(AsBytes(shared), fragments);
  std::string all;
  for (std::size_t i = 0; i < count; ++i) {
    EXPECT_NE(fragments[i].size, 0u) << "a transport takes none that is empty";
    all.append(AsText({fragments[i].data, fragments[i].size}));
  }
  return all;
}

TEST(ClientOutput, PutsTheSharedRestWhereItBelongs) {
  ClientOutput output;
  EXPECT_TRUE(output.empty());
  output.own().Append(AsBytes("one "));
  EXPECT_EQ(Joined(output, "REST "), "one ");
  ASSERT_TRUE(output.Share(5));
  output.own().Append(AsBytes("two "));
  ASSERT_TRUE(output.Share(5));
  EXPECT_EQ(Joined(output, "REST "), "one REST two REST ");
  output.own().Append(AsBytes("three"));
  EXPECT_EQ(Joined(output, "REST "), "one REST two REST three");
  EXPECT_EQ(output.size(), Joined(output, "REST ").size());
  output.Clear();
  EXPECT_TRUE(output.empty());
  EXPECT_EQ(output.size(), 0u);
}

TEST(ClientOutput, SharesNoMoreThanOneSendCanCarry) {
  ClientOutput output;
  std::string wanted;
  while (output.own().Append(AsBytes("x")), output.Share(1)) wanted += "xR";
  EXPECT_EQ(Joined(output, "R"), wanted + "x");
}

}  // namespace
}  // namespace tandem::bench
