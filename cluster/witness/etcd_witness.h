// etcd as the witness, over its JSON gateway: any etcd from 3.4 on, by itself or a cluster.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "cluster/witness/witness.h"
#include "engine/base/clock.h"

namespace tandem::cluster {

// Host and port of "http://HOST:PORT"; an error with words for an operator.
absl::StatusOr<std::string> EndpointAddress(std::string_view endpoint);

// Ask and Take come from core 0; a thread of its own talks to etcd, so that nothing it waits for
// costs the engine anything. A request goes to the endpoint that answered last, then to the others.
class EtcdWitness final : public Witness {
 public:
  struct Options {
    std::vector<std::string> endpoints;  // "http://10.0.0.4:2379"
    std::string cluster;
    MonoNs endpoint_time = 400 * kNanosecondsPerMillisecond;  // for one of them to answer
  };

  // Starts the thread; an error if there is no endpoint, or one makes no sense.
  static absl::StatusOr<std::unique_ptr<EtcdWitness>> Create(Options options);
  // Ends the thread, whatever it waits for.
  ~EtcdWitness() override;
  EtcdWitness(const EtcdWitness&) = delete;
  EtcdWitness& operator=(const EtcdWitness&) = delete;

  void Ask(WitnessRequest request) override;
  std::optional<WitnessAnswer> Take() override;

 private:
  class Client;  // on the thread

  EtcdWitness(Options options, std::vector<std::string> addresses, int wake_fd);
  void Run();
  void Wake();

  const Options options_;
  const std::vector<std::string> addresses_;
  const int wake_fd_;  // eventfd; readable: a request, or the end
  std::mutex mutex_;   // of the three below
  std::optional<WitnessRequest> request_;
  std::optional<WitnessAnswer> answer_;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace tandem::cluster
