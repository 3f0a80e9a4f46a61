#include "engine/broker/level.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <array>
#include <string>
#include <vector>

#include "engine/base/limits.h"
#include "engine/broker/path_key.h"
#include "engine/broker/trie_node.h"

namespace tandem::broker {
namespace {

bool Same(const Level& a, const Level& b) { return a.head == b.head && a.tail == b.tail; }

TEST(Level, ShortOnesAreComparedWholeWhateverTheirLength) {
  for (std::size_t size = 0; size <= kShortLevelBytesMax; ++size) {
    const std::string text(size, 'x');
    EXPECT_TRUE(Same(MakeLevel(text), MakeLevel(std::string(size, 'x')))) << size;
    for (std::size_t at = 0; at < size; ++at) {
      std::string other = text;
      other[at] = 'y';
      EXPECT_FALSE(Same(MakeLevel(text), MakeLevel(other)))
          << size << " bytes, differing at " << at;
    }
    EXPECT_FALSE(Same(MakeLevel(text), MakeLevel(text + 'x'))) << size;
  }
}

TEST(Level, NameOfANodeComesBackAsItWas) {
  for (const std::size_t size : {0, 1, 3, 4, 7, 8, 9, 11, 12, 255, 256, 65'535}) {
    std::string text(size, '\xFF');  // bytes with the high bit, as UTF-8 has them
    for (std::size_t i = 0; i < size; i += 3) text[i] = static_cast<char>('a' + i % 26);
    TrieNode node;
    node.SetName(MakeLevel(text));
    EXPECT_TRUE(node.Is(MakeLevel(text))) << size;
    std::string copy;
    node.CopyName(copy);
    EXPECT_EQ(copy, text) << size;
    EXPECT_FALSE(node.is_plus()) << size;
  }
}

TEST(Level, NodesTellLongNamesApart) {
  const std::string text(40, 'x');
  TrieNode node;
  node.SetName(MakeLevel(text));
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string other = text;
    other[at] = 'y';
    EXPECT_FALSE(node.Is(MakeLevel(other))) << at;
  }
}

TEST(Level, SplitsAtEverySlash) {
  std::array<Level, kTopicLevelsMax> levels;
  ASSERT_EQ(SplitLevels("/a//", levels.data()), 4);
  EXPECT_EQ(levels[0].text(), "");
  EXPECT_EQ(levels[1].text(), "a");
  EXPECT_EQ(levels[2].text(), "");
  EXPECT_EQ(levels[3].text(), "");
  EXPECT_EQ(SplitLevels(std::string(kTopicLevelsMax - 1, '/'), levels.data()), kTopicLevelsMax);
}

// Wherever a level stands in its text, and whatever stands around it, it reads the same as alone;
// and nothing is read beyond the end (the sanitizers watch).
TEST(Level, ReadsTheSameWhereverItStands) {
  const bool ok = rc::check("split == split by hand", [] {
    const auto sizes =
        *rc::gen::nonEmpty(rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 20)));
    std::vector<std::string> expected;
    std::string text;
    for (const int size : sizes) {
      expected.push_back(*rc::gen::container<std::string>(
          static_cast<std::size_t>(size),
          rc::gen::element('a', 'b', '\x2E', '\x30', '\xAF', '\xFF')));
      text += (expected.size() > 1 ? "/" : "") + expected.back();
    }
    const std::vector<char> exact(text.begin(), text.end());
    std::array<Level, kTopicLevelsMax> levels;
    RC_ASSERT(SplitLevels({exact.data(), exact.size()}, levels.data()) == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      RC_ASSERT(levels[i].text() == expected[i]);
      RC_ASSERT(Same(levels[i], MakeLevel(expected[i])));
    }
  });
  EXPECT_TRUE(ok);
}

TEST(Level, KeysOfPathsDependOnOrderAndKind) {
  const Level a = MakeLevel("a");
  const Level b = MakeLevel("b");
  EXPECT_NE(Extend(Extend(kRootKey, a), b), Extend(Extend(kRootKey, b), a));
  EXPECT_NE(Extend(kRootKey, MakeLevel("+")), ExtendPlus(kRootKey));
  EXPECT_EQ(Extend(Extend(kRootKey, a), b),
            Extend(Extend(kRootKey, MakeLevel("a")), MakeLevel("b")));
}

}  // namespace
}  // namespace tandem::broker
