#include "engine/reactor/uring_ring.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"

namespace tandem::reactor {
namespace {

constexpr std::uint32_t kCompletionsPerRequest = 16;
// In a kernel that is short of memory, submitting is tried so often before we give up.
constexpr int kSubmitAttempts = 1000;

// NODROP: completions are never lost. EXT_ARG: sleeping with a timeout costs no request. FAST_POLL:
// a socket that is not ready occupies no worker thread. SUBMIT_STABLE: a request's arguments may
// die once it is submitted.
constexpr std::uint32_t kRequired =
    IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG | IORING_FEAT_FAST_POLL | IORING_FEAT_SUBMIT_STABLE;

std::uint32_t SetupFlags(const UringFeatures& features) {
  std::uint32_t flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
  if (features.Has(UringFeature::kSingleIssuer)) flags |= IORING_SETUP_SINGLE_ISSUER;
  if (features.Has(UringFeature::kSubmitAll)) flags |= IORING_SETUP_SUBMIT_ALL;
  if (features.Has(UringFeature::kTaskrunFlag)) flags |= IORING_SETUP_TASKRUN_FLAG;
  if (features.Has(UringFeature::kDeferTaskrun)) {
    flags |= IORING_SETUP_DEFER_TASKRUN;
  } else if (features.Has(UringFeature::kCoopTaskrun)) {
    flags |= IORING_SETUP_COOP_TASKRUN;
  }
  return flags;
}

// Set-up features from the newest to the oldest: an old kernel answers EINVAL to a flag that it
// does not know.
constexpr UringFeature kSetupFeatures[] = {UringFeature::kDeferTaskrun, UringFeature::kSingleIssuer,
                                           UringFeature::kTaskrunFlag, UringFeature::kCoopTaskrun,
                                           UringFeature::kSubmitAll};

// Flags that make sense only together with others.
void DropDependents(UringFeatures& features) {
  if (!features.Has(UringFeature::kSingleIssuer)) features.Set(UringFeature::kDeferTaskrun, false);
  if (!features.Has(UringFeature::kDeferTaskrun) && !features.Has(UringFeature::kCoopTaskrun)) {
    features.Set(UringFeature::kTaskrunFlag, false);
  }
}

int ReadDisabledSysctl() {
  std::FILE* const file = std::fopen("/proc/sys/kernel/io_uring_disabled", "re");
  if (file == nullptr) return 0;
  int value = 0;
  if (std::fscanf(file, "%d", &value) != 1) value = 0;
  std::fclose(file);
  return value;
}

// Every errno of io_uring_setup and what the operator can do about it.
absl::Status SetupError(int error) {
  switch (error) {
    case ENOSYS:
      return absl::FailedPreconditionError(
          "io_uring_setup is not there: the kernel is older than 5.11 or was built without "
          "io_uring, or a seccomp "
          "filter hides it. Use Linux 6.1 or newer; in a container allow io_uring_setup, "
          "io_uring_enter and "
          "io_uring_register in the seccomp profile");
    case EPERM:
    case EACCES:
      if (const int disabled = ReadDisabledSysctl(); disabled != 0) {
        return absl::PermissionDeniedError(absl::StrCat(
            "io_uring is switched off: sysctl kernel.io_uring_disabled = ", disabled,
            ". Set it to 0, or to 1 and put this user into the group of kernel.io_uring_group"));
      }
      return absl::PermissionDeniedError(
          "io_uring is forbidden, most likely by the container runtime's seccomp profile or a "
          "security module. Allow "
          "io_uring_setup, io_uring_enter and io_uring_register");
    case ENOMEM:
      return absl::ResourceExhaustedError(
          "no memory for the ring. Raise the limit of locked memory (LimitMEMLOCK= in the unit, "
          "ulimit -l), or "
          "lower the number of cores");
    case EMFILE:
    case ENFILE:
      return absl::ResourceExhaustedError(
          "no descriptor left for the ring. Raise LimitNOFILE= in the unit (ulimit -n) or "
          "fs.file-max");
    case EINVAL:
      return absl::FailedPreconditionError(
          "io_uring_setup knows none of the flags we can do with: the kernel is too old. Use Linux "
          "6.1 or newer");
    default:
      return absl::UnknownError(absl::StrCat("io_uring_setup failed: ", std::strerror(error)));
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<UringRing>> UringRing::Create(std::uint32_t queue,
                                                             const UringFeatures& allowed) {
  std::unique_ptr<UringRing> ring(new UringRing);
  UringFeatures wanted = allowed;
  DropDependents(wanted);
  int result = 0;
  for (std::size_t next_to_drop = 0;;) {
    io_uring_params params{};
    params.flags = SetupFlags(wanted);
    params.cq_entries = queue * kCompletionsPerRequest;
    result = io_uring_queue_init_params(queue, &ring->ring_, &params);
    if (result != -EINVAL || next_to_drop == std::size(kSetupFeatures)) {
      if (result < 0) return SetupError(-result);
      ring->created_ = true;
      if ((params.features & kRequired) != kRequired) return SetupError(EINVAL);
      break;
    }
    wanted.Set(kSetupFeatures[next_to_drop++], false);
    DropDependents(wanted);
  }
  ring->features_ = wanted;
  ring->Probe();
  return ring;
}

UringRing::~UringRing() {
  if (created_) io_uring_queue_exit(&ring_);
}

void UringRing::Probe() {
  const auto keep = [this](UringFeature feature, auto&& works) {
    if (features_.Has(feature)) features_.Set(feature, works());
  };
  keep(UringFeature::kRegisteredRing, [this] { return io_uring_register_ring_fd(&ring_) == 1; });
  keep(UringFeature::kRingMessage, [this] { return ProbeRingMessage(); });
  keep(UringFeature::kMultishotAccept, [this] { return ProbeMultishotAccept(); });
  keep(UringFeature::kBufferRing, [this] { return ProbeBufferRing(); });
  if (!features_.Has(UringFeature::kBufferRing))
    features_.Set(UringFeature::kMultishotReceive, false);
  keep(UringFeature::kMultishotReceive, [this] { return ProbeMultishotReceive(); });
  keep(UringFeature::kQuietSend, [this] { return ProbeQuietSend(); });
  counters_ = {};
}

io_uring_sqe* UringRing::Prepare() {
  io_uring_sqe* request = io_uring_get_sqe(&ring_);
  for (int attempt = 0; request == nullptr; ++attempt) {
    // The kernel may refuse for a moment (memory, completions that wait for room), not for good.
    TANDEM_CHECK_MSG(attempt < kSubmitAttempts, "the kernel takes no more requests");
    ++counters_.early_submits;
    Submit();
    request = io_uring_get_sqe(&ring_);
  }
  return request;
}

bool UringRing::Take(UringCompletion& completion) noexcept {
  io_uring_cqe* cqe = nullptr;
  unsigned head = 0;
  io_uring_for_each_cqe(&ring_, head, cqe) {
    completion = {UringMark::Unpack(cqe->user_data), cqe->res, cqe->flags};
    io_uring_cq_advance(&ring_, 1);
    ++counters_.completions;
    return true;
  }
  return false;
}

std::optional<std::uint64_t> UringRing::CompletionsSoFar() const noexcept {
  const bool overflowed = (IO_URING_READ_ONCE(*ring_.sq.kflags) & IORING_SQ_CQ_OVERFLOW) != 0;
  if (overflowed || io_uring_sq_ready(&ring_) != 0) return std::nullopt;
  return counters_.completions + io_uring_cq_ready(&ring_);
}

void UringRing::Submit() {
  const unsigned queued = io_uring_sq_ready(&ring_);
  const unsigned kernel_flags = IO_URING_READ_ONCE(*ring_.sq.kflags);
  if ((kernel_flags & IORING_SQ_CQ_OVERFLOW) != 0) ++counters_.overflows;
  const bool may_have_completions =
      !features_.Has(UringFeature::kTaskrunFlag) ||
      (kernel_flags & (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN)) != 0;
  if (queued == 0 && !may_have_completions) return;
  ++counters_.enters;
  CheckEnter(io_uring_submit_and_get_events(&ring_));
  counters_.submissions += queued - io_uring_sq_ready(&ring_);
}

void UringRing::SubmitAndWait(MonoNs timeout_ns) {
  const unsigned queued = io_uring_sq_ready(&ring_);
  ++counters_.enters;
  ++counters_.waits;
  if (timeout_ns == kNever) {
    CheckEnter(io_uring_submit_and_wait(&ring_, 1));
  } else {
    __kernel_timespec timeout{timeout_ns / kNanosecondsPerSecond,
                              timeout_ns % kNanosecondsPerSecond};
    io_uring_cqe* ignored = nullptr;
    CheckEnter(io_uring_submit_and_wait_timeout(&ring_, &ignored, 1, &timeout, nullptr));
  }
  counters_.submissions += queued - io_uring_sq_ready(&ring_);
}

// Every errno of io_uring_enter and what we do about it.
void UringRing::CheckEnter(int result) {
  if (result >= 0) return;
  switch (-result) {
    case ETIME:   // the wait is over
    case EINTR:   // a signal; the next turn goes on
    case EAGAIN:  // no memory for a request at the moment: what was not taken stays queued
    case EBUSY:   // completions wait for room: the next turn reaps, and what was not taken stays
                  // queued
      return;
    case EBADR:  // a completion was lost for want of memory: nobody knows any more what is in
                 // flight
      TANDEM_CHECK_MSG(false, "the kernel dropped a completion");
      return;
    default:  // EBADF, EFAULT, EINVAL, ENXIO, EOPNOTSUPP, EEXIST (wrong thread): bugs of ours
      TANDEM_CHECK_MSG(false, absl::StrCat("io_uring_enter: ", std::strerror(-result)));
  }
}

}  // namespace tandem::reactor
