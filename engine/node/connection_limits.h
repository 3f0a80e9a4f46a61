// How many connections a listener takes, and how fast: in all and from one address.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "engine/base/clock.h"
#include "engine/base/pace.h"
#include "engine/base/strings.h"
#include "engine/broker/admission.h"

namespace tandem::node {

// 0: no limit. Rates are connections a second; as many may come at once.
struct ConnectionLimitOptions {
  std::uint64_t connections = 0;
  std::uint64_t connections_per_address = 0;
  std::uint64_t rate = 0;
  std::uint64_t rate_per_address = 0;
};

// Whom the limit per address counts together: an IPv4 address, also one that is written as IPv6, or
// the 64 bits of an IPv6 address that name a network, for a host there has as many addresses as it
// likes.
std::string AddressGroup(std::string_view host);

// One per listener, shared by all cores, because the kernel gives the connections of one address to
// any of them. Asked when a connection comes or goes, never for a packet; the mutex is taken only
// where a limit per address is set.
class ConnectionLimits {
 public:
  explicit ConnectionLimits(const ConnectionLimitOptions& options = {}) : options_(options) {}

  struct Verdict {
    broker::Admission admission{};
    bool answers = true;  // false: too many wait for their refusal already, so close it at once
  };
  // A connection from `host`. Whatever the verdict, Close follows if it `answers`.
  Verdict Open(std::string_view host, MonoNs now);
  void Close(std::string_view host, broker::Admission admission, MonoNs now);

  // Addresses that are kept in mind.
  std::size_t addresses() const;

 private:
  struct Address {
    std::uint64_t open = 0;
    Pace pace;
  };

  broker::Admission Admit(std::string_view host, MonoNs now);
  broker::Admission AdmitAddress(std::string_view host, MonoNs now);
  void LeaveAddress(std::string_view host, MonoNs now);
  bool TakeToken(MonoNs now);
  bool counts_addresses() const noexcept {
    return options_.connections_per_address != 0 || options_.rate_per_address != 0;
  }

  const ConnectionLimitOptions options_;
  std::atomic<std::uint64_t> open_{0};
  std::atomic<std::uint64_t> refused_{0};  // wait for their CONNECT to be refused
  std::atomic<MonoNs> full_at_{0};         // of the listener's token bucket (Pace)
  mutable std::mutex mutex_;
  StringMap<Address> addresses_;  // under mutex_
};

}  // namespace tandem::node
