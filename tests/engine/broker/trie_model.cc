#include "tests/engine/broker/trie_model.h"

#include <array>
#include <set>
#include <sstream>
#include <vector>

#include "proto/mqtt/topic.h"

namespace tandem::broker {

MemberCounts ModelGroup::local() const {
  MemberCounts counts{.online = 0, .total = static_cast<std::uint32_t>(members.size())};
  for (const auto& [id, member] : members) counts.online += member.online ? 1 : 0;
  return counts;
}

TrieModel::Change TrieModel::Subscribe(const std::string& filter,
                                       const Subscription& subscription) {
  auto& subscribers = entries_[filter].subscribers;
  const Change change{.existed = subscribers.contains(subscription.subscriber),
                      .interest_changed = subscribers.empty()};
  subscribers[subscription.subscriber] = subscription;
  return change;
}

TrieModel::Change TrieModel::Unsubscribe(const std::string& filter, SubscriberId subscriber) {
  auto& subscribers = entries_[filter].subscribers;
  Change change;
  change.existed = subscribers.erase(subscriber) == 1;
  change.interest_changed = change.existed && subscribers.empty();
  Tidy(filter);
  return change;
}

TrieModel::GroupChange TrieModel::JoinGroup(const std::string& filter,
                                            const std::string& share_name,
                                            const Subscription& subscription, bool online) {
  ModelGroup& group = entries_[filter].groups[share_name];
  const MemberCounts before = group.local();
  const bool existed = group.members.contains(subscription.subscriber);
  group.members[subscription.subscriber] = {subscription, online};
  return Changed(filter, share_name, existed, before);
}

TrieModel::GroupChange TrieModel::LeaveGroup(const std::string& filter,
                                             const std::string& share_name,
                                             SubscriberId subscriber) {
  ModelGroup& group = entries_[filter].groups[share_name];
  const MemberCounts before = group.local();
  const bool existed = group.members.erase(subscriber) == 1;
  return Changed(filter, share_name, existed, before);
}

TrieModel::GroupChange TrieModel::SetMemberOnline(const std::string& filter,
                                                  const std::string& share_name,
                                                  SubscriberId subscriber, bool online) {
  ModelGroup& group = entries_[filter].groups[share_name];
  const MemberCounts before = group.local();
  const auto member = group.members.find(subscriber);
  const bool existed = member != group.members.end();
  if (existed) member->second.online = online;
  return Changed(filter, share_name, existed, before);
}

void TrieModel::SetCoreInterest(const std::string& filter, CoreId core, bool wanted) {
  const std::uint64_t bit = std::uint64_t{1} << Index(core);
  std::uint64_t& mask = entries_[filter].core_interest;
  mask = wanted ? mask | bit : mask & ~bit;
  Tidy(filter);
}

void TrieModel::SetPeerInterest(const std::string& filter, CoreId peer_core, bool wanted) {
  const std::uint64_t bit = std::uint64_t{1} << Index(peer_core);
  std::uint64_t& mask = entries_[filter].peer_interest;
  mask = wanted ? mask | bit : mask & ~bit;
  Tidy(filter);
}

void TrieModel::SetGroupCounts(const std::string& filter, const std::string& share_name,
                               Place place, MemberCounts counts) {
  auto& elsewhere = entries_[filter].groups[share_name].elsewhere;
  elsewhere.erase(place);
  if (counts.total > 0) elsewhere[place] = counts;
  Tidy(filter);
}

void TrieModel::ClearPeer(std::uint64_t cores) {
  std::vector<std::string> filters;
  for (auto& [filter, entry] : entries_) {
    filters.push_back(filter);
    entry.peer_interest &= ~cores;
    for (auto& [name, group] : entry.groups) {
      std::erase_if(group.elsewhere, [cores](const auto& at) {
        return at.first.side == Side::kPeerNode && (cores >> Index(at.first.core) & 1) != 0;
      });
    }
  }
  for (const std::string& filter : filters) Tidy(filter);
}

std::size_t TrieModel::subscriptions() const {
  std::size_t count = 0;
  for (const auto& [filter, entry] : entries_) {
    count += entry.subscribers.size();
    for (const auto& [name, group] : entry.groups) count += group.members.size();
  }
  return count;
}

std::size_t TrieModel::groups() const {
  std::size_t count = 0;
  for (const auto& [filter, entry] : entries_) count += entry.groups.size();
  return count;
}

TrieModel::GroupChange TrieModel::Changed(const std::string& filter, const std::string& share_name,
                                          bool existed, MemberCounts before) {
  const MemberCounts after = entries_[filter].groups[share_name].local();
  Tidy(filter);
  return {.existed = existed, .counts_changed = after != before, .local = after};
}

void TrieModel::Tidy(const std::string& filter) {
  ModelEntry& entry = entries_[filter];
  std::erase_if(entry.groups, [](const auto& at) { return at.second.empty(); });
  if (entry.empty()) entries_.erase(filter);
}

namespace {

constexpr CoreId kSelf{1};

// Short and long levels, equal heads with different tails, an empty one, and the two that topics
// treat specially.
constexpr std::array<std::string_view, 9> kLevels = {
    "a", "b", "", "$s", "+", "eleven-byte", "eleven-bytE", "twelve-bytes", "twelve-bytez",
};

class Program {
 public:
  explicit Program(Bytes bytes) : rest_(bytes) {}

  bool done() const { return rest_.empty(); }
  std::uint8_t Byte() {
    if (rest_.empty()) return 0;
    const std::uint8_t byte = rest_.front();
    rest_ = rest_.subspan(1);
    return byte;
  }
  std::uint32_t Below(std::uint32_t bound) { return Byte() % bound; }

  // Mostly from a handful of filters, so that operations meet.
  std::string Filter() {
    std::string filter = Join(1 + Below(4), kLevels);
    const std::uint32_t end = Below(4);
    if (end == 0) filter += "/#";
    if (end == 1 && filter.size() <= 1) filter = "#";
    return filter;
  }
  std::string Topic() {
    std::string topic = Join(1 + Below(5), kLevels);
    for (char& c : topic) c = c == '+' ? 'a' : c;
    return topic.empty() ? "/" : topic;
  }
  SubscriberId Subscriber() { return SubscriberId{Below(80)}; }  // enough of them for long lists
  Subscription Subscribing() {
    Subscription subscription;
    subscription.subscriber = Subscriber();
    subscription.options.qos = static_cast<mqtt::QoS>(Below(3));
    subscription.identifier = Byte();
    return subscription;
  }
  std::string ShareName() { return std::string(1, static_cast<char>('s' + Below(3))); }
  CoreId OtherCore() { return CoreId{static_cast<std::uint16_t>(Below(2) == 0 ? 0 : 63)}; }
  MemberCounts Counts() {
    const std::uint32_t total = Below(4);
    return {.online = Below(total + 1), .total = total};
  }

 private:
  template <class Choices>
  std::string Join(std::uint32_t count, const Choices& choices) {
    std::string text;
    for (std::uint32_t i = 0; i < count; ++i) {
      if (i > 0) text += '/';
      const std::uint32_t choice = Below(16);  // most often one of the first three
      text += choices[choice < choices.size() ? choice : choice % 3];
    }
    return text.empty() ? "/" : text;
  }

  Bytes rest_;
};

// Runs the operations on both, and remembers the first difference.
class Comparison {
 public:
  void Step(Program& program);
  void CheckTopic(const std::string& topic);
  void CheckFilter(const std::string& filter);
  void CheckTotals();
  void TakeEverythingOut();
  const std::string& difference() const { return difference_; }

 private:
  void Check(bool equal, std::string_view what, std::string_view where) {
    if (equal || !difference_.empty()) return;
    std::ostringstream text;
    text << what << " differs: " << where;
    difference_ = text.str();
  }
  void CheckChange(SubscriptionTrie::Change a, SubscriptionTrie::Change b,
                   const std::string& filter) {
    Check(a.existed == b.existed && a.interest_changed == b.interest_changed, "change", filter);
  }
  void CheckChange(SubscriptionTrie::GroupChange a, SubscriptionTrie::GroupChange b,
                   const std::string& filter) {
    Check(a.existed == b.existed && a.counts_changed == b.counts_changed && a.local == b.local,
          "group change", filter);
  }
  void CheckEntry(const FilterEntry& entry, const ModelEntry& model, const std::string& filter);
  void CheckGroup(const SharedGroup& group, const ModelGroup& model, const std::string& filter);
  void StepGroup(Program& program, std::uint32_t operation, const std::string& filter);

  SubscriptionTrie trie_{kSelf};
  TrieModel model_;
  std::string difference_;
};

void Comparison::Step(Program& program) {
  const std::uint32_t operation = program.Below(20);
  const std::string filter = program.Filter();
  if (operation < 6) {
    const Subscription subscription = program.Subscribing();
    CheckChange(trie_.Subscribe(filter, subscription), model_.Subscribe(filter, subscription),
                filter);
  } else if (operation < 9) {
    const SubscriberId subscriber = program.Subscriber();
    CheckChange(trie_.Unsubscribe(filter, subscriber), model_.Unsubscribe(filter, subscriber),
                filter);
  } else if (operation < 11) {
    const CoreId core = program.OtherCore();
    const bool wanted = program.Below(2) == 0;
    trie_.SetCoreInterest(filter, core, wanted);
    model_.SetCoreInterest(filter, core, wanted);
  } else if (operation < 13) {
    const CoreId core = program.OtherCore();
    const bool wanted = program.Below(2) == 0;
    trie_.SetPeerInterest(filter, core, wanted);
    model_.SetPeerInterest(filter, core, wanted);
  } else if (operation < 19) {
    StepGroup(program, operation, filter);
  } else if (program.Below(2) == 0) {
    trie_.ClearPeer();
    model_.ClearPeer(~std::uint64_t{0});
  } else {
    const CoreId core = program.OtherCore();
    trie_.ClearPeer(core);
    model_.ClearPeer(std::uint64_t{1} << Index(core));
  }
  CheckFilter(filter);
}

void Comparison::StepGroup(Program& program, std::uint32_t operation, const std::string& filter) {
  const std::string name = program.ShareName();
  const Subscription subscription = program.Subscribing();
  const bool online = program.Below(2) == 0;
  if (operation < 15) {
    CheckChange(trie_.JoinGroup(filter, name, subscription, online),
                model_.JoinGroup(filter, name, subscription, online), filter);
  } else if (operation == 15) {
    CheckChange(trie_.LeaveGroup(filter, name, subscription.subscriber),
                model_.LeaveGroup(filter, name, subscription.subscriber), filter);
  } else if (operation == 16) {
    CheckChange(trie_.SetMemberOnline(filter, name, subscription.subscriber, online),
                model_.SetMemberOnline(filter, name, subscription.subscriber, online), filter);
  } else {
    const Place place{online ? Side::kThisNode : Side::kPeerNode, program.OtherCore()};
    const MemberCounts counts = program.Counts();
    trie_.SetGroupCounts(filter, name, place, counts);
    model_.SetGroupCounts(filter, name, place, counts);
  }
}

void Comparison::CheckTopic(const std::string& topic) {
  std::set<const FilterEntry*> matched;
  bool once = true;
  const bool complete =
      trie_.Match(topic, [&](const FilterEntry& entry) { once &= matched.insert(&entry).second; });
  Check(complete && once, "match, complete and each once", topic);
  std::size_t expected = 0;
  for (const auto& [filter, entry] : model_.entries()) {
    const FilterEntry* found = trie_.Find(filter);
    Check(found != nullptr, "found", filter);
    if (found == nullptr) return;
    const bool matches = mqtt::Matches(filter, topic);
    Check(matched.contains(found) == matches, "match of filter " + filter, topic);
    expected += matches ? 1 : 0;
  }
  Check(matched.size() == expected, "number of matches", topic);
}

void Comparison::CheckFilter(const std::string& filter) {
  const FilterEntry* entry = trie_.Find(filter);
  const auto model = model_.entries().find(filter);
  Check((entry != nullptr) == (model != model_.entries().end()), "existence", filter);
  if (entry != nullptr && model != model_.entries().end())
    CheckEntry(*entry, model->second, filter);
}

void Comparison::CheckEntry(const FilterEntry& entry, const ModelEntry& model,
                            const std::string& filter) {
  Check(entry.core_interest() == model.core_interest, "core interest", filter);
  Check(entry.peer_interest() == model.peer_interest, "peer interest", filter);
  Check(entry.subscribers().size() == model.subscribers.size(), "number of subscribers", filter);
  for (const auto& [id, subscription] : model.subscribers) {
    const Subscription* found = entry.FindSubscriber(id);
    Check(found != nullptr && *found == subscription, "subscription", filter);
  }
  Check(entry.groups().size() == model.groups.size(), "number of groups", filter);
  for (const auto& [name, group] : model.groups) {
    const SharedGroup* found = entry.FindGroup(name);
    Check(found != nullptr && found->key()->filter() == filter && found->share_name() == name,
          "group", filter);
    if (found != nullptr) CheckGroup(*found, group, filter);
  }
}

void Comparison::CheckGroup(const SharedGroup& group, const ModelGroup& model,
                            const std::string& filter) {
  Check(group.local() == model.local(), "local counts", filter);
  MemberCounts everywhere = model.local();
  for (const auto& [place, counts] : model.elsewhere) {
    Check(group.CountsAt(place) == counts, "counts elsewhere", filter);
    everywhere.online += counts.online;
    everywhere.total += counts.total;
  }
  Check(group.everywhere() == everywhere, "counts everywhere", filter);
  Check(group.members().size() == model.members.size(), "number of members", filter);
  for (const auto& [id, member] : model.members) {
    const GroupMember* found = group.FindMember(id);
    Check(found != nullptr && found->subscription == member.subscription &&
              found->online == member.online,
          "member", filter);
  }
  bool away = false;
  for (const GroupMember& member : group.members()) {
    Check(!(away && member.online), "order of members", filter);
    away |= !member.online;
  }
}

void Comparison::CheckTotals() {
  Check(trie_.filters() == model_.entries().size(), "filters()", "");
  Check(trie_.subscriptions() == model_.subscriptions(), "subscriptions()", "");
  Check(trie_.groups() == model_.groups(), "groups()", "");
}

void Comparison::TakeEverythingOut() {
  const auto entries = model_.entries();
  trie_.ClearPeer();
  for (const auto& [filter, entry] : entries) {
    for (const CoreId core : {CoreId{0}, CoreId{63}}) trie_.SetCoreInterest(filter, core, false);
    for (const auto& [id, subscription] : entry.subscribers) trie_.Unsubscribe(filter, id);
    for (const auto& [name, group] : entry.groups) {
      for (const auto& [id, member] : group.members) trie_.LeaveGroup(filter, name, id);
      for (const auto& [place, counts] : group.elsewhere)
        trie_.SetGroupCounts(filter, name, place, {});
    }
  }
  Check(trie_.filters() == 0 && trie_.subscriptions() == 0 && trie_.groups() == 0, "emptiness", "");
  Check(trie_.nodes() == 0, "emptiness of nodes", "");
  Check(trie_.heap_bytes() == 0, "emptiness of the heap", "");
}

}  // namespace

std::string RunAgainstModel(Bytes program_bytes) {
  Program program(program_bytes);
  Comparison comparison;
  while (!program.done() && comparison.difference().empty()) {
    comparison.Step(program);
    comparison.CheckTopic(program.Topic());
    comparison.CheckTotals();
  }
  if (comparison.difference().empty()) comparison.TakeEverythingOut();
  return comparison.difference();
}

}  // namespace tandem::broker
