// The turn of a core's loop: reap, hand out events, submit, sleep.
#include "engine/reactor/uring_transport.h"

#include <sys/eventfd.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status.h"
#include "engine/reactor/buffer_group.h"
#include "engine/reactor/monotonic_clock.h"
#include "engine/reactor/uring_connection.h"

namespace tandem::reactor {
namespace {

constexpr std::uint16_t kSmallGroup = 0;
constexpr std::uint16_t kLargeGroup = 1;
// The clock is read once per so many completions; in between a turn may overdraw its budget.
constexpr std::uint32_t kEventsPerClockRead = 64;
// How long the kernel may take to give back cancelled requests when a transport is destroyed.
constexpr MonoNs kCloseDownNs = 10 * kNanosecondsPerSecond;

int DescriptorLimit(std::uint32_t reserve) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT32_MAX) return INT32_MAX;
  const auto all = static_cast<int>(limit.rlim_cur);
  return all - std::min(static_cast<int>(reserve), all / 16);
}

}  // namespace

UringTransport::UringTransport(const UringOptions& options, std::unique_ptr<UringRing> ring)
    : options_(options),
      descriptor_limit_(DescriptorLimit(options.descriptor_reserve)),
      ring_(std::move(ring)),
      free_first_(UINT32_MAX),
      free_last_(UINT32_MAX),
      wheel_(MonotonicNow()),
      now_(MonotonicNow()) {}

absl::StatusOr<std::unique_ptr<UringTransport>> UringTransport::Create(
    const UringOptions& options) {
  TANDEM_ASSIGN_OR_RETURN(auto ring, UringRing::Create(options.queue, options.allowed));
  std::unique_ptr<UringTransport> made(new UringTransport(options, std::move(ring)));
  TANDEM_ASSIGN_OR_RETURN(made->small_,
                          BufferGroup::Create(*made->ring_, kSmallGroup, options.small_buffer_bytes,
                                              options.small_buffers, options.huge_pages));
  TANDEM_ASSIGN_OR_RETURN(made->large_,
                          BufferGroup::Create(*made->ring_, kLargeGroup, options.large_buffer_bytes,
                                              options.large_buffers, options.huge_pages));
  OwnedFd event_fd(::eventfd(0, EFD_CLOEXEC));
  if (!event_fd.valid()) return absl::ErrnoToStatus(errno, "eventfd of a core");
  made->waker_ = std::make_shared<UringWaker>(std::move(event_fd), made->ring_->fd());
  made->ArmWake();
  return made;
}

UringTransport::~UringTransport() {
  if (waker_ != nullptr) CloseEverything();
  if (UringDoorbellSender::Current() == this) UringDoorbellSender::Current() = nullptr;
}

const UringFeatures& UringTransport::features() const noexcept { return ring_->features(); }

UringCounters UringTransport::counters() const {
  UringCounters all = counters_;
  const UringRingCounters& ring = ring_->counters();
  all.enters = ring.enters;
  all.waits = ring.waits;
  all.submissions = ring.submissions;
  all.completions = ring.completions;
  all.overflows = ring.overflows;
  all.early_submits = ring.early_submits;
  all.connection_bytes_now = chunks_.size() * kConnectionsPerChunk * sizeof(Connection);
  all.small_buffers_free_now = small_->free_count();
  all.large_buffers_free_now = large_->free_count();
  all.starved_now = starved_.size();
  return all;
}

void UringTransport::Release(const ReceivedSlice& slice) {
  const bool is_large = slice.lease >> 16 == kLargeGroup;
  (is_large ? *large_ : *small_).Return(static_cast<std::uint16_t>(slice.lease));
}

void UringTransport::BeginPoll(MonoNs now) {
  UringDoorbellSender::Current() = this;
  now_ = now;
  poll_left_ = options_.poll_events_max;
  NoteSubmitted();
  wheel_.Advance(now_, [this](std::uint64_t cookie) { OnTimer(cookie); });
}

bool UringTransport::NextEvent(Event& event) {
  while (poll_left_ != 0) {
    if (--poll_left_ % kEventsPerClockRead == 0 && MonotonicNow() - now_ > options_.poll_budget_ns)
      poll_left_ = 0;
    if (!queued_.empty()) {
      if (TakeQueued(event)) return true;
      continue;
    }
    UringCompletion completion;
    if (!TakeQuietSend(completion) && !ring_->Take(completion)) return false;
    if (Complete(completion, event)) return true;
  }
  return false;
}

// False if the event has become pointless since it was queued.
bool UringTransport::TakeQueued(Event& event) {
  const QueuedEvent queued = queued_.front();
  queued_.pop_front();
  Connection* const connection = Find(queued.id);
  if (connection == nullptr) return false;
  event.kind = queued.kind;
  event.id = queued.id;
  switch (queued.kind) {
    case EventKind::kConnected:
      event.status = absl::ErrnoToStatus(
          queued.error, absl::StrCat("connect to ", ToString(ToEndpoint(*connection->remote))));
      return !connection->closed_by_owner;
    case EventKind::kDetached:
      if (connection->state != State::kDetached) return false;  // closed in the meantime
      event.handoff = std::make_unique<UringHandoff>(OwnedFd(std::exchange(connection->fd, -1)),
                                                     connection->mode);
      Free(*connection);
      return true;
    case EventKind::kClosed:
      event.reason = connection->reason;
      ++counters_.closed;
      Free(*connection);
      return true;
    default:
      TANDEM_CHECK_MSG(false, "no such event is queued");
      return false;
  }
}

bool UringTransport::Complete(const UringCompletion& completion, Event& event) {
  const bool was_last = !completion.has_more();
  switch (completion.mark.tag) {
    case UringTag::kNothing:
      return false;
    case UringTag::kWake:
      --counters_.requests_now;
      ++counters_.wake_ups;
      ArmWake();
      return false;
    case UringTag::kDoorbell:
      ++counters_.wake_ups;
      return false;
    case UringTag::kDoorbellSent:
      --counters_.requests_now;
      CompleteDoorbell(completion);
      return false;
    case UringTag::kAccept:
      if (was_last) --counters_.requests_now;
      return CompleteAccept(completion, event);
    case UringTag::kConnect:
      --counters_.requests_now;
      return CompleteConnect(completion, event);
    case UringTag::kReceive:
      if (was_last) --counters_.requests_now;
      return CompleteReceive(completion, event);
    case UringTag::kPoll:
      --counters_.requests_now;
      return CompletePoll(completion, event);
    case UringTag::kSend:
      --counters_.requests_now;
      return CompleteSend(completion, event);
  }
  TANDEM_CHECK_MSG(false, "a completion of no request of ours");
  return false;
}

void UringTransport::PrepareSubmit() {
  if (!starved_.empty()) RearmStarved();
  if (!to_shut_down_.empty()) ShutDownLingering();
}

void UringTransport::Submit() {
  PrepareSubmit();
  ring_->Submit();
}

void UringTransport::Wait(MonoNs now, MonoNs deadline) {
  PrepareSubmit();
  if (!queued_.empty() || quiet_next_ != quiet_submitted_ || ring_->HasCompletions() ||
      !waker_->gate().TryClose()) {
    ring_->Submit();
    return;
  }
  now_ = now;
  const MonoNs until = std::min(deadline, wheel_.NextDeadline());
  if (until > now_) {
    ring_->SubmitAndWait(until == kNever ? kNever : until - now_);
  } else {
    ring_->Submit();
  }
  waker_->gate().Open();
}

void UringTransport::ArmWake() {
  if (is_closing_down_) return;
  io_uring_sqe* const request = ring_->Prepare();
  io_uring_prep_read(request, waker_->event_fd(), &wake_value_, sizeof wake_value_, 0);
  UringRing::Mark(request, {UringTag::kWake, 0, 0});
  ++counters_.requests_now;
}

void UringTransport::OnTimer(std::uint64_t cookie) {
  const UringMark mark = UringMark::Unpack(cookie);
  if (mark.tag == UringTag::kAccept) {
    ResumeAccept(mark.slot);
  } else {
    OnConnectionTimer(At(mark.slot));
  }
}

void UringTransport::SendDoorbell(std::shared_ptr<UringWaker> to) {
  if (!features().Has(UringFeature::kRingMessage)) {
    to->RingByEventFd();
    return;
  }
  const auto free = std::find(doorbells_.begin(), doorbells_.end(), nullptr);
  const auto slot = static_cast<std::uint32_t>(free - doorbells_.begin());
  if (free == doorbells_.end()) doorbells_.emplace_back();
  io_uring_sqe* const request = ring_->Prepare();
  io_uring_prep_msg_ring(request, to->ring_fd(), 0, UringMark{UringTag::kDoorbell, 0, 0}.Pack(), 0);
  UringRing::Mark(request, {UringTag::kDoorbellSent, 0, slot});
  doorbells_[slot] = std::move(to);
  ++counters_.requests_now;
  ++counters_.doorbells_sent;
}

// EOVERFLOW, ENOMEM: the other ring has no room; EBADFD, EBADF: it is gone, and the eventfd wakes
// nobody. All the same: ring the other way.
void UringTransport::CompleteDoorbell(const UringCompletion& completion) {
  const std::shared_ptr<UringWaker> to = std::move(doorbells_[completion.mark.slot]);
  doorbells_[completion.mark.slot] = nullptr;
  if (completion.result < 0) to->RingByEventFd();
}

void UringTransport::CloseEverything() {
  is_closing_down_ = true;
  for (const auto& listener : listeners_) StopListening(ListenerId{listener->index});
  for (const auto& chunk : chunks_) {
    for (std::uint32_t i = 0; i < kConnectionsPerChunk; ++i) {
      Connection& connection = chunk[i];
      const bool has_requests =
          connection.state != State::kFree && connection.state != State::kEnded;
      connection.closed_by_owner = true;
      if (has_requests) End(connection, CloseReason::kLocal);
    }
  }
  io_uring_sqe* const request = ring_->Prepare();
  io_uring_prep_cancel64(request, UringMark{UringTag::kWake, 0, 0}.Pack(), 0);
  UringRing::Mark(request, {});

  const MonoNs deadline = MonotonicNow() + kCloseDownNs;
  Event event;
  while (counters_.requests_now != 0) {
    TANDEM_CHECK_MSG(MonotonicNow() < deadline, "the kernel keeps requests that were cancelled");
    ring_->SubmitAndWait(10 * kNanosecondsPerMillisecond);
    now_ = MonotonicNow();
    wheel_.Advance(now_, [this](std::uint64_t cookie) { OnTimer(cookie); });
    NoteSubmitted();
    for (UringCompletion completion; TakeQuietSend(completion) || ring_->Take(completion);)
      Complete(completion, event);
  }
  ring_->Submit();  // what is left: closing the descriptors
}

}  // namespace tandem::reactor
