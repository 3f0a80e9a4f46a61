// tandem-demo: plays the story of a pair that loses nodes, its link, and gets them back. See
// tools/README.md.
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "tools/tandem-demo/cluster.h"
#include "tools/tandem-demo/display.h"
#include "tools/tandem-demo/interrupt.h"
#include "tools/tandem-demo/kept_cluster.h"
#include "tools/tandem-demo/mqtt_client.h"
#include "tools/tandem-demo/options.h"
#include "tools/tandem-demo/port_block.h"
#include "tools/tandem-demo/preflight.h"
#include "tools/tandem-demo/story.h"

namespace tandem::demo {
namespace {

namespace fs = std::filesystem;

constexpr int kPassed = 0;
constexpr int kFailed = 1;
constexpr int kInterrupted = 130;  // 128 + SIGINT, as shells say it

int Fail(const std::string& why) {
  std::printf("FAIL %s\n", why.c_str());
  return kFailed;
}

absl::StatusOr<std::string> MakeDirectory() {
  std::error_code error;
  std::string path = (fs::temp_directory_path(error) / "tandem-demo-XXXXXX").string();
  if (error || mkdtemp(path.data()) == nullptr)
    return absl::UnavailableError(absl::StrCat("cannot make a directory ", path));
  return path;
}

absl::StatusOr<ClusterSpec> FindPrograms(const Options& options) {
  std::error_code error;
  const std::string beside = fs::read_symlink("/proc/self/exe", error).parent_path() / "tandemd";
  ClusterSpec spec{.tandemd = {}, .haproxy = {}, .directory = {}, .outlives_demo = options.keep};
  TANDEM_ASSIGN_OR_RETURN(spec.tandemd,
                          FindProgram(options.tandemd.empty() ? beside : options.tandemd,
                                      "build it: cmake --build --preset release --target tandemd"));
  TANDEM_ASSIGN_OR_RETURN(spec.haproxy,
                          FindProgram(options.haproxy, "install it: apt-get install haproxy"));
  return spec;
}

// Leaves the processes to themselves and says what can be done with them.
int Keep(Cluster& cluster) {
  const std::string& directory = cluster.directory();
  const absl::Status noted = NoteKept(directory, {{"haproxy", cluster.balancer_pid()},
                                                  {"alpha", cluster.pid(0)},
                                                  {"beta", cluster.pid(1)},
                                                  {"cable", cluster.cable_pid()}});
  if (!noted.ok()) return Fail(std::string(noted.message()));
  cluster.Release();
  std::printf(
      "\nThe cluster keeps running. Try it through HAProxy, in two terminals:\n"
      "  mosquitto_sub -p %u -t 'try/#' -v\n"
      "  mosquitto_pub -p %u -t try/it -m hello -q 1\n"
      "The nodes:\n",
      cluster.balancer_port(), cluster.balancer_port());
  for (NodeIndex i = 0; i < kNodes; ++i)
    std::printf("  %-5s mqtt 127.0.0.1:%u   http://127.0.0.1:%u/metrics   log %s\n",
                Cluster::name(i).c_str(), cluster.mqtt_port(i), cluster.admin_port(i),
                cluster.log(i).c_str());
  std::printf("Stop it:\n  tools/demo --stop %s\n\n", directory.c_str());
  return kPassed;
}

void Remove(const std::string& directory) {
  std::error_code ignored;
  fs::remove_all(directory, ignored);
}

int Play(const Options& options, Cluster& cluster, Interrupt& interrupt) {
  const bool live = !options.plain && isatty(STDOUT_FILENO) == 1;
  const auto display = live ? LiveDisplay() : PlainDisplay();
  Story story(options.story, cluster, *display, interrupt);
  const absl::Status played = story.Play();
  if (absl::IsCancelled(played)) {
    cluster.Stop();
    Remove(cluster.directory());
    std::puts("interrupted; everything is stopped");
    return kInterrupted;
  }
  const Verdict verdict = played.ok() ? story.verdict() : Verdict{};
  if (!verdict.pass) {
    cluster.Stop();
    std::printf("configuration and logs: %s\n", cluster.directory().c_str());
    if (!played.ok()) return Fail(std::string(played.message()));
    std::puts(verdict.line.c_str());
    return kFailed;
  }
  int code = kPassed;
  if (options.keep) {
    code = Keep(cluster);
  } else {
    cluster.Stop();
    Remove(cluster.directory());
  }
  if (code == kPassed) std::puts(verdict.line.c_str());
  return code;
}

int Run(const Options& options) {
  if (options.stop) {
    const absl::Status stopped = StopKept(*options.stop);
    std::puts(stopped.ok() ? "stopped" : std::string(stopped.message()).c_str());
    return stopped.ok() ? kPassed : kFailed;
  }
  if (const absl::Status enough = EnsureDescriptors(); !enough.ok())
    return Fail(std::string(enough.message()));
  Interrupt interrupt;
  auto spec = FindPrograms(options);
  if (!spec.ok()) return Fail(std::string(spec.status().message()));
  const auto ports = PortBlock::Reserve(options.port);
  if (!ports.ok()) return Fail(std::string(ports.status().message()));
  auto directory = MakeDirectory();
  if (!directory.ok()) return Fail(std::string(directory.status().message()));
  spec->directory = *std::move(directory);

  const MqttLibrary library;
  Cluster cluster(*std::move(spec), *ports);
  return Play(options, cluster, interrupt);
}

}  // namespace
}  // namespace tandem::demo

int main(int argc, char** argv) {
  const auto options = tandem::demo::ParseOptions(argc, argv);
  if (const int* const code = std::get_if<int>(&options)) return *code;
  return tandem::demo::Run(std::get<tandem::demo::Options>(options));
}
