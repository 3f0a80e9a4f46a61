#include "tools/tandemd/drain.h"

#include <gtest/gtest.h>

namespace tandem::tandemd {
namespace {

using Phase = Drain::Phase;
using Step = Drain::Step;

constexpr MonoNs kNotice = 2 * kNanosecondsPerSecond;

TEST(Drain, GivesNoticeThenMovesThenIsDone) {
  Drain drain(kNotice);
  ASSERT_TRUE(drain.Begin({.now = 5, .partner_takes_over = true, .clients = 2}, false).ok());
  EXPECT_EQ(drain.phase(), Phase::kNotice);
  DrainView view{.now = 5 + kNotice - 1, .partner_takes_over = true, .clients = 2, .backlog = 1};
  EXPECT_EQ(drain.Turn(view), Step::kNothing);
  ++view.now;
  EXPECT_EQ(drain.Turn(view), Step::kMoveClients);
  EXPECT_EQ(drain.Turn(view), Step::kNothing) << "told once";
  view.clients = 0;
  EXPECT_EQ(drain.Turn(view), Step::kNothing) << "the partner has not confirmed everything";
  view.backlog = 0;
  EXPECT_EQ(drain.Turn(view), Step::kFinished);
  EXPECT_EQ(drain.phase(), Phase::kDone);
  EXPECT_EQ(drain.Turn(view), Step::kNothing);
}

TEST(Drain, GivesNoNoticeWhereNobodyIsConnected) {
  Drain drain(kNotice);
  const DrainView view{.partner_takes_over = true};
  ASSERT_TRUE(drain.Begin(view, false).ok());
  EXPECT_EQ(drain.Turn(view), Step::kMoveClients);
  EXPECT_EQ(drain.Turn(view), Step::kFinished);
}

TEST(Drain, IsRefusedWhileThePartnerDoesNotServe) {
  Drain drain(kNotice);
  EXPECT_TRUE(absl::IsFailedPrecondition(drain.Begin({.clients = 1}, false)));
  EXPECT_EQ(drain.phase(), Phase::kNone);
  EXPECT_TRUE(drain.Begin({.clients = 1}, true).ok()) << "unless it is known";
  EXPECT_EQ(drain.Turn({.now = kNotice, .clients = 1}), Step::kMoveClients);
}

TEST(Drain, ServesAgainWhenThePartnerIsLost) {
  Drain drain(kNotice);
  ASSERT_TRUE(drain.Begin({.partner_takes_over = true, .clients = 1}, false).ok());
  EXPECT_EQ(drain.Turn({.now = 1, .clients = 1}), Step::kServeAgain);
  EXPECT_EQ(drain.phase(), Phase::kNone);
  EXPECT_EQ(drain.Turn({.now = 2, .clients = 1}), Step::kNothing);
}

TEST(Drain, CanBeCancelledAndBegunAgain) {
  Drain drain(kNotice);
  const DrainView view{.now = 7, .partner_takes_over = true, .clients = 1};
  EXPECT_FALSE(drain.Cancel());
  ASSERT_TRUE(drain.Begin(view, false).ok());
  EXPECT_TRUE(drain.Cancel());
  EXPECT_EQ(drain.Turn(view), Step::kNothing);
  ASSERT_TRUE(drain.Begin(view, false).ok());
  EXPECT_EQ(drain.phase(), Phase::kNotice);
}

}  // namespace
}  // namespace tandem::tandemd
