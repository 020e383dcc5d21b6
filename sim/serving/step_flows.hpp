#pragma once

#include "models/base/ids.hpp"
#include "models/base/sim_time.hpp"
#include "models/base/units.hpp"
#include "models/cost/communication.hpp"
#include "models/cost/step_trips.hpp"
#include "sim/engine/engine.hpp"
#include "sim/serving/trip_flows.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace tokenyard::serving {

/// One kind of an instance's groups of chips, as flows see them.
struct GroupFlows {
  using Domains = std::vector<std::vector<std::uint32_t>>;  ///< of a group: places of chips in the instance
  std::size_t inside = 0;                                   ///< network of the engine for what stays in a domain
  std::size_t across = 0;                                   ///< for what leaves it
  std::vector<Domains> groups;
  BytesPerSecond port;    ///< narrowest of the chips on `inside`
  BytesPerSecond uplink;  ///< a chip's share towards other domains; read only where a group spans several
  double forwarding =
      1.0;  ///< bytes on a port a byte sent where all send to all: above 1 in a torus, whose chips pass on
};

/// Where the collectives of one instance become flows.
struct StepWiring {
  std::vector<std::vector<EndpointId>> endpoints;  ///< by network of the engine and chip of the instance
  GroupFlows tensor;
  GroupFlows expert;
  std::uint32_t rounds = 1;           ///< turns that computation and collectives take in a step
  std::optional<TripWiring> trips{};  ///< attention and FFN stand apart: its steps are played by TripFlows
};

/// Time of these bytes as flows on idle links, all at once: the fuller of a chip's ports and its share of the trunk,
///   inside and across on one network: max((inside + across) / port, across / uplink), else the longer of both.
[[nodiscard]] Seconds idle_time(const GroupFlows& kind, const cost::PortLoad& load);

/// Whose step StepFlows plays. Implemented by Instance.
class StepOwner {
 public:
  virtual ~StepOwner() = default;
  /// It ends now.
  virtual void step_played() = 0;
};

/// Plays the collectives of steps as flows on the networks that KV hand-offs use, chip to chip.
///
/// A step is cut in StepWiring::rounds alike. Each computes, then sends what tensor groups send, then what experts
/// exchange: a chip to the next so many others of its domain as its port sends to at once (cost::PortLoad), across
/// domains to the chip of its place in so many others, or to all of their chips. The next turn begins when the last
/// byte has arrived everywhere. Computation is the step's price less idle_time() of its bytes: launches and what a
/// kernel leaves of a link unused are in it, so that on idle links a step takes its price.
///
/// Cost: rounds * chips * peers flows a step, some 10 us each. For small runs, and to judge Contention by.
/// Limits: every chip sends the mean load; a chip without a counterpart in a smaller domain sends to its last; what
/// chips that share a cache send each other, and drafts, stay in the price alone.
class StepFlows final : public engine::EventHandler {
 public:
  /// `wirings`: by instance. `engine` outlives the object.
  StepFlows(engine::Engine& engine, std::vector<StepWiring> wirings);

  /// A step of this price with these collectives begins now. REQUIRES: the instance's last one has ended; owner
  /// outlives it.
  void play(InstanceId instance, SimTime price, const cost::Communication& sends, StepOwner& owner);

  /// The same for an instance with StepWiring::trips.
  void play(InstanceId instance, const cost::StepTrips& trips, StepOwner& owner) {
    trips_->play(instance, trips, owner);
  }

  void on_event(std::uint64_t what) override;

 private:
  enum class Turn : std::uint8_t { Computed, TensorSent, ExpertsSent };
  struct Play {
    StepWiring wiring;
    StepOwner* owner = nullptr;  ///< of the step being played
    cost::PortLoad tensor;       ///< of a round
    cost::PortLoad expert;
    SimTime computing;  ///< of the whole step
    std::uint32_t round = 0;
    Turn turn = Turn::Computed;
    std::uint64_t on_the_way = 0;  ///< flows
  };

  void compute(std::uint32_t instance);
  void next(std::uint32_t instance);
  /// False when nothing is to be sent.
  bool send(std::uint32_t instance, const GroupFlows& kind, const cost::PortLoad& load);
  void send_inside(std::uint32_t instance, const GroupFlows& kind, const cost::PortLoad& load,
                   const std::vector<std::uint32_t>& chips, std::size_t place);
  void send_across(std::uint32_t instance, const GroupFlows& kind, const cost::PortLoad& load,
                   const GroupFlows::Domains& domains, std::size_t domain, std::size_t place);
  void send_one(std::uint32_t instance, std::size_t network, std::uint32_t from, std::uint32_t to, Bytes size);

  engine::Engine& engine_;
  std::vector<Play> plays_;  // by instance
  std::unique_ptr<TripFlows> trips_;
};

}  // namespace tokenyard::serving
