#include "engine/broker/filter_entry.h"

#include <utility>

#include "engine/base/check.h"

namespace tandem::broker {

static_assert(sizeof(void*) == sizeof(std::array<std::uint32_t, 2>));

const Subscription* FilterEntry::FindSubscriber(SubscriberId subscriber) const noexcept {
  if (kind_ == kNobody) return nullptr;
  if (kind_ == kOne) return one_.subscriber == subscriber ? &one_ : nullptr;
  const auto position = lists()->subscribers.Find(subscriber);
  return position ? &lists()->subscribers[*position] : nullptr;
}

SharedGroup* FilterEntry::FindGroup(std::string_view share_name) const noexcept {
  if (kind_ != kMany) return nullptr;
  const auto position = lists()->groups.Find(share_name);
  return position ? lists()->groups[*position].get() : nullptr;
}

bool FilterEntry::AddSubscriber(const Subscription& subscription) {
  if (kind_ == kNobody || (kind_ == kOne && one_.subscriber == subscription.subscriber)) {
    const bool existed = kind_ == kOne;
    one_ = subscription;
    kind_ = kOne;
    return existed;
  }
  Lists& lists = NeedLists();
  const auto position = lists.subscribers.Find(subscription.subscriber);
  if (position) {
    lists.subscribers[*position] = subscription;
  } else {
    lists.subscribers.Add(subscription);
  }
  return position.has_value();
}

bool FilterEntry::RemoveSubscriber(SubscriberId subscriber) {
  if (kind_ == kMany) {
    const auto position = lists()->subscribers.Find(subscriber);
    if (!position) return false;
    lists()->subscribers.Remove(*position);
    DropListsIfShort();
    return true;
  }
  if (FindSubscriber(subscriber) == nullptr) return false;
  kind_ = kNobody;
  return true;
}

SharedGroup& FilterEntry::AddGroup(std::unique_ptr<SharedGroup> group) {
  Lists& lists = NeedLists();
  return *lists.groups[lists.groups.Add(std::move(group))];
}

void FilterEntry::RemoveGroup(std::string_view share_name) {
  const auto position = lists()->groups.Find(share_name);
  TANDEM_CHECK(position.has_value());
  lists()->groups.Remove(*position);
  DropListsIfShort();
}

FilterEntry::Lists& FilterEntry::NeedLists() {
  if (kind_ != kMany) {
    auto lists = std::make_unique<Lists>();
    if (kind_ == kOne) lists->subscribers.Add(one_);
    lists_ = std::bit_cast<std::array<std::uint32_t, 2>>(lists.release());
    kind_ = kMany;
  }
  return *lists();
}

// Back into the entry as soon as nothing needs a list.
void FilterEntry::DropListsIfShort() {
  if (lists()->subscribers.size() > 1 || !lists()->groups.empty()) return;
  const std::unique_ptr<Lists> lists(this->lists());
  kind_ = kNobody;
  if (!lists->subscribers.empty()) {
    one_ = lists->subscribers[0];
    kind_ = kOne;
  }
}

std::size_t FilterEntry::heap_bytes() const noexcept {
  if (kind_ != kMany) return 0;
  return sizeof(Lists) + lists()->subscribers.heap_bytes() + lists()->groups.heap_bytes();
}

FilterEntry::~FilterEntry() {
  if (kind_ == kMany) delete lists();
}

}  // namespace tandem::broker
