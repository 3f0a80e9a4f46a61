#include "engine/broker/session_table.h"

#include <gtest/gtest.h>

#include "engine/base/hash.h"

namespace tandem::broker {
namespace {

TEST(SessionTable, FindsByClientIdAndByNumber) {
  SessionTable table;
  Session& session = table.Create("a");
  EXPECT_EQ(session.client_id, "a");
  EXPECT_EQ(session.client_hash, StableHash("a"));
  EXPECT_EQ(table.Find("a"), &session);
  EXPECT_EQ(table.Get(session.id), &session);
  EXPECT_EQ(table.Find("b"), nullptr);
  EXPECT_EQ(table.Get(SubscriberId{99}), nullptr);
}

TEST(SessionTable, KeepsPointersWhileItGrows) {
  SessionTable table;
  Session* const first = &table.Create("first");
  for (int i = 0; i < 1000; ++i) table.Create(std::to_string(i));
  EXPECT_EQ(table.Find("first"), first);
  EXPECT_EQ(table.size(), 1001u);
  EXPECT_EQ(table.slots(), 1001u);
}

TEST(SessionTable, GivesANumberToAnotherSessionOnceItIsFree) {
  SessionTable table;
  const SubscriberId id = table.Create("a").id;
  table.Create("b");
  table.Remove(*table.Find("a"));
  EXPECT_EQ(table.Find("a"), nullptr);
  EXPECT_EQ(table.Get(id), nullptr);
  EXPECT_EQ(table.size(), 1u);
  EXPECT_EQ(table.Create("c").id, id);
  EXPECT_EQ(table.slots(), 2u);
}

}  // namespace
}  // namespace tandem::broker
