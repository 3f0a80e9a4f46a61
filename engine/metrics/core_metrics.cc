#include "engine/metrics/core_metrics.h"

namespace tandem::metrics {
namespace {

constexpr Family kBusy = {"tandem_core_busy_seconds_total", Kind::kCounter, Unit::kNanoseconds,
                          "Time the engine thread of a core did work."};
constexpr Family kMailbox = {"tandem_core_mailbox_messages", Kind::kGauge, Unit::kPlain,
                             "Messages from other cores not yet taken."};
constexpr Family kMailFull = {"tandem_core_mailbox_full_total", Kind::kCounter, Unit::kPlain,
                              "Times that publishers of a core began to wait because another core "
                              "was slow to take its messages."};
constexpr Family kEnters = {"tandem_core_uring_enters_total", Kind::kCounter, Unit::kPlain,
                            "io_uring_enter calls."};
constexpr Family kOverflows = {"tandem_core_uring_overflows_total", Kind::kCounter, Unit::kPlain,
                               "Completions that overflowed the ring."};
constexpr Family kBuffersFree = {"tandem_core_buffers_free", Kind::kGauge, Unit::kPlain,
                                 "Receive buffers free in the ring."};
constexpr Family kBuffersExhausted = {"tandem_core_buffers_exhausted_total", Kind::kCounter,
                                      Unit::kPlain,
                                      "Receives that ended because no receive buffer was free."};
constexpr Family kMemory = {"tandem_memory_bytes", Kind::kGauge, Unit::kPlain,
                            "What the broker's state takes, by estimate."};

}  // namespace

void CoreMetrics::Collect(Exposition& out) const {
  out.Add(kBusy, {{"core", cpu_}}, busy_ns_);
  out.Add(kMailbox, {{"core", cpu_}}, mailbox_messages_);
  out.Add(kMailFull, {{"core", cpu_}}, mailbox_full_);
  out.Add(kEnters, {{"core", cpu_}}, uring_enters_);
  out.Add(kOverflows, {{"core", cpu_}}, uring_overflows_);
  out.Add(kBuffersFree, {{"core", cpu_}}, buffers_free_);
  out.Add(kBuffersExhausted, {{"core", cpu_}}, buffers_exhausted_);
  out.Add(kMemory, "what", memory_);
}

}  // namespace tandem::metrics
