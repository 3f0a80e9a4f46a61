#include "cluster/pending_link.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/strings.h"

namespace tandem::cluster {

PendingLink::PendingLink(std::unique_ptr<LinkConnection> connection, Handshake handshake,
                         MonoNs patience)
    : connection_(std::move(connection)), handshake_(std::move(handshake)), patience_(patience) {}

void PendingLink::Advance(MonoNs now) {
  if (state_ == State::kFailed || state_ == State::kAccepted) return;
  if (deadline_ == kNever) deadline_ = now + patience_;
  // What came before the end counts: a refusal is followed by a close at once.
  while (state_ == State::kRunning) {
    if (connection_->connected() && !started_) {
      started_ = true;
      Put(handshake_.Start());
    }
    absl::StatusOr<std::optional<ReceiveBuffer::Frame>> frame = connection_->NextFrame();
    if (!frame.ok()) return Fail(frame.status());
    if (!*frame) break;
    greeted_ = true;
    Put(handshake_.OnFrame((*frame)->bytes));
    if (handshake_.state() == Handshake::State::kProven) state_ = State::kProven;
    if (handshake_.state() == Handshake::State::kAccepted) state_ = State::kAccepted;
    if (handshake_.state() == Handshake::State::kRefused) return Fail(RefusalStatus());
  }
  if (state_ == State::kAccepting && connection_->sent_all()) state_ = State::kAccepted;
  if (state_ == State::kAccepted) return;
  if (connection_->failed()) return Fail(connection_->error());
  if (now >= deadline_) return Fail(absl::DeadlineExceededError("the handshake takes too long"));
  if (state_ == State::kRunning) connection_->Receive(true);
}

void PendingLink::Accept() {
  state_ = State::kAccepting;
  Put(handshake_.Accept());
}

void PendingLink::Refuse(Refusal refusal, std::string_view text) {
  Put(handshake_.Refuse(refusal, text));
  Fail(RefusalStatus());
}

void PendingLink::Put(const std::vector<std::uint8_t>& frames) {
  if (frames.empty()) return;
  connection_->out().Copy(frames);
  connection_->Flush();
}

void PendingLink::Fail(absl::Status error) {
  state_ = State::kFailed;
  error_ = std::move(error);
}

absl::Status PendingLink::RefusalStatus() const {
  const bool theirs = handshake_.refused_by_partner();
  // What the other side says is not to be trusted with a log line.
  const std::string text = theirs ? Escaped(handshake_.text(), 256) : handshake_.text();
  return absl::PermissionDeniedError(
      absl::StrCat(theirs ? "refused by the other side (" : "refused (",
                   ToAbsl(Name(handshake_.refusal())), "): ", text));
}

}  // namespace tandem::cluster
