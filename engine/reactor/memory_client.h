// A client for tests: one stream into a MemoryNetwork, with everything that a peer may do to a
// broker.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "engine/reactor/memory_network.h"

namespace tandem::reactor {

// Acts when the network's time moves. Destroying it closes the stream.
class MemoryClient {
 public:
  // Starts connecting.
  MemoryClient(MemoryNetwork& network, const Endpoint& remote,
               const std::string& local_host = "127.0.0.1");
  MemoryClient(const MemoryClient&) = delete;
  MemoryClient& operator=(const MemoryClient&) = delete;
  ~MemoryClient();

  bool connected() const;
  absl::Status status() const;  // why connecting failed; OK before and else

  // What does not fit into the window waits here. Writing before the connection stands is fine.
  void Write(std::string_view bytes);
  std::size_t unsent() const;
  void Finish();  // FIN after everything written; goes on reading
  void Reset();

  // Everything that has arrived and was not taken yet.
  std::string Take();
  const std::string& received() const;
  // From now on nothing is read, and the broker's sends get stuck; and the reverse.
  void StopReading();
  void ResumeReading();

  bool at_end() const;     // the other side has closed, and all was read
  bool was_reset() const;  // it has reset

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace tandem::reactor
