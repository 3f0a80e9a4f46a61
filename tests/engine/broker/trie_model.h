// What SubscriptionTrie has to do, in the plainest way: a map of filters, all asked in turn. And
// programs that run against both.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "engine/base/bytes.h"
#include "engine/broker/subscription_trie.h"

namespace tandem::broker {

struct ModelGroup {
  struct Member {
    Subscription subscription;
    bool online = false;
  };
  std::map<SubscriberId, Member> members;
  std::map<Place, MemberCounts> elsewhere;

  MemberCounts local() const;
  bool empty() const { return members.empty() && elsewhere.empty(); }
};

struct ModelEntry {
  std::map<SubscriberId, Subscription> subscribers;
  std::uint64_t core_interest = 0;
  std::uint64_t peer_interest = 0;
  std::map<std::string, ModelGroup> groups;

  bool empty() const {
    return subscribers.empty() && (core_interest | peer_interest) == 0 && groups.empty();
  }
};

class TrieModel {
 public:
  using Change = SubscriptionTrie::Change;
  using GroupChange = SubscriptionTrie::GroupChange;

  Change Subscribe(const std::string& filter, const Subscription& subscription);
  Change Unsubscribe(const std::string& filter, SubscriberId subscriber);
  GroupChange JoinGroup(const std::string& filter, const std::string& share_name,
                        const Subscription& subscription, bool online);
  GroupChange LeaveGroup(const std::string& filter, const std::string& share_name,
                         SubscriberId subscriber);
  GroupChange SetMemberOnline(const std::string& filter, const std::string& share_name,
                              SubscriberId subscriber, bool online);
  void SetCoreInterest(const std::string& filter, CoreId core, bool wanted);
  void SetPeerInterest(const std::string& filter, CoreId peer_core, bool wanted);
  void SetGroupCounts(const std::string& filter, const std::string& share_name, Place place,
                      MemberCounts counts);
  void ClearPeer(std::uint64_t cores);

  const std::map<std::string, ModelEntry>& entries() const { return entries_; }
  std::size_t subscriptions() const;
  std::size_t groups() const;

 private:
  GroupChange Changed(const std::string& filter, const std::string& share_name, bool existed,
                      MemberCounts before);
  void Tidy(const std::string& filter);

  std::map<std::string, ModelEntry> entries_;
};

// Reads `program` as a list of operations, lets trie and model do each, and compares what they
// return, what they hold, and what matches topics; at the end takes everything out again, which
// leaves an empty trie. Returns the first difference in words, or nothing. Any bytes are a program.
std::string RunAgainstModel(Bytes program);

}  // namespace tandem::broker
