// The sessions of one core, by client id and by number.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/base/strings.h"
#include "engine/broker/session.h"

namespace tandem::broker {

class SessionTable {
 public:
  Session* Find(std::string_view client_id) const {
    const auto it = by_client_id_.find(client_id);
    return it == by_client_id_.end() ? nullptr : it->second;
  }
  // Null if the number is free or beyond the end.
  Session* Get(SubscriberId id) const noexcept {
    const auto index = static_cast<std::size_t>(id);
    return index < slots_.size() ? slots_[index].get() : nullptr;
  }
  // `client_id` has no session yet. Pointers are stable until Remove.
  Session& Create(std::string_view client_id);
  void Remove(Session& session);

  std::size_t size() const noexcept { return by_client_id_.size(); }
  // What the sessions and the tables take, without what sessions own beyond their client id.
  std::size_t bytes() const noexcept {
    return by_client_id_.capacity() * (sizeof(*by_client_id_.begin()) + 1) +
           slots_.capacity() * sizeof(slots_[0]) + size() * (sizeof(Session) + kClientIdBytes);
  }
  // Numbers are below this: for walking all sessions in a fixed order.
  std::size_t slots() const noexcept { return slots_.size(); }

 private:
  StringMap<Session*> by_client_id_;
  std::vector<std::unique_ptr<Session>> slots_;  // by SubscriberId
  std::vector<SubscriberId> free_;
  // Ids are kept twice; those above 15 bytes have a block of memory each.
  static constexpr std::size_t kClientIdBytes = 64;
};

}  // namespace tandem::broker
