#include "tests/simulation/ledger.h"

#include <algorithm>

#include "proto/mqtt/topic.h"

namespace tandem::testing {

void Ledger::AddSubscriber(const std::string& id, bool persistent, int qos) {
  subscribers_[id] = {.persistent = persistent, .qos = qos};
}

void Ledger::AddMember(const std::string& id, bool persistent, int qos) {
  subscribers_[id] = {.persistent = persistent, .member = true, .qos = qos};
}

void Ledger::OnSubscribed(const std::string& id, const std::string& filter, NodeSet known_on) {
  subscribers_.at(id).filters[filter] |= known_on;
}

void Ledger::OnUnsubscribing(const std::string& id, const std::string& filter) {
  Subscriber& subscriber = subscribers_.at(id);
  subscriber.filters.erase(filter);
  std::erase_if(subscriber.owed, [&](const std::string& payload) {
    // What has not been sent yet may be dropped with the subscription (3.10.4).
    const Published& published = published_.at(payload);
    return std::none_of(subscriber.filters.begin(), subscriber.filters.end(),
                        [&](const auto& f) { return mqtt::Matches(f.first, published.topic); });
  });
}

void Ledger::OnSessionOver(const std::string& id) {
  Subscriber& subscriber = subscribers_.at(id);
  subscriber.filters.clear();
  subscriber.owed.clear();
  subscriber.last.clear();
}

// Wherever it was sent to, somebody knows of the subscription.
bool Ledger::Subscriber::IsOwed(const Published& published) const {
  return std::any_of(filters.begin(), filters.end(), [&](const auto& filter) {
    return (filter.second & published.on) == published.on &&
           mqtt::Matches(filter.first, published.topic);
  });
}

void Ledger::OnPublish(const std::string& publisher, const std::string& topic,
                       const std::string& payload, int qos, NodeSet on) {
  const Published& published = published_[payload] = {
      .publisher = publisher, .topic = topic, .qos = qos, .sequence = ++sequence_, .on = on};
  if (qos == 0) return;
  for (auto& [id, subscriber] : subscribers_) {
    if (subscriber.qos == 0 || !subscriber.IsOwed(published)) continue;
    if (!subscriber.member) {
      subscriber.owed.insert(payload);
    } else if (subscriber.persistent) {
      owed_to_group_.insert(payload);
    }
  }
}

void Ledger::OnAcknowledged(const std::string& payload) {
  if (const auto it = published_.find(payload); it != published_.end())
    it->second.acknowledged = true;
}

void Ledger::OnResent(const std::string& payload, NodeSet on) {
  const auto it = published_.find(payload);
  if (it == published_.end()) return;
  Published& published = it->second;
  published.resent = true;
  if ((published.on & on) == on) return;
  published.on |= on;
  bool owed_to_group = false;
  for (auto& [id, subscriber] : subscribers_) {
    const bool is_owed = subscriber.IsOwed(published);
    owed_to_group |= is_owed && subscriber.member && subscriber.persistent;
    if (!is_owed) subscriber.owed.erase(payload);
  }
  if (!owed_to_group) owed_to_group_.erase(payload);
}

void Ledger::OnReceived(const std::string& id, const Received& message) {
  const auto found = published_.find(message.payload);
  if (found == published_.end()) {
    violations.push_back(id + " got " + message.payload + ", which nobody published");
    return;
  }
  Subscriber& subscriber = subscribers_.at(id);
  if (++subscriber.got[message.payload] == 1)
    CheckOrder(id, subscriber, found->second, message.payload);
  if (message.qos == mqtt::QoS::kExactlyOnce) ++subscriber.got_once_only[message.payload];
}

// P6: what comes for the first time comes in the order of publishing.
void Ledger::CheckOrder(const std::string& id, Subscriber& subscriber, const Published& published,
                        const std::string& payload) {
  if (subscriber.member || published.qos == 0 || subscriber.qos == 0) return;
  // One that was first sent before the subscription may come later by being sent again.
  if ((published.resent || node_died_) && !subscriber.owed.contains(payload)) return;
  std::uint64_t& last = subscriber.last[{published.publisher, published.topic, published.qos}];
  if (published.sequence < last) {
    order_violations.push_back(id + " got " + payload + " on " + published.topic +
                               " behind a later one (P6)");
  }
  last = std::max(last, published.sequence);
}

void Ledger::OnParted(const std::string& id, std::size_t node) {
  Subscriber& subscriber = subscribers_.at(id);
  if (subscriber.persistent) return;
  subscriber.owed.clear();
  for (auto& [filter, known_on] : subscriber.filters) known_on &= OneNode(node);
}

void Ledger::OnInStep() {
  for (auto& [id, subscriber] : subscribers_) {
    for (auto& [filter, known_on] : subscriber.filters) known_on = kBothNodes;
  }
}

bool Ledger::IsOutstanding(const std::string& payload) const {
  return std::any_of(subscribers_.begin(), subscribers_.end(), [&](const auto& each) {
    const Subscriber& subscriber = each.second;
    return subscriber.persistent && subscriber.owed.contains(payload) &&
           !subscriber.got.contains(payload);
  });
}

void Ledger::CheckAllArrived(const Excuses& excuses) {
  if (!excuses.reordered)
    violations.insert(violations.end(), order_violations.begin(), order_violations.end());
  for (const auto& [id, subscriber] : subscribers_) {
    for (const std::string& payload : subscriber.owed) {
      if (excuses.lost || !published_.at(payload).acknowledged || subscriber.got.contains(payload))
        continue;
      violations.push_back(id + " never got " + payload + " on " + published_.at(payload).topic +
                           ", which was acknowledged (P4)");
    }
    if (!subscriber.persistent || excuses.repeated) continue;
    for (const auto& [payload, count] : subscriber.got_once_only) {
      if (count > 1) violations.push_back(id + " got " + payload + " twice at QoS 2 (P5)");
    }
  }
  CheckGroup(excuses);
}

void Ledger::CheckGroup(const Excuses& excuses) {
  bool all_persistent = true;
  std::map<std::string, int> members_that_got;
  std::map<std::string, int> once_only;
  for (const auto& [id, subscriber] : subscribers_) {
    if (!subscriber.member) continue;
    all_persistent &= subscriber.persistent;
    for (const auto& [payload, count] : subscriber.got) ++members_that_got[payload];
    for (const auto& [payload, count] : subscriber.got_once_only) once_only[payload] += count;
  }
  for (const std::string& payload : owed_to_group_) {
    if (!excuses.lost && published_.at(payload).acknowledged && !members_that_got.contains(payload))
      violations.push_back("no member of the group got " + payload +
                           ", which was acknowledged (P10)");
  }
  if (!all_persistent || excuses.repeated) return;
  for (const auto& [payload, count] : once_only) {
    if (count > 1) violations.push_back("the group got " + payload + " twice at QoS 2 (P10)");
  }
}

}  // namespace tandem::testing
