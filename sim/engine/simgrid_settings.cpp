#include "sim/engine/simgrid_settings.hpp"

#include "models/base/errors.hpp"
#include "sim/engine/engine.hpp"
#include "sim/engine/flow_carrier.hpp"

#include <simgrid/s4u.hpp>

#include <simgrid/version.h>  // does not stand alone: after s4u.hpp

#include <array>
#include <csignal>
#include <exception>
#include <string>
#include <vector>

namespace tokenyard::engine {

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kAddressSanitizer = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool kAddressSanitizer = true;
#else
constexpr bool kAddressSanitizer = false;
#endif
#else
constexpr bool kAddressSanitizer = false;
#endif

/// SimGrid takes over Ctrl-C and crashes to print its own state; who interrupts a run wants its results instead.
class KeepHandlers {
 public:
  KeepHandlers() : terminate_(std::get_terminate()) {
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      sigaction(kSignals[i], nullptr, &actions_[i]);
    }
  }
  ~KeepHandlers() {
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      sigaction(kSignals[i], &actions_[i], nullptr);
    }
    std::set_terminate(terminate_);
  }
  KeepHandlers(const KeepHandlers&) = delete;
  KeepHandlers& operator=(const KeepHandlers&) = delete;

 private:
  static constexpr std::array<int, 4> kSignals = {SIGINT, SIGTERM, SIGSEGV, SIGBUS};
  std::array<struct sigaction, kSignals.size()> actions_{};
  std::terminate_handler terminate_;
};

}  // namespace

simgrid::s4u::Engine& start_simgrid() {
  expect(!simgrid::s4u::Engine::is_initialized(), "one Engine per process: SimGrid's clock is process-wide");
  const KeepHandlers keep;

  // The log level goes first, or SimGrid tells about every setting that follows.
  std::vector<std::string> words = {"tokenyard", "--log=root.thresh:critical"};
  if (kAddressSanitizer) {
    // It cannot follow stacks that are swapped by hand. SimGrid reads this setting while it starts, and never again.
    words.emplace_back("--cfg=contexts/factory:thread");
  }
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  int argc = static_cast<int>(words.size());
  // The singleton stays for the rest of the process: that is how a second Engine is recognised.
  simgrid::s4u::Engine& engine = *simgrid::s4u::Engine::get_instance(&argc, argv.data());

  using simgrid::s4u::Engine;
  Engine::set_config("network/model:CM02");      // LV08 models TCP: latency x 13, bandwidth x 0.97
  Engine::set_config("network/crosstraffic:0");  // the two directions of a link are apart
  Engine::set_config("network/TCP-gamma", 1e30);
  Engine::set_config("network/optim:Lazy");
  Engine::set_config("cpu/optim:Lazy");  // timers of waiting actors
  Engine::set_config("surf/precision", kFlowPrecision.value());
  // A guard page costs two memory maps a stack, of which Linux grants 65,530: 32,000 flows in flight would abort.
  Engine::set_config("contexts/guard-size", 0);
  return engine;
}

std::string simgrid_version() {
  int major = 0;
  int minor = 0;
  int patch = 0;
  sg_version_get(&major, &minor, &patch);
  return std::to_string(major) + "." + std::to_string(minor) + (patch > 0 ? "." + std::to_string(patch) : "");
}

}  // namespace tokenyard::engine
