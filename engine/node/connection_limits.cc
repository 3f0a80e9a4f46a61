#include "engine/node/connection_limits.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "engine/base/limits.h"

namespace tandem::node {
namespace {

using broker::Admission;

constexpr std::size_t kNetworkBytes = 8;  // of an IPv6 address

MonoNs IntervalOf(std::uint64_t per_s) noexcept {
  return kNanosecondsPerSecond / static_cast<MonoNs>(per_s);
}

}  // namespace

std::string AddressGroup(std::string_view host) {
  const std::string text(host.substr(0, host.find('%')));  // a scope is no part of the address
  in6_addr address{};
  if (inet_pton(AF_INET6, text.c_str(), &address) != 1) return text;
  const char* const bytes = reinterpret_cast<const char*>(&address);
  if (!IN6_IS_ADDR_V4MAPPED(&address)) return std::string(bytes, kNetworkBytes);
  char dotted[INET_ADDRSTRLEN];
  return inet_ntop(AF_INET, bytes + 12, dotted, sizeof dotted);
}

ConnectionLimits::Verdict ConnectionLimits::Open(std::string_view host, MonoNs now) {
  const Admission admission = Admit(host, now);
  if (admission == Admission::kGranted) return {admission};
  if (refused_.fetch_add(1, std::memory_order_relaxed) < kRefusalsWaitingMax) return {admission};
  refused_.fetch_sub(1, std::memory_order_relaxed);
  return {admission, false};
}

// A token that is spent on a connection that is refused for another reason is lost: whoever comes
// too often gains nothing by it.
Admission ConnectionLimits::Admit(std::string_view host, MonoNs now) {
  if (options_.rate != 0 && !TakeToken(now)) return Admission::kRateExceeded;
  if (options_.connections != 0 &&
      open_.fetch_add(1, std::memory_order_relaxed) >= options_.connections) {
    open_.fetch_sub(1, std::memory_order_relaxed);
    return Admission::kQuotaExceeded;
  }
  const Admission admission = counts_addresses() ? AdmitAddress(host, now) : Admission::kGranted;
  if (admission != Admission::kGranted && options_.connections != 0)
    open_.fetch_sub(1, std::memory_order_relaxed);
  return admission;
}

// Pace::Take by several threads.
bool ConnectionLimits::TakeToken(MonoNs now) {
  const MonoNs interval = IntervalOf(options_.rate);
  const MonoNs ahead_max = interval * static_cast<MonoNs>(options_.rate - 1);
  MonoNs full_at = full_at_.load(std::memory_order_relaxed);
  do {
    if (full_at - now > ahead_max) return false;
  } while (!full_at_.compare_exchange_weak(full_at, std::max(full_at, now) + interval,
                                           std::memory_order_relaxed));
  return true;
}

Admission ConnectionLimits::AdmitAddress(std::string_view host, MonoNs now) {
  const std::string group = AddressGroup(host);
  const std::lock_guard lock(mutex_);
  if (addresses_.size() >= kWatchedAddressesMax && !addresses_.contains(group)) {
    absl::erase_if(addresses_, [now](const auto& entry) {
      return entry.second.open == 0 && entry.second.pace.IsFull(now);
    });
    // From so many addresses at once no single one is the trouble.
    if (addresses_.size() >= kWatchedAddressesMax) return Admission::kGranted;
  }
  Address& address = addresses_[group];
  const std::uint64_t rate = options_.rate_per_address;
  if (rate != 0 && !address.pace.Take(now, IntervalOf(rate), static_cast<std::int64_t>(rate)))
    return Admission::kRateExceeded;
  if (options_.connections_per_address != 0 && address.open >= options_.connections_per_address)
    return Admission::kQuotaExceeded;
  ++address.open;
  return Admission::kGranted;
}

void ConnectionLimits::Close(std::string_view host, Admission admission, MonoNs now) {
  if (admission != Admission::kGranted) {
    refused_.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  if (options_.connections != 0) open_.fetch_sub(1, std::memory_order_relaxed);
  if (counts_addresses()) LeaveAddress(host, now);
}

void ConnectionLimits::LeaveAddress(std::string_view host, MonoNs now) {
  const std::string group = AddressGroup(host);
  const std::lock_guard lock(mutex_);
  const auto it = addresses_.find(group);
  if (it == addresses_.end() || it->second.open == 0) return;  // came while there was no room
  if (--it->second.open == 0 && it->second.pace.IsFull(now)) addresses_.erase(it);
}

std::size_t ConnectionLimits::addresses() const {
  const std::lock_guard lock(mutex_);
  return addresses_.size();
}

}  // namespace tandem::node
