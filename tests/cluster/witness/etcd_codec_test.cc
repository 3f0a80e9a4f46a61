#include "cluster/witness/etcd_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace tandem::cluster {
namespace {

using ::testing::HasSubstr;
using Result = WitnessAnswer::Result;

const WitnessRecord kRecord{
    .epoch = 12, .node = "alpha", .pairing = "11-a-b", .by = Incarnation{UINT64_MAX}};

TEST(EtcdCodec, ARegisterHasTheNameOfItsCluster) {
  EXPECT_EQ(RegisterKey("plant 1"), "/tandem/plant 1/epoch");
}

TEST(EtcdCodec, ARecordIsReadBackAsItWasWritten) {
  EXPECT_EQ(EncodeRecord(kRecord),
            R"({"epoch":"12","node":"alpha","pairing":"11-a-b","by":"18446744073709551615"})");
  for (const std::string node : {"alpha", "", "a \"quoted\"\\ name", "\xc3\xa4\n"}) {
    WitnessRecord record = kRecord;
    record.node = node;
    const auto read = DecodeRecord(EncodeRecord(record));
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, record);
  }
}

TEST(EtcdCodec, AFieldOfANewerReleaseIsNoHindrance) {
  const auto read =
      DecodeRecord(R"({"new":[1,{"x":null}],"epoch":"3","node":"","pairing":"p","by":"7"})");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, (WitnessRecord{3, "", "p", Incarnation{7}}));
}

TEST(EtcdCodec, WhatIsNoRecordIsAnError) {
  for (const std::string text :
       {"", "{", "[]", "null", "7", R"({"epoch":"3"})",
        R"({"epoch":3,"node":"","pairing":"","by":"7"})",
        R"({"epoch":"x","node":"","pairing":"","by":"7"})",
        R"({"epoch":"3","node":7,"pairing":"","by":"7"})", "\xff\xfe", "{\"epoch\":\"3\"} {"}) {
    EXPECT_FALSE(DecodeRecord(text).ok()) << text;
  }
  EXPECT_FALSE(DecodeRecord(std::string(1'000, '[')).ok());
}

// The library would read "D" and U+0012: a record must not be taken for that of another node.
TEST(EtcdCodec, ARecordWithWhatTheLibraryMisreadsIsAnError) {
  for (const std::string node : {"\\u00e4", "\\u001c", "\x1c"}) {
    EXPECT_FALSE(
        DecodeRecord("{\"epoch\":\"3\",\"node\":\"" + node + "\",\"pairing\":\"p\",\"by\":\"7\"}")
            .ok())
        << node;
  }
  const auto backslash = DecodeRecord(R"({"epoch":"3","node":"C:\\users","pairing":"p","by":"7"})");
  ASSERT_TRUE(backslash.ok()) << backslash.status();
  EXPECT_EQ(backslash->node, "C:\\users");
}

TEST(EtcdCodec, LookingIsARange) {
  const EtcdCall call = EncodeCall("k", {.number = 1});
  EXPECT_EQ(call.path, "/v3/kv/range");
  EXPECT_EQ(call.body, R"({"key":"aw=="})");
}

TEST(EtcdCodec, WritingIsATransactionOnTheRevision) {
  const EtcdCall call = EncodeCall("k", {.number = 1, .record = kRecord, .revision = 9});
  EXPECT_EQ(call.path, "/v3/kv/txn");
  EXPECT_EQ(
      call.body,
      absl::StrCat(
          R"({"compare":[{"key":"aw==","target":"MOD","result":"EQUAL","mod_revision":"9"}],)",
          R"("success":[{"request_put":{"key":"aw==","value":")",
          absl::Base64Escape(EncodeRecord(kRecord)), R"("}}],)",
          R"("failure":[{"request_range":{"key":"aw=="}}]})"));
}

std::string Entry() {
  return absl::StrCat(R"({"key":"aw==","create_revision":"2","mod_revision":"9","version":"4",)",
                      R"("value":")", absl::Base64Escape(EncodeRecord(kRecord)), R"("})");
}

TEST(EtcdCodec, AnEmptyRegisterHasRevision0) {
  const auto answer =
      DecodeAnswer({.number = 4}, R"({"header":{"cluster_id":"1","revision":"8"}})");
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->number, 4u);
  EXPECT_EQ(answer->result, Result::kRead);
  EXPECT_EQ(answer->reading.revision, 0u);
  EXPECT_FALSE(answer->reading.record);
}

TEST(EtcdCodec, WhatStandsThereIsRead) {
  const auto answer = DecodeAnswer(
      {.number = 4}, absl::StrCat(R"({"header":{},"kvs":[)", Entry(), R"(],"count":"1"})"));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->reading.revision, 9u);
  EXPECT_EQ(answer->reading.record, kRecord);
}

TEST(EtcdCodec, AWriteSucceedsOrShowsWhatStandsThere) {
  const WitnessRequest request{.number = 4, .record = WitnessRecord{13, "beta", "p", {}}};
  const auto written = DecodeAnswer(
      request, R"({"succeeded":true,"responses":[{"response_put":{"header":{"revision":"3"}}}]})");
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(written->result, Result::kWritten);
  EXPECT_EQ(written->reading.record, request.record);

  const auto overtaken = DecodeAnswer(
      request, absl::StrCat(R"({"responses":[{"response_range":{"kvs":[)", Entry(), "]}}]}"));
  ASSERT_TRUE(overtaken.ok()) << overtaken.status();
  EXPECT_EQ(overtaken->result, Result::kRead);
  EXPECT_EQ(overtaken->reading.record, kRecord);
}

TEST(EtcdCodec, AnAnswerThatSaysNothingIsAnError) {
  const WitnessRequest write{.number = 4, .record = kRecord};
  EXPECT_FALSE(DecodeAnswer(write, "{}").ok()) << "neither written nor what stands there";
  EXPECT_FALSE(DecodeAnswer(write, R"({"succeeded":"true"})").ok());
  EXPECT_FALSE(DecodeAnswer({}, "<html>").ok());
  EXPECT_FALSE(DecodeAnswer({}, R"({"kvs":[{"mod_revision":"9","value":"%%%"}]})").ok());
  EXPECT_FALSE(DecodeAnswer({}, R"({"kvs":[{"mod_revision":"9","value":"Zm9v"}]})").ok())
      << "somebody else's value";
}

}  // namespace
}  // namespace tandem::cluster
