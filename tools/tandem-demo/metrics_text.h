// Reads the Prometheus text that a node serves at /metrics.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::demo {

struct Sample {
  std::string name;
  std::map<std::string, std::string> labels;
  double value = 0;
};

class MetricsText {
 public:
  MetricsText() = default;
  // Takes every line it understands; comments and lines it does not understand are left out.
  explicit MetricsText(std::string_view text);

  // Sum over all label values; nothing if there is no such metric.
  std::optional<double> Sum(std::string_view name) const;
  // Value of the label `label` on the sample of `name` whose value is 1, as in
  // tandem_node_state{state="serving"} 1.
  std::optional<std::string> Chosen(std::string_view name, const std::string& label) const;

  const std::vector<Sample>& samples() const { return samples_; }

 private:
  std::vector<Sample> samples_;
};

}  // namespace tandem::demo
