// How fast the engine is. One engine per process: each benchmark plays in a child and reports the seconds it took.
#include "sim/engine/engine.hpp"
#include "tests/support/child.hpp"

#include <benchmark/benchmark.h>

#include <chrono>
#include <functional>
#include <random>
#include <string>

namespace {

using namespace tokenyard;
using namespace tokenyard::literals;

/// A thousand clocks that tick on their own; stops after a number of events.
class Clocks final : public engine::EventHandler {
 public:
  Clocks(engine::Engine& engine, std::uint64_t ticks) : engine_(engine), left_(ticks) {
    for (std::uint32_t i = 0; i < 1'000; ++i) {
      engine.at(SimTime{i * 977}, engine::rank_of_step(i), *this, i);
    }
  }
  void on_event(std::uint64_t what) override {
    if (--left_ == 0) {
      engine_.stop();
    }
    const auto span = SimTime{static_cast<std::int64_t>(1'000'000 + bits_() % 1'000'000)};
    engine_.at(engine_.now() + span, engine::rank_of_step(static_cast<std::uint32_t>(what)), *this, what);
  }

 private:
  engine::Engine& engine_;
  std::uint64_t left_;
  std::minstd_rand bits_{1};
};

/// Keeps `in_flight` flows between random endpoints in flight until `total` have ended.
class Flows final : public engine::EventHandler {
 public:
  Flows(engine::Engine& engine, std::uint32_t endpoints, std::uint32_t in_flight, std::uint64_t total)
      : engine_(engine), endpoints_(endpoints), left_(total) {
    for (std::uint32_t i = 0; i < in_flight; ++i) {
      send();
    }
  }
  void on_event(std::uint64_t) override {
    if (--left_ == 0) {
      engine_.stop();
    }
    send();
  }

 private:
  void send() {
    const auto from = static_cast<std::uint32_t>(bits_() % endpoints_);
    const auto to = static_cast<std::uint32_t>((from + 1 + bits_() % (endpoints_ - 1)) % endpoints_);
    engine_.transfer(0, EndpointId{from}, EndpointId{to}, Bytes{1e8 + static_cast<double>(bits_() % 100'000'000)},
                     10_us, *this, 0);
  }

  engine::Engine& engine_;
  std::uint32_t endpoints_;
  std::uint64_t left_;
  std::minstd_rand bits_{2};
};

topologies::FlowNetwork network(std::uint32_t domains, std::uint32_t per_domain) {
  topologies::FlowNetwork network{.plane = "net"};
  for (std::uint32_t d = 0; d < domains; ++d) {
    network.domains.push_back({.name = "d", .trunk = 50_GBps * per_domain});
    for (std::uint32_t e = 0; e < per_domain; ++e) {
      network.endpoints.push_back({.name = "e", .domain = d, .bandwidth = 50_GBps});
    }
  }
  return network;
}

/// Seconds that `play` takes in a process of its own.
void play_in_child(benchmark::State& state, const std::function<void()>& play) {
  for (auto _ : state) {
    const std::string seconds = test::in_child([&] {
      const auto began = std::chrono::steady_clock::now();
      play();
      return std::to_string(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    });
    state.SetIterationTime(std::stod(seconds));
  }
}

void events_alone(benchmark::State& state) {
  constexpr std::uint64_t kEvents = 10'000'000;
  play_in_child(state, [] {
    engine::Engine engine({});
    Clocks clocks(engine, kEvents);
    engine.run();
  });
  state.SetItemsProcessed(kEvents);
}
BENCHMARK(events_alone)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

void flows_in_flight(benchmark::State& state) {
  constexpr std::uint64_t kFlows = 100'000;
  const auto in_flight = static_cast<std::uint32_t>(state.range(0));
  const auto solver = static_cast<engine::Solver>(state.range(1));
  play_in_child(state, [in_flight, solver] {
    engine::Engine engine({network(8, 16)}, SimTime{1'000'000'000}, solver);
    Flows flows(engine, 128, in_flight, kFlows);
    engine.run();
  });
  state.SetItemsProcessed(kFlows);
}
BENCHMARK(flows_in_flight)
    ->ArgNames({"flows", "simgrid"})
    ->ArgsProduct({{1, 32, 128, 512}, {0, 1}})
    ->Iterations(1)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

void events_beside_flows(benchmark::State& state) {
  constexpr std::uint64_t kEvents = 1'000'000;
  play_in_child(state, [] {
    engine::Engine engine({network(8, 16)});
    Flows flows(engine, 128, 32, kEvents);
    Clocks clocks(engine, kEvents);
    engine.run();
  });
  state.SetItemsProcessed(kEvents);
}
BENCHMARK(events_beside_flows)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
