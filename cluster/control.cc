#include "cluster/control.h"

#include <algorithm>
#include <utility>

#include "engine/base/status.h"
#include "engine/base/strings.h"

namespace tandem::cluster {

absl::Status ToStatus(const kj::Exception& exception) {
  const kj::StringPtr text = exception.getDescription();
  const absl::string_view message(text.cStr(), text.size());
  switch (exception.getType()) {
    case kj::Exception::Type::DISCONNECTED:
      return absl::UnavailableError(message);
    case kj::Exception::Type::OVERLOADED:
      return absl::ResourceExhaustedError(message);
    case kj::Exception::Type::UNIMPLEMENTED:
      return absl::UnimplementedError(message);
    case kj::Exception::Type::FAILED:
      break;
  }
  return absl::InternalError(message);
}

namespace {

// A newer node may have more to say than we understand: then it holds no less than we.
Holding ToHolding(peer::Holding holding) noexcept {
  static_assert(static_cast<int>(peer::Holding::SERVED) == static_cast<int>(Holding::kServed));
  return static_cast<Holding>(std::min(holding, peer::Holding::SERVED));
}

}  // namespace

struct ControlLink::Shared {
  std::size_t path;
  ControlEvents* events;                                           // null once the link is gone
  kj::Maybe<kj::Own<kj::PromiseFulfiller<PairVerdict>>> proposal;  // waits for Answer
};

class ControlLink::Server final : public peer::Control::Server {
 public:
  explicit Server(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

 protected:
  kj::Promise<void> beat(BeatContext context) override {
    if (shared_->events == nullptr) return kj::READY_NOW;
    const peer::Beat::Reader in = context.getParams().getBeat();
    BeatNote note{.epoch = in.getEpoch(),
                  .ready = in.getReady(),
                  .draining = in.getDraining(),
                  .figures = {}};
    for (const std::int64_t figure : in.getFigures()) note.figures.push_back(figure);
    const std::uint64_t received = shared_->events->OnBeat(
        shared_->path, {.number = in.getNumber(), .received = in.getReceived()}, note);
    context.getResults().setReceived(received);
    return kj::READY_NOW;
  }

  kj::Promise<void> propose(ProposeContext context) override {
    if (shared_->events == nullptr) return kj::READY_NOW;
    const peer::PairView::Reader in = context.getParams().getView();
    const PairView view{.epoch_max = in.getEpochMax(),
                        .epoch = in.getEpoch(),
                        .hold_ms = in.getHoldMs(),
                        .holding = ToHolding(in.getHolding())};
    auto paf = kj::newPromiseAndFulfiller<PairVerdict>();
    shared_->proposal = kj::mv(paf.fulfiller);
    shared_->events->OnProposal(shared_->path, view);
    return paf.promise.then([context](PairVerdict verdict) mutable {
      peer::PairVerdict::Builder out = context.getResults().initVerdict();
      out.setEpoch(verdict.epoch);
      out.setHolding(static_cast<peer::Holding>(verdict.holding));
      switch (verdict.kind) {
        case PairVerdict::Kind::kResume:
          out.setResume();
          break;
        case PairVerdict::Kind::kBegin:
          out.setBegin();
          break;
        case PairVerdict::Kind::kLater:
          out.setLater(verdict.later_ms);
          break;
      }
    });
  }

  kj::Promise<void> goodbye(GoodbyeContext) override {
    if (shared_->events != nullptr) shared_->events->OnGoodbye(shared_->path);
    return kj::READY_NOW;
  }

 private:
  std::shared_ptr<Shared> shared_;
};

ControlLink::ControlLink(std::size_t path, std::unique_ptr<LinkConnection> connection, bool dialer,
                         ControlEvents& events)
    : path_(path),
      connection_(std::move(connection)),
      events_(events),
      shared_(std::make_shared<Shared>(Shared{path, &events, nullptr})),
      rpc_(std::make_unique<RpcLink>(*connection_, dialer, kControlFrame,
                                     kj::heap<Server>(shared_))),
      tasks_(*this) {
  remote_ = rpc_->remote().castAs<peer::Control>();
}

ControlLink::~ControlLink() noexcept(false) {
  shared_->events = nullptr;
  shared_->proposal = nullptr;
}

void ControlLink::SendBeat(const FailureDetector::Beat& beat, const BeatNote& note) {
  auto request = remote_.beatRequest();
  peer::Beat::Builder out = request.initBeat();
  out.setNumber(beat.number);
  out.setReceived(beat.received);
  out.setEpoch(note.epoch);
  out.setReady(note.ready);
  out.setDraining(note.draining);
  auto figures = out.initFigures(static_cast<unsigned>(note.figures.size()));
  for (unsigned i = 0; i < figures.size(); ++i) figures.set(i, note.figures[i]);
  tasks_.add(request.send().then([this](capnp::Response<peer::Control::BeatResults>&& response) {
    events_.OnEcho(path_, response.getReceived());
  }));
}

void ControlLink::Propose(const PairView& view) {
  auto request = remote_.proposeRequest();
  peer::PairView::Builder out = request.initView();
  out.setEpochMax(view.epoch_max);
  out.setEpoch(view.epoch);
  out.setHoldMs(view.hold_ms);
  out.setHolding(static_cast<peer::Holding>(view.holding));
  tasks_.add(request.send().then([this](capnp::Response<peer::Control::ProposeResults>&& response) {
    const peer::PairVerdict::Reader in = response.getVerdict();
    PairVerdict verdict{.epoch = in.getEpoch(), .holding = ToHolding(in.getHolding())};
    switch (in.which()) {
      case peer::PairVerdict::RESUME:
        verdict.kind = PairVerdict::Kind::kResume;
        break;
      case peer::PairVerdict::BEGIN:
        verdict.kind = PairVerdict::Kind::kBegin;
        break;
      case peer::PairVerdict::LATER:
        verdict.kind = PairVerdict::Kind::kLater;
        verdict.later_ms = in.getLater();
        break;
      default:
        error_ = absl::InternalError("a verdict that this release does not know");
        return;
    }
    events_.OnVerdict(path_, verdict);
  }));
}

void ControlLink::Answer(const PairVerdict& verdict) {
  KJ_IF_MAYBE (fulfiller, shared_->proposal) {
    (*fulfiller)->fulfill(PairVerdict(verdict));
  }
  shared_->proposal = nullptr;
}

void ControlLink::SayGoodbye() {
  tasks_.add(remote_.goodbyeRequest().send().ignoreResult().then(
      [this] { events_.OnGoodbyeHeard(path_); }));
}

absl::Status ControlLink::Pump() {
  TANDEM_RETURN_IF_ERROR(error_);
  return rpc_->Pump();
}

void ControlLink::taskFailed(kj::Exception&& exception) {
  if (error_.ok()) error_ = ToStatus(exception);
}

}  // namespace tandem::cluster
