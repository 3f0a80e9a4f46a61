#include "engine/broker/session_table.h"

#include <string>

#include "engine/base/check.h"
#include "engine/base/hash.h"

namespace tandem::broker {

Session& SessionTable::Create(std::string_view client_id) {
  SubscriberId id{};
  if (free_.empty()) {
    id = static_cast<SubscriberId>(slots_.size());
    slots_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  auto session = std::make_unique<Session>();
  session->id = id;
  session->client_id = std::string(client_id);
  session->client_hash = StableHash(client_id);
  Session* const raw = session.get();
  slots_[static_cast<std::size_t>(id)] = std::move(session);
  const bool fresh = by_client_id_.emplace(raw->client_id, raw).second;
  TANDEM_CHECK_MSG(fresh, "two sessions of one client id");
  return *raw;
}

void SessionTable::Remove(Session& session) {
  const SubscriberId id = session.id;
  by_client_id_.erase(session.client_id);
  slots_[static_cast<std::size_t>(id)].reset();
  free_.push_back(id);
}

}  // namespace tandem::broker
