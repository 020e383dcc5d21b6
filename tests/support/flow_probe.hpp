#pragma once

#include "sim/engine/engine.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace tokenyard::tests {

/// For tests of what both must do. SimGrid allows one engine a process: it is the last, and each case a process.
inline constexpr std::array kSolvers{engine::Solver::Flat, engine::Solver::SimGrid};
inline constexpr SimTime kInterval{1'000'000'000};

/// Notes what happened and when; `then` may go on from there.
class FlowProbe final : public engine::EventHandler {
 public:
  struct Note {
    std::uint64_t what;
    std::int64_t ns;
  };

  explicit FlowProbe(engine::Engine& engine) : engine_(engine) {}

  void on_event(std::uint64_t what) override {
    notes.push_back({what, engine_.now().ns()});
    if (then) {
      then(what);
    }
  }

  /// When `what` happened first; -1 when it did not.
  [[nodiscard]] std::int64_t when(std::uint64_t what) const {
    for (const Note& note : notes) {
      if (note.what == what) {
        return note.ns;
      }
    }
    return -1;
  }

  /// All `what`, in the order in which they happened.
  [[nodiscard]] std::vector<std::uint64_t> order() const {
    std::vector<std::uint64_t> order;
    for (const Note& note : notes) {
      order.push_back(note.what);
    }
    return order;
  }

  std::vector<Note> notes;
  std::function<void(std::uint64_t)> then;

 private:
  engine::Engine& engine_;
};

/// `domains` domains with `per_domain` endpoints each: "e0", "e1", ... under "d0", "d1", ...
inline topologies::FlowNetwork flow_network(std::uint32_t domains, std::uint32_t per_domain, BytesPerSecond nic,
                                            BytesPerSecond trunk) {
  topologies::FlowNetwork network{.plane = "net"};
  for (std::uint32_t d = 0; d < domains; ++d) {
    network.domains.push_back({.name = "d" + std::to_string(d), .trunk = trunk});
    for (std::uint32_t e = 0; e < per_domain; ++e) {
      network.endpoints.push_back(
          {.name = "e" + std::to_string(network.endpoints.size()), .domain = d, .bandwidth = nic});
    }
  }
  return network;
}

}  // namespace tokenyard::tests
