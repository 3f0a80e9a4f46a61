#include "cluster/epoch_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "tests/support/temp_dir.h"

namespace tandem::cluster {
namespace {

using ::testing::HasSubstr;

const std::string kStored = "tandem_cluster_epoch_stored";
constexpr std::uint64_t kAhead = EpochStore::kAhead;

class EpochStoreTest : public ::testing::Test {
 protected:
  static std::unique_ptr<EpochStore> Open(const std::string& directory) {
    auto store = EpochStore::Open(directory);
    if (store.ok()) return *std::move(store);
    ADD_FAILURE() << store.status();
    return nullptr;
  }
  static std::string WhyNot(const std::string& directory) {
    const auto store = EpochStore::Open(directory);
    return store.ok() ? "" : std::string(store.status().message());
  }
  // A value among its metrics.
  static std::uint64_t Metric(const EpochStore& store, const std::string& name) {
    metrics::Exposition out;
    store.Collect(out);
    const std::string text = out.Text();
    const std::size_t line = text.find("\n" + name + " ");
    return line == text.npos ? 0 : std::stoull(text.substr(line + name.size() + 2));
  }
  // Whether the metric gets there within the deadline.
  static bool Reaches(const EpochStore& store, const std::string& name, std::uint64_t value) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (Metric(store, name) < value) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }
  std::uint64_t OnDisk() const { return std::stoull(dir_.Read("data/epoch")); }

  const testing::TempDir dir_;
};

TEST_F(EpochStoreTest, BeginsWithNothingInADirectoryThatItMakes) {
  const auto store = Open(dir_.Path("lib/tandem"));
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(store->epoch_max(), 0u);
  EXPECT_EQ(dir_.Read("lib/tandem/epoch"), std::to_string(kAhead) + "\n");
}

// However it ends, the next run begins above.
TEST_F(EpochStoreTest, CoversEveryEpochBeforeItBegins) {
  std::uint64_t last = 0;
  for (int run = 0; run < 3; ++run) {
    const auto store = Open(dir_.Path("data"));
    ASSERT_NE(store, nullptr);
    EXPECT_GE(store->epoch_max(), last);
    last = store->epoch_max();
    for (int i = 0; i < 30; ++i) {
      ASSERT_GT(OnDisk(), last);
      store->Began(++last);
      ASSERT_TRUE(Reaches(*store, kStored, last + 1));
    }
  }
}

TEST_F(EpochStoreTest, FollowsAPartnerThatKnowsAHigherOne) {
  {
    const auto store = Open(dir_.Path("data"));
    store->Began(1'000);
  }
  EXPECT_EQ(Open(dir_.Path("data"))->epoch_max(), 1'000 + kAhead) << "written before the end";
}

TEST_F(EpochStoreTest, IsForOneNodeAtATime) {
  auto store = Open(dir_.Path("data"));
  EXPECT_THAT(WhyNot(dir_.Path("data")), HasSubstr("another node"));
  store.reset();
  EXPECT_NE(Open(dir_.Path("data")), nullptr);
}

TEST_F(EpochStoreTest, TakesNothingElseForAnEpoch) {
  std::filesystem::create_directory(dir_.Path("data"));
  for (const char* text : {"", "\n", "12", "x\n", "-1\n", "1 2\n", "99999999999999999999999\n",
                           "1\n1\n", "00000000000000000000000000000000000001\n"}) {
    dir_.Write("data/epoch", text);
    EXPECT_THAT(WhyNot(dir_.Path("data")), HasSubstr("does not hold an epoch")) << text;
    EXPECT_EQ(dir_.Read("data/epoch"), text) << "left as it was";
  }
}

TEST_F(EpochStoreTest, SaysWhatCannotBeWritten) {
  dir_.Write("file", "");
  EXPECT_THAT(WhyNot(dir_.Path("file")), HasSubstr(dir_.Path("file")));
  EXPECT_THAT(WhyNot("/proc/tandem"), HasSubstr("/proc/tandem"));
}

// A disk that refuses for a while: the epoch is stored later, and the refusals are counted.
TEST_F(EpochStoreTest, TriesAgainUntilTheDiskTakesIt) {
  const auto store = Open(dir_.Path("data"));
  ASSERT_NE(store, nullptr);
  std::filesystem::create_directory(dir_.Path("data/epoch.new"));
  store->Began(100);
  EXPECT_TRUE(Reaches(*store, "tandem_cluster_epoch_store_failures_total", 1));
  EXPECT_EQ(OnDisk(), kAhead);
  std::filesystem::remove(dir_.Path("data/epoch.new"));
  EXPECT_TRUE(Reaches(*store, kStored, 100 + kAhead));
  EXPECT_EQ(OnDisk(), 100 + kAhead);
}

}  // namespace
}  // namespace tandem::cluster
