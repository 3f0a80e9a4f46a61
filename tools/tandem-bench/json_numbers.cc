#include "tools/tandem-bench/json_numbers.h"

#include <charconv>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/strings.h"

namespace tandem::bench {
namespace {

using Numbers = std::map<std::string, double, std::less<>>;

// Results nest two deep; the rest is a file that is not ours.
constexpr int kDepthMax = 16;

// One pass over the text. Each method reads what it is named after and leaves `at_` behind it;
// false if that is not what stands there.
class Reader {
 public:
  explicit Reader(std::string_view json) : json_(json) {}

  bool ReadAll(Numbers& numbers) {
    return Peek() == '{' && ReadValue("", &numbers, 0) && Peek() == '\0' && at_ == json_.size();
  }
  std::size_t at() const noexcept { return at_; }

 private:
  // The next character that is no white space; 0 at the end.
  char Peek() noexcept {
    at_ = std::min(json_.find_first_not_of(" \t\r\n", at_), json_.size());
    return at_ < json_.size() ? json_[at_] : '\0';
  }
  bool Take(char wanted) noexcept {
    if (Peek() != wanted) return false;
    ++at_;
    return true;
  }
  bool TakeWord(std::string_view word) noexcept {
    if (json_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  bool ReadText(std::string& text) {
    if (!Take('"')) return false;
    for (; at_ < json_.size() && json_[at_] != '"'; ++at_) {
      if (json_[at_] == '\\') ++at_;  // names of ours have nothing to unescape
      if (at_ < json_.size()) text += json_[at_];
    }
    return Take('"');
  }
  // `numbers` is null inside arrays.
  bool ReadValue(const std::string& path, Numbers* numbers, int depth) {
    if (depth > kDepthMax) return false;
    std::string text;
    switch (Peek()) {
      case '{':
        return ReadObject(path, numbers, depth);
      case '[':
        return ReadArray(depth);
      case '"':
        return ReadText(text);
      case 't':
        return TakeWord("true");
      case 'f':
        return TakeWord("false");
      case 'n':
        return TakeWord("null");
      default:
        return ReadNumber(path, numbers);
    }
  }
  bool ReadObject(const std::string& path, Numbers* numbers, int depth) {
    Take('{');
    if (Take('}')) return true;
    do {
      std::string name;
      if (!ReadText(name) || !Take(':')) return false;
      if (!path.empty()) name = absl::StrCat(path, ".", name);
      if (!ReadValue(name, numbers, depth + 1)) return false;
    } while (Take(','));
    return Take('}');
  }
  bool ReadArray(int depth) {
    Take('[');
    if (Take(']')) return true;
    do {
      if (!ReadValue("", nullptr, depth + 1)) return false;
    } while (Take(','));
    return Take(']');
  }
  bool ReadNumber(const std::string& path, Numbers* numbers) {
    double value = 0;
    const char* const begin = json_.data() + at_;
    const auto [end, error] = std::from_chars(begin, json_.data() + json_.size(), value);
    if (error != std::errc()) return false;
    at_ += static_cast<std::size_t>(end - begin);
    if (numbers != nullptr) numbers->emplace(path, value);
    return true;
  }

  std::string_view json_;
  std::size_t at_ = 0;
};

}  // namespace

absl::StatusOr<Numbers> JsonNumbers(std::string_view json) {
  Numbers numbers;
  Reader reader(json);
  if (reader.ReadAll(numbers)) return numbers;
  return absl::InvalidArgumentError(
      absl::StrCat("is no JSON object from offset ", reader.at(), " on"));
}

}  // namespace tandem::bench
