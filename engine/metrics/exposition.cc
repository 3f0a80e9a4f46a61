#include "engine/metrics/exposition.h"

#include <utility>

namespace tandem::metrics {
namespace {

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

constexpr std::string_view TypeName(Kind kind) {
  switch (kind) {
    case Kind::kCounter:
      return "counter";
    case Kind::kGauge:
      return "gauge";
    case Kind::kHistogram:
      return "histogram";
  }
  return "untyped";
}

// Label values escape backslash, quote and line feed; help texts backslash and line feed (text
// format 0.0.4).
void AppendEscaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

std::string RenderedLabels(Labels labels) {
  std::string out;
  for (const Label& label : labels) {
    if (!out.empty()) out += ',';
    out += label.name;
    out += "=\"";
    AppendEscaped(out, label.value, /*quotes=*/true);
    out += '"';
  }
  return out;
}

// Nanoseconds as seconds, exact and without trailing zeros: 100'000 is "0.0001".
std::string Seconds(std::int64_t ns) {
  const bool negative = ns < 0;
  const std::uint64_t magnitude =
      negative ? ~static_cast<std::uint64_t>(ns) + 1 : static_cast<std::uint64_t>(ns);
  std::string out = negative ? "-" : "";
  out += std::to_string(magnitude / kNanosecondsPerSecond);
  std::string fraction =
      std::to_string(kNanosecondsPerSecond + magnitude % kNanosecondsPerSecond).substr(1);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  if (!fraction.empty()) out += "." + fraction;
  return out;
}

std::string Number(Unit unit, std::int64_t value) {
  return unit == Unit::kNanoseconds ? Seconds(value) : std::to_string(value);
}

void AppendSample(std::string& out, std::string_view name, std::string_view suffix,
                  std::string_view labels, std::string_view value) {
  out += name;
  out += suffix;
  if (!labels.empty()) {
    out += '{';
    out += labels;
    out += '}';
  }
  out += ' ';
  out += value;
  out += '\n';
}

}  // namespace

void Exposition::Add(const Family& family, Labels labels, const Counter& counter) {
  Add(family, labels, static_cast<std::int64_t>(counter.value()));
}

void Exposition::Add(const Family& family, Labels labels, const Gauge& gauge) {
  Add(family, labels, gauge.value());
}

void Exposition::Add(const Family& family, Labels labels, std::int64_t value) {
  SamplesOf(family).values[RenderedLabels(labels)] += value;
}

void Exposition::Add(const Family& family, Labels labels, const Histogram& histogram) {
  HistogramSample& sample = SamplesOf(family).histograms[RenderedLabels(labels)];
  for (std::size_t i = 0; i < Histogram::kBuckets; ++i) sample.buckets[i] += histogram.bucket(i);
  sample.sum_ns += histogram.sum_ns();
}

Exposition::FamilySamples& Exposition::SamplesOf(const Family& family) {
  const auto [it, added] = index_by_name_.emplace(family.name, families_.size());
  if (added) families_.push_back(FamilySamples{family, {}, {}});
  return families_[it->second];
}

void Exposition::AppendHistogram(std::string& out, std::string_view name, const std::string& labels,
                                 const HistogramSample& sample) {
  const std::string prefix = labels.empty() ? "" : labels + ",";
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < Histogram::kBuckets; ++i) {
    cumulative += sample.buckets[i];
    const bool last = i == kHistogramBoundsNs.size();
    const std::string bound =
        last ? "+Inf" : Seconds(static_cast<std::int64_t>(kHistogramBoundsNs[i]));
    AppendSample(out, name, "_bucket", prefix + "le=\"" + bound + "\"", std::to_string(cumulative));
  }
  AppendSample(out, name, "_sum", labels, Seconds(static_cast<std::int64_t>(sample.sum_ns)));
  AppendSample(out, name, "_count", labels, std::to_string(cumulative));
}

std::string Exposition::Text() const {
  std::string out;
  for (const FamilySamples& samples : families_) {
    const Family& family = samples.family;
    out += "# HELP ";
    out += family.name;
    out += ' ';
    AppendEscaped(out, family.help, /*quotes=*/false);
    out += "\n# TYPE ";
    out += family.name;
    out += ' ';
    out += TypeName(family.kind);
    out += '\n';
    for (const auto& [labels, value] : samples.values) {
      AppendSample(out, family.name, "", labels, Number(family.unit, value));
    }
    for (const auto& [labels, sample] : samples.histograms)
      AppendHistogram(out, family.name, labels, sample);
  }
  return out;
}

}  // namespace tandem::metrics
