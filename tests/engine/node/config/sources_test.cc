#include "engine/node/config/sources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace tandem::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class SourcesTest : public ::testing::Test {
 protected:
  // Gathers a file with this content; its problems as lines without the directory.
  std::vector<std::string> File(std::string_view content) {
    const std::string path = dir_.Write("t.toml", content);
    std::vector<Problem> problems;
    GatherFile(path, settings_, problems);
    std::vector<std::string> lines;
    for (const Problem& problem : problems) {
      EXPECT_EQ(problem.origin.name, path);
      lines.push_back(std::to_string(problem.origin.line) + ":" +
                      std::to_string(problem.origin.column) + " " + problem.reason);
    }
    return lines;
  }
  testing::TempDir dir_;
  Settings settings_;
  std::vector<Problem> problems_;
};

TEST_F(SourcesTest, FlattensAFile) {
  EXPECT_THAT(File("[node]\nname = 'alpha'\n"
                   "[[listener]]\naddress = '127.0.0.1:1'\ntrusted_proxies = ['10.0.0.1']\ntls = { "
                   "key = 'k' }\n"
                   "[[listener]]\nmax_connections = 5\n"
                   "[[cluster.member]]\nname = 'alpha'\n"
                   "[cluster.witness]\nkind = 'none'\n"),
              ElementsAre());
  EXPECT_EQ(settings_.at("node.name").value, Value(std::string("alpha")));
  EXPECT_EQ(settings_.at("node.name").origin.line, 2u);
  EXPECT_EQ(settings_.at("node.name").origin.column, 8u);
  EXPECT_EQ(settings_.at("listener.0.trusted_proxies").value,
            Value(std::vector<std::string>{"10.0.0.1"}));
  EXPECT_EQ(settings_.at("listener.0.tls.key").value, Value(std::string("k")));
  EXPECT_EQ(settings_.at("listener.1.max_connections").value, Value(std::int64_t{5}));
  EXPECT_EQ(settings_.at("cluster.member.0.name").value, Value(std::string("alpha")));
  EXPECT_EQ(settings_.at("cluster.witness.kind").value, Value(std::string("none")));
  EXPECT_THAT(settings_, SizeIs(7));
}

TEST_F(SourcesTest, NamesUnknownKeysAndSectionsWithTheirPlace) {
  EXPECT_THAT(
      File("[node]\nnmae = 'alpha'\n[qeue]\nper_session_messages = 1\nx = 2\n[[listener]]\nadress "
           "= '1'\n"),
      ElementsAre(R"(7:1 unknown key "listener.0.adress" (did you mean "listener.0.address"?))",
                  R"(2:1 unknown key "node.nmae" (did you mean "node.name"?))",
                  R"(3:2 unknown key "qeue" (did you mean "queue"?))"));
}

TEST_F(SourcesTest, RefusesTheWrongShape) {
  EXPECT_THAT(File("node = 1\n"), ElementsAre(HasSubstr("write [node]")));
  EXPECT_THAT(File("[listener]\naddress = 'x'\n"),
              ElementsAre(HasSubstr("write [[listener]] for each")));
  EXPECT_THAT(File("listener = [1]\n"), ElementsAre(HasSubstr("write [[listener]] for each")));
  EXPECT_THAT(File("[node.name]\n"), ElementsAre(HasSubstr("node.name: expected text in quotes")));
  EXPECT_THAT(File("[mqtt]\nmax_qos = 1.5\n"),
              ElementsAre("2:11 mqtt.max_qos: expected a whole number from 0 to 2"));
  EXPECT_THAT(File("\"node.name\" = 'x'\n"), ElementsAre(R"(1:1 unknown key "node.name")"));
}

TEST_F(SourcesTest, ReportsWhereAFileIsNotToml) {
  EXPECT_THAT(File("[node]\nname = \n"), ElementsAre(::testing::StartsWith("2:")));
  EXPECT_THAT(File("[node]\nname = 'a'\nname = 'b'\n"), ElementsAre(::testing::StartsWith("3:")));
}

TEST_F(SourcesTest, AFileThatCannotBeReadIsAProblem) {
  EXPECT_FALSE(GatherFile(dir_.Path("missing.toml"), settings_, problems_));
  ASSERT_THAT(problems_, SizeIs(1));
  EXPECT_EQ(ToString(problems_[0]),
            dir_.Path("missing.toml") +
                ": cannot read the configuration file: No such file or directory");
}

TEST_F(SourcesTest, ReadsTheEnvironment) {
  GatherEnvironment({"PATH=/bin", "TANDEM_NODE__NAME=alpha",
                     "TANDEM_LISTENER__0__ADDRESS=127.0.0.1:5", "TANDEM_HOME=/x"},
                    settings_, problems_);
  EXPECT_THAT(problems_, SizeIs(0));
  EXPECT_THAT(settings_, SizeIs(2));
  EXPECT_EQ(settings_.at("node.name").value, Value(std::string("alpha")));
  EXPECT_TRUE(settings_.at("node.name").is_text);
  EXPECT_EQ(settings_.at("listener.0.address").origin.name, "TANDEM_LISTENER__0__ADDRESS");
}

TEST_F(SourcesTest, NamesUnknownVariables) {
  GatherEnvironment({"TANDEM_NODE__NMAE=alpha", "TANDEM_NODE_NAME=alpha"}, settings_, problems_);
  ASSERT_THAT(problems_, SizeIs(2));
  EXPECT_EQ(ToString(problems_[0]),
            R"(TANDEM_NODE__NMAE: unknown key "node.nmae" (did you mean "node.name"?))");
  EXPECT_THAT(ToString(problems_[1]), HasSubstr("TANDEM_NODE_NAME: unknown key"));
  EXPECT_THAT(ToString(problems_[1]), HasSubstr("TANDEM_NODE__NAME"));
}

TEST_F(SourcesTest, ReadsSets) {
  GatherSets({"node.name=a=b", "node.name", "=x", "nodename=x"}, settings_, problems_);
  EXPECT_EQ(settings_.at("node.name").value, Value(std::string("a=b")));
  ASSERT_THAT(problems_, SizeIs(3));
  EXPECT_EQ(ToString(problems_[0]), "--set node.name: expected section.key=value");
  EXPECT_EQ(ToString(problems_[2]),
            R"(--set nodename=x: unknown key "nodename" (did you mean "node.name"?))");
}

TEST_F(SourcesTest, TheLastSourceWins) {
  File("[node]\nname = 'file'\ndata_dir = '/file'\n");
  GatherEnvironment({"TANDEM_NODE__NAME=environment"}, settings_, problems_);
  EXPECT_EQ(settings_.at("node.name").value, Value(std::string("environment")));
  GatherSets({"node.name=set"}, settings_, problems_);
  EXPECT_EQ(settings_.at("node.name").value, Value(std::string("set")));
  EXPECT_EQ(settings_.at("node.data_dir").value, Value(std::string("/file")));
}

}  // namespace
}  // namespace tandem::config
