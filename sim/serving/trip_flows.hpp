#pragma once

#include "models/base/ids.hpp"
#include "models/base/sim_time.hpp"
#include "models/base/units.hpp"
#include "models/cost/step_trips.hpp"
#include "sim/engine/engine.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace tokenyard::serving {

class StepOwner;

/// Where the ways between chips of attention and of FFN that stand apart become flows.
struct TripWiring {
  std::size_t network = 0;  ///< of the engine
  std::vector<EndpointId> attention;
  std::vector<EndpointId> ffn;
  BytesPerSecond rate;  ///< that the price takes for a port of either side, kernels' efficiency left out
};

/// Plays steps of instances whose attention and FFN stand apart: micro-batches go round between both sides, layer by
/// layer. Each of five places (attention chips, way out, FFN chips, their ports among each other where they share
/// matrices, way back) takes one at a time, in order, as in cost::round_trips(). A way is a launch, which is its price
/// less what its bytes take at wire rate, then a flow from every chip of one side to every chip of the other. Limits:
/// what tensor groups of either side send each other stays in the price; every chip sends and gets the mean.
class TripFlows final : public engine::EventHandler {
 public:
  /// `wirings`: by instance; absent: both sides on the same chips. `engine` outlives the object.
  TripFlows(engine::Engine& engine, std::vector<std::optional<TripWiring>> wirings);

  /// A step begins now. REQUIRES: the instance has a wiring, and its last step has ended; owner outlives it.
  void play(InstanceId instance, const cost::StepTrips& trips, StepOwner& owner);

  void on_event(std::uint64_t what) override;

 private:
  static constexpr std::size_t kPlaces = 5;  // attention, out, FFN, between its chips, back
  struct Place {
    std::deque<std::uint32_t> waiting;  // micro-batches
    std::optional<std::uint32_t> serves;
    std::uint64_t on_the_way = 0;  // flows
  };
  struct Play {
    std::optional<TripWiring> wiring;
    cost::StepTrips trips;
    StepOwner* owner = nullptr;
    SimTime began;
    std::array<Place, kPlaces> places;
    std::array<std::uint32_t, cost::kMostMicroBatches> layer{};  // by micro-batch: that it is in
    std::uint32_t back = 0;                                      // micro-batches
  };

  [[nodiscard]] static std::size_t kind_of_layer(const Play& play, std::uint32_t micro_batch);
  [[nodiscard]] static SimTime time_at(const Play& play, std::size_t place, std::uint32_t micro_batch);
  void enter(std::uint32_t instance, std::size_t place, std::uint32_t micro_batch);
  void serve(std::uint32_t instance, std::size_t place);
  void send(std::uint32_t instance, std::size_t place);
  void leave(std::uint32_t instance, std::size_t place);
  void finish(std::uint32_t instance);

  engine::Engine& engine_;
  std::vector<Play> plays_;  // by instance
};

}  // namespace tokenyard::serving
