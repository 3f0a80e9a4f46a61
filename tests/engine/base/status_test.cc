#include "engine/base/status.h"

#include <gtest/gtest.h>

#include <memory>

namespace tandem {
namespace {

absl::Status Fail(bool fails) { return fails ? absl::NotFoundError("gone") : absl::OkStatus(); }
absl::StatusOr<std::unique_ptr<int>> Make(bool fails) {
  TANDEM_RETURN_IF_ERROR(Fail(fails));
  return std::make_unique<int>(7);
}
absl::StatusOr<int> Use(bool first_fails, bool second_fails) {
  TANDEM_ASSIGN_OR_RETURN(const std::unique_ptr<int> first, Make(first_fails));
  TANDEM_ASSIGN_OR_RETURN(const std::unique_ptr<int> second, Make(second_fails));
  return *first + *second;
}

TEST(Status, LeavesAtTheFirstError) {
  EXPECT_EQ(Use(true, false).status(), absl::NotFoundError("gone"));
  EXPECT_EQ(Use(false, true).status(), absl::NotFoundError("gone"));
}

TEST(Status, GivesTheValueOnTheGoodPath) { EXPECT_EQ(Use(false, false).value(), 14); }

}  // namespace
}  // namespace tandem
