#include "engine/reactor/memory_client.h"

#include <utility>

#include "engine/base/bytes.h"

namespace tandem::reactor {

// Shared with the network's events, which may come after the client is gone.
struct MemoryClient::State {
  std::shared_ptr<MemoryEnd> end;
  absl::Status status;
  std::string outbox;
  std::string received;
  bool finishing = false;
  bool reading = true;

  void Move() {
    if (end == nullptr) return;
    if (!outbox.empty()) outbox.erase(0, end->Write(AsBytes(outbox)));
    if (outbox.empty() && finishing) end->Finish();
    if (reading && !end->readable().empty()) {
      const std::size_t count = end->readable().size();
      received += AsText(end->readable());
      end->Consume(count);
    }
  }
};

MemoryClient::MemoryClient(MemoryNetwork& network, const Endpoint& remote,
                           const std::string& local_host)
    : state_(std::make_shared<State>()) {
  network.Connect(
      network.AnyLocalEndpoint(local_host), remote,
      [weak = std::weak_ptr(state_)](absl::StatusOr<std::shared_ptr<MemoryEnd>> result) {
        const auto state = weak.lock();
        if (state == nullptr) return;
        if (!result.ok()) {
          state->status = result.status();
          return;
        }
        state->end = *std::move(result);
        state->end->OnChange([weak] {
          if (const auto changed = weak.lock()) changed->Move();
        });
        state->Move();
      });
}

MemoryClient::~MemoryClient() = default;

bool MemoryClient::connected() const { return state_->end != nullptr; }
absl::Status MemoryClient::status() const { return state_->status; }

void MemoryClient::Write(std::string_view bytes) {
  state_->outbox += bytes;
  state_->Move();
}

std::size_t MemoryClient::unsent() const { return state_->outbox.size(); }

void MemoryClient::Finish() {
  state_->finishing = true;
  state_->Move();
}

void MemoryClient::Reset() {
  if (connected()) state_->end->Reset();
}

std::string MemoryClient::Take() { return std::exchange(state_->received, {}); }
const std::string& MemoryClient::received() const { return state_->received; }
void MemoryClient::StopReading() { state_->reading = false; }

void MemoryClient::ResumeReading() {
  state_->reading = true;
  state_->Move();
}

bool MemoryClient::at_end() const { return connected() && state_->end->at_end(); }
bool MemoryClient::was_reset() const { return connected() && state_->end->was_reset(); }

}  // namespace tandem::reactor
