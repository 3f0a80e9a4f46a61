// One scrape, in Prometheus' text format 0.0.4.
//
// Metrics structs describe themselves into an Exposition; samples of one family with equal labels
// (the same counter on several cores) are added up. Made and filled by the thread that serves the
// scrape; nothing here runs on an engine core.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/metrics/counter.h"
#include "engine/metrics/histogram.h"

namespace tandem::metrics {

enum class Kind : std::uint8_t { kCounter, kGauge, kHistogram };

// How the integers of a family are written: as they are, or nanoseconds shown as seconds.
enum class Unit : std::uint8_t { kPlain, kNanoseconds };

// A row of a module's table of metrics. The views must outlive every scrape: string literals.
struct Family {
  std::string_view name;
  Kind kind = Kind::kCounter;
  Unit unit = Unit::kPlain;
  std::string_view help;
};

struct Label {
  std::string_view name;
  std::string_view value;
};
using Labels = std::initializer_list<Label>;

class Exposition {
 public:
  void Add(const Family& family, Labels labels, const Counter& counter);
  void Add(const Family& family, Labels labels, const Gauge& gauge);
  void Add(const Family& family, Labels labels, const Histogram& histogram);
  void Add(const Family& family, Labels labels, std::int64_t value);

  // A counter or gauge per value of an enum: one sample for each, labelled `label_name`.
  template <class Metric, class Enum>
  void Add(const Family& family, std::string_view label_name,
           const ByLabel<Metric, Enum>& metrics) {
    metrics.ForEach([&](std::string_view value, const Metric& metric) {
      Add(family, {{label_name, value}}, metric);
    });
  }

  // The text; families in the order of their first sample, samples in the order of their labels.
  std::string Text() const;

 private:
  struct HistogramSample {
    std::array<std::uint64_t, Histogram::kBuckets> buckets{};
    std::uint64_t sum_ns = 0;
  };
  struct FamilySamples {
    Family family;
    std::map<std::string, std::int64_t> values;  // by rendered labels: `a="x",b="y"`
    std::map<std::string, HistogramSample> histograms;
  };

  FamilySamples& SamplesOf(const Family& family);
  static void AppendHistogram(std::string& out, std::string_view name, const std::string& labels,
                              const HistogramSample& sample);

  std::vector<FamilySamples> families_;
  std::map<std::string_view, std::size_t> index_by_name_;
};

}  // namespace tandem::metrics
