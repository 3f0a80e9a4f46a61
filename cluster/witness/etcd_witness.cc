#include "cluster/witness/etcd_witness.h"

#include <kj/async-io.h>
#include <kj/compat/http.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cluster/witness/etcd_codec.h"
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/status.h"
#include "engine/base/strings.h"
#include "engine/reactor/affinity.h"

namespace tandem::cluster {
namespace {

// An answer holds one key with a short value; what is longer is not from etcd.
constexpr std::uint64_t kBodyBytesMax = 64 * 1024;

}  // namespace

absl::StatusOr<std::string> EndpointAddress(std::string_view endpoint) {
  absl::string_view rest = ToAbsl(endpoint);
  if (!absl::ConsumePrefix(&rest, "http://")) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", ToAbsl(endpoint), "\" does not begin with http://"));
  }
  absl::ConsumeSuffix(&rest, "/");
  const std::size_t colon = rest.rfind(':');
  if (colon == 0 || colon == absl::string_view::npos || colon + 1 == rest.size() ||
      rest.find('/') != absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", ToAbsl(endpoint), "\" is not http://HOST:PORT"));
  }
  return std::string(rest);
}

absl::StatusOr<std::unique_ptr<EtcdWitness>> EtcdWitness::Create(Options options) {
  if (options.endpoints.empty()) return absl::InvalidArgumentError("the witness has no endpoint");
  std::vector<std::string> addresses;
  for (const std::string& endpoint : options.endpoints) {
    TANDEM_ASSIGN_OR_RETURN(addresses.emplace_back(), EndpointAddress(endpoint));
  }
  const int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd < 0)
    return absl::ResourceExhaustedError(
        absl::StrCat("no eventfd for the witness: ", std::strerror(errno)));
  return std::unique_ptr<EtcdWitness>(
      new EtcdWitness(std::move(options), std::move(addresses), wake_fd));
}

EtcdWitness::EtcdWitness(Options options, std::vector<std::string> addresses, int wake_fd)
    : options_(std::move(options)), addresses_(std::move(addresses)), wake_fd_(wake_fd) {
  thread_ = std::thread([this] { Run(); });
}

EtcdWitness::~EtcdWitness() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  Wake();
  thread_.join();
  close(wake_fd_);
}

void EtcdWitness::Wake() {
  const std::uint64_t one = 1;
  TANDEM_CHECK(write(wake_fd_, &one, sizeof one) == sizeof one);
}

void EtcdWitness::Ask(WitnessRequest request) {
  {
    const std::lock_guard lock(mutex_);
    request_ = std::move(request);
  }
  Wake();
}

std::optional<WitnessAnswer> EtcdWitness::Take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(answer_, std::nullopt);
}

// The thread's own: its event loop, and where it got an answer last.
class EtcdWitness::Client {
 public:
  explicit Client(EtcdWitness& owner)
      : owner_(owner),
        key_(RegisterKey(owner.options_.cluster)),
        io_(kj::setupAsyncIo()),
        wake_(io_.lowLevelProvider->wrapInputFd(
            owner.wake_fd_, kj::LowLevelAsyncIoProvider::ALREADY_CLOEXEC |
                                kj::LowLevelAsyncIoProvider::ALREADY_NONBLOCK)) {}

  void Run() {
    while (true) {
      std::uint64_t count = 0;
      wake_->read(&count, sizeof count).wait(io_.waitScope);
      if (Ends()) return;
      const std::optional<WitnessRequest> request = NextRequest();
      if (!request) continue;
      std::optional<WitnessAnswer> answer = Ask(*request);
      if (!answer) return;
      const std::lock_guard lock(owner_.mutex_);
      owner_.answer_ = std::move(answer);
    }
  }

 private:
  std::optional<WitnessRequest> NextRequest() {
    const std::lock_guard lock(owner_.mutex_);
    return std::exchange(owner_.request_, std::nullopt);
  }

  // Nothing if the end came first.
  std::optional<WitnessAnswer> Ask(const WitnessRequest& request) {
    std::string problems;
    for (std::size_t i = 0; i < owner_.addresses_.size(); ++i) {
      const std::size_t at = (last_ + i) % owner_.addresses_.size();
      absl::StatusOr<WitnessAnswer> answer = AskAt(owner_.addresses_[at], request);
      if (Ends()) return std::nullopt;
      if (answer.ok()) {
        last_ = at;
        return *std::move(answer);
      }
      absl::StrAppend(&problems, problems.empty() ? "" : "; ", owner_.options_.endpoints[at], ": ",
                      answer.status().message());
    }
    return WitnessAnswer{.number = request.number, .words = std::move(problems)};
  }

  absl::StatusOr<WitnessAnswer> AskAt(const std::string& address, const WitnessRequest& request) {
    using Text = absl::StatusOr<std::string>;
    const EtcdCall call = EncodeCall(key_, request);
    // While a request is under way only the end is news.
    std::uint64_t count = 0;
    kj::Promise<Text> ended = wake_->read(&count, sizeof count).then([] {
      return Text(absl::CancelledError("overtaken"));
    });
    kj::Promise<Text> late =
        timer().afterDelay(owner_.options_.endpoint_time * kj::NANOSECONDS).then([] {
          return Text(absl::DeadlineExceededError("no answer in time"));
        });
    Text text = absl::UnavailableError("");
    try {
      text = Post(address, call)
                 .exclusiveJoin(kj::mv(late))
                 .exclusiveJoin(kj::mv(ended))
                 .wait(io_.waitScope);
    } catch (const kj::Exception& exception) {
      text = absl::UnavailableError(exception.getDescription().cStr());
    }
    if (!text.ok()) return text.status();
    return DecodeAnswer(request, *text);
  }

  // A connection for each call: there are two a second, and none to be found broken when it counts.
  kj::Promise<absl::StatusOr<std::string>> Post(const std::string& address, const EtcdCall& call) {
    using Text = absl::StatusOr<std::string>;
    return io_.provider->getNetwork()
        .parseAddress(address.c_str())
        .then([](kj::Own<kj::NetworkAddress> remote) {
          auto connection = remote->connect();
          return connection.attach(kj::mv(remote));
        })
        .then([this, &address, &call](kj::Own<kj::AsyncIoStream> stream) {
          auto client = kj::newHttpClient(*headers_, *stream);
          kj::HttpHeaders headers(*headers_);
          headers.set(kj::HttpHeaderId::HOST, kj::StringPtr(address.c_str()));
          headers.set(kj::HttpHeaderId::CONTENT_TYPE, "application/json");
          auto request = client->request(kj::HttpMethod::POST, kj::StringPtr(call.path.data()),
                                         headers, call.body.size());
          auto written = request.body->write(call.body.data(), call.body.size());
          return written.attach(kj::mv(request.body))
              .then([response = kj::mv(request.response)]() mutable { return kj::mv(response); })
              .then([](kj::HttpClient::Response&& response) {
                const kj::uint status = response.statusCode;
                return response.body->readAllText(kBodyBytesMax)
                    .attach(kj::mv(response.body))
                    .then([status](kj::String body) {
                      if (status == 200) return Text(std::string(body.cStr(), body.size()));
                      return Text(absl::UnavailableError(absl::StrCat("it answers ", status)));
                    });
              })
              .attach(kj::mv(client))  // goes before the stream that it uses
              .attach(kj::mv(stream));
        });
  }

  bool Ends() {
    const std::lock_guard lock(owner_.mutex_);
    return owner_.ends_;
  }
  kj::Timer& timer() { return io_.provider->getTimer(); }

  EtcdWitness& owner_;
  const std::string key_;
  kj::AsyncIoContext io_;
  kj::Own<kj::HttpHeaderTable> headers_ = kj::HttpHeaderTable::Builder().build();
  kj::Own<kj::AsyncInputStream> wake_;
  std::size_t last_ = 0;  // index of the endpoint that answered last
};

void EtcdWitness::Run() {
  // Signals are the main thread's. KJ keeps SIGUSR1 for itself, so that one stays open here.
  sigset_t signals;
  sigfillset(&signals);
  sigdelset(&signals, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  reactor::NameThread("witness");
  try {
    Client(*this).Run();
  } catch (const kj::Exception& exception) {
    // Core 0 waits in vain: as if the witness were out of reach, which an alarm tells.
    Log(LogLevel::kError, "the thread of the witness failed",
        {{"error", std::string(exception.getDescription().cStr())}});
  }
}

}  // namespace tandem::cluster
