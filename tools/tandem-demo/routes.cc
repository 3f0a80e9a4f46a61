#include "tools/tandem-demo/routes.h"

#include <algorithm>
#include <charconv>

namespace tandem::demo {
namespace {

constexpr std::string_view kPublisherPrefix = "demo-publisher-";
// Numbers in a log beyond this are no message of ours, and no reason to grow.
constexpr Sequence kSequenceMax = 10'000'000;

std::optional<std::uint64_t> ParseNumber(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::string PublisherId(Attempt attempt) {
  return std::string(kPublisherPrefix) + std::to_string(attempt.sequence) + "." +
         std::to_string(attempt.number);
}

std::optional<Attempt> ParsePublisherId(std::string_view client_id) {
  if (!client_id.starts_with(kPublisherPrefix)) return std::nullopt;
  client_id.remove_prefix(kPublisherPrefix.size());
  const std::size_t dot = client_id.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto sequence = ParseNumber(client_id.substr(0, dot));
  const auto number = ParseNumber(client_id.substr(dot + 1));
  if (!sequence || !number || *sequence == 0 || *sequence > kSequenceMax || *number == 0)
    return std::nullopt;
  return Attempt{*sequence, *number};
}

void Routes::Connected(NodeIndex node, Attempt attempt) {
  if (routes_.size() < attempt.sequence) routes_.resize(attempt.sequence);
  Route& route = routes_[attempt.sequence - 1];
  if (attempt.number <= route.attempt) return;  // the logs of two nodes come in any order
  if (route.attempt != 0) --counts_.at(route.node);
  route = {attempt.number, node};
  ++counts_.at(node);
}

std::optional<NodeIndex> Routes::node(Sequence sequence) const {
  if (sequence == 0 || sequence > routes_.size() || routes_[sequence - 1].attempt == 0)
    return std::nullopt;
  return routes_[sequence - 1].node;
}

}  // namespace tandem::demo
