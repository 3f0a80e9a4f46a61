#include "tools/tandemctl/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <sstream>
#include <string>
#include <vector>

namespace tandem::tandemctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tools::HttpResponse;

class CommandsTest : public ::testing::Test {
 protected:
  int Run(const Options& options) {
    return tandemctl::Run(options,
                          {.request =
                               [this](std::string_view method, std::string_view path) {
                                 asked_.push_back(std::string(method) + " " + std::string(path));
                                 auto answer = std::move(answers_.front());
                                 answers_.pop_front();
                                 return answer;
                               },
                           .pause = [this] { ++pauses_; },
                           .out = out_,
                           .err = err_});
  }

  std::deque<absl::StatusOr<HttpResponse>> answers_;
  std::vector<std::string> asked_;
  int pauses_ = 0;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(CommandsTest, WaitsForADrainAndTellsNewsOnce) {
  answers_ = {HttpResponse{202, "2 clients left\n"}, HttpResponse{202, "2 clients left\n"},
              HttpResponse{202, "1 client left\n"}, HttpResponse{200, "done\n"}};
  EXPECT_EQ(Run({.command = Command::kDrain}), kExitOk);
  EXPECT_EQ(out_.str(), "2 clients left\n1 client left\ndone\n");
  EXPECT_EQ(pauses_, 3);
  EXPECT_EQ(asked_.front(), "POST /api/v1/drain");
}

TEST_F(CommandsTest, BeginsADrainWithoutWaiting) {
  answers_ = {HttpResponse{202, "2 clients left\n"}};
  EXPECT_EQ(Run({.command = Command::kDrain, .force = true, .wait = false}), kExitOk);
  EXPECT_THAT(asked_, ElementsAre("POST /api/v1/drain?force"));
}

TEST_F(CommandsTest, ForcesAndTellsWhatTheNodeSays) {
  answers_ = {HttpResponse{200, "what may be lost\n"}, HttpResponse{409, "it serves already\n"}};
  EXPECT_EQ(Run({.command = Command::kForceServe}), kExitOk);
  EXPECT_EQ(out_.str(), "what may be lost\n");
  EXPECT_EQ(Run({.command = Command::kForceServe}), kExitFailed);
  EXPECT_EQ(err_.str(), "it serves already\n");
  EXPECT_THAT(asked_, ElementsAre("POST /api/v1/force-serve", "POST /api/v1/force-serve"));
}

TEST_F(CommandsTest, FailsWhereTheNodeRefuses) {
  answers_ = {HttpResponse{202, "2 clients left\n"}, HttpResponse{409, "the partner is gone\n"}};
  EXPECT_EQ(Run({.command = Command::kDrain}), kExitFailed);
  EXPECT_EQ(err_.str(), "the partner is gone\n");
  answers_ = {HttpResponse{409, "not draining\n"}};
  EXPECT_EQ(Run({.command = Command::kResume}), kExitFailed);
}

TEST_F(CommandsTest, PrintsTheStatusOfNodeAndPair) {
  answers_ = {HttpResponse{200, "{node}\n"}, HttpResponse{200, "{pair}\n"}};
  EXPECT_EQ(Run({.command = Command::kStatus}), kExitOk);
  EXPECT_EQ(out_.str(), "{node}\n{pair}\n");
}

TEST_F(CommandsTest, SaysWhatMayBeWrongIfNobodyAnswers) {
  answers_ = {absl::UnavailableError("Connection refused")};
  EXPECT_EQ(Run({.command = Command::kStatus}), kExitFailed);
  EXPECT_THAT(err_.str(), HasSubstr("Connection refused"));
  answers_ = {absl::PermissionDeniedError("closed")};
  EXPECT_EQ(Run({.command = Command::kResume}), kExitFailed);
  EXPECT_THAT(err_.str(), HasSubstr("only root"));
}

}  // namespace
}  // namespace tandem::tandemctl
