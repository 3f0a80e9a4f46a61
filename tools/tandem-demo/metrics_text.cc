#include "tools/tandem-demo/metrics_text.h"

#include <charconv>

namespace tandem::demo {
namespace {

// Walks over one line of the exposition format. Each method takes what it names off the front of
// the rest.
class LineReader {
 public:
  explicit LineReader(std::string_view line) : rest_(line) {}

  std::string_view Until(std::string_view stops) {
    const std::string_view taken = rest_.substr(0, rest_.find_first_of(stops));
    rest_.remove_prefix(taken.size());
    return taken;
  }
  bool Take(char wanted) {
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // What stands between two quotes, with \" \\ and \n resolved. Nothing if it is not closed.
  std::optional<std::string> Quoted() {
    if (!Take('"')) return std::nullopt;
    std::string text;
    while (!rest_.empty()) {
      const char next = rest_.front();
      rest_.remove_prefix(1);
      if (next == '"') return text;
      if (next == '\\' && !rest_.empty()) {
        text += rest_.front() == 'n' ? '\n' : rest_.front();
        rest_.remove_prefix(1);
      } else {
        text += next;
      }
    }
    return std::nullopt;
  }
  void SkipSpaces() {
    while (Take(' ')) continue;
  }

 private:
  std::string_view rest_;
};

bool ReadLabels(LineReader& line, std::map<std::string, std::string>& labels) {
  if (!line.Take('{')) return true;
  while (!line.Take('}')) {
    const std::string name(line.Until("=}"));
    if (name.empty() || !line.Take('=')) return false;
    auto value = line.Quoted();
    if (!value) return false;
    labels.emplace(name, *std::move(value));
    line.Take(',');
  }
  return true;
}

std::optional<Sample> ReadSample(std::string_view text) {
  if (text.empty() || text.front() == '#') return std::nullopt;
  LineReader line(text);
  Sample sample;
  sample.name = line.Until("{ ");
  if (sample.name.empty() || !ReadLabels(line, sample.labels)) return std::nullopt;
  line.SkipSpaces();
  const std::string_view number = line.Until(" \r");
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), sample.value);
  if (error != std::errc{} || end != number.data() + number.size()) return std::nullopt;
  return sample;
}

}  // namespace

MetricsText::MetricsText(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (auto sample = ReadSample(line)) samples_.push_back(*std::move(sample));
  }
}

std::optional<double> MetricsText::Sum(std::string_view name) const {
  std::optional<double> sum;
  for (const Sample& sample : samples_)
    if (sample.name == name) sum = sum.value_or(0) + sample.value;
  return sum;
}

std::optional<std::string> MetricsText::Chosen(std::string_view name,
                                               const std::string& label) const {
  for (const Sample& sample : samples_) {
    if (sample.name != name || sample.value != 1) continue;
    const auto found = sample.labels.find(label);
    if (found != sample.labels.end()) return found->second;
  }
  return std::nullopt;
}

}  // namespace tandem::demo
