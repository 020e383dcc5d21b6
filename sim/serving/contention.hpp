#pragma once

#include "models/base/ids.hpp"
#include "models/base/sim_time.hpp"
#include "models/base/units.hpp"
#include "models/cost/communication.hpp"
#include "sim/engine/engine.hpp"
#include "topologies/topology.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tokenyard::serving {

/// Somebody whose steps hold collectives. Implemented by Instance.
class StepsOnLinks {
 public:
  virtual ~StepsOnLinks() = default;
  /// Flows come to its links or go: until now, what Contention::delay() gives holds.
  virtual void links_change() = 0;
  /// They have: it gives something else.
  virtual void links_changed() = 0;
};

/// Where the collectives of one instance meet KV flows: on the plane that carries these.
struct Footprint {
  struct Nics {
    EndpointId endpoint;
    std::uint32_t chips = 1;  ///< whose ports it stands for
    bool ffn = false;         ///< these hold the FFN, apart from attention
  };
  cost::PlaneShare on_plane;  ///< which of its collectives travel there; none: it meets no flow
  std::vector<Nics> nics;
  double ffn_share = 1.0;  ///< bytes of the ways at a port of the FFN side, for one at a port of the attention side
};

/// Links that flows and the collectives of steps share.
struct SharedLinks {
  std::size_t plane = 0;  ///< index of the engine's flow network
  topologies::FlowNetwork network;
  std::vector<Footprint> footprints;  ///< by instance
};

/// KV flows and the collectives of steps on the same links, each slowing the other.
///
/// Collectives repeat in every layer of every step; as flows they would outnumber everything else. So they stay a part
/// of a step's price, and meet flows as averages over a step, in both directions:
///   a step beside k flows on a link of bandwidth B takes longer by the max over its links of k * S/B, where S is the
///   sum over its collectives of bytes / peers sent to at once (cost::PortLoad::per_flow): max-min fair sharing flow by
///   flow, by which V bytes in w flows take V/B * (1 + k/w); flows find of that link what the collectives leave on
///   average, B - V/step, never less than their fair share B * k/(k + w).
/// Links are the NICs of the groups of chips that send or receive KV and the trunks of their domains; of both
/// directions the one with more flows counts, and of all links the slowest, since the ranks of a step wait for each
/// other. The ways between chips of attention and of FFN that stand apart cross a link in one direction each, and make
/// a step longer by what its micro-batches do not hide (cost::StepCost::longer()). Costs a few look-ups when a flow
/// begins or ends and when an instance with flows on its links turns to other steps.
///
/// Limits: within a step flows see the mean, not the bursts; a flow that is held up elsewhere is taken to want its
/// fair share all the same; trunks between pods are not looked at; a rate is set anew when it has moved by kFinest.
class Contention final : public engine::FlowWatch {
 public:
  /// Of the flows on plane `plane` of the engine. `footprints`: by instance. `engine` outlives the object.
  Contention(engine::Engine& engine, std::size_t plane, const topologies::FlowNetwork& network,
             const std::vector<Footprint>& footprints);

  /// `steps` is told of changes; outlives the object.
  void join(InstanceId instance, StepsOnLinks& steps);

  /// Whether any flow is on a link that its collectives use.
  [[nodiscard]] bool meets(InstanceId instance) const { return members_[instance.index()].flows > 0; }
  /// By which the collectives of a step take longer than on idle links: those that hold it up, all ways out, all back.
  struct Delay {
    Seconds held_up;
    Seconds out;
    Seconds back;
  };
  [[nodiscard]] Delay delay(InstanceId instance, const cost::Communication& communication) const;

  /// From now on a step with these collectives begins every `step`; or none does. Steps that send as much as those
  /// before leave the rate as it is, until flows come or go.
  void runs(InstanceId instance, const cost::Communication& communication, Seconds step);
  void idles(InstanceId instance);

  void flow_begins(std::size_t plane, EndpointId from, EndpointId to) override { count(plane, from, to, true); }
  void flow_ends(std::size_t plane, EndpointId from, EndpointId to) override { count(plane, from, to, false); }

  static constexpr double kFinest = 0.005;  ///< of a link's bandwidth

 private:
  /// How much of a port's load on the attention side crosses a link: of what goes both ways, of the ways out and back.
  struct Weights {
    double both = 0.0;
    double out = 0.0;
    double back = 0.0;
  };
  struct Load {
    cost::PortLoad both;
    cost::Ways ways;
  };
  /// One direction of a link.
  struct Link {
    engine::LinkPlace place;
    double bandwidth = 0.0;  // B/s
    double applied = 0.0;    // that flows share now
    std::uint32_t flows = 0;
    std::vector<std::uint32_t> members;  // whose collectives cross it
    std::vector<Weights> bytes;          // of each
    std::vector<Weights> flows_of;       // likewise: of the bytes that a port sends one peer
  };
  struct Member {
    cost::PlaneShare on_plane;
    StepsOnLinks* steps = nullptr;
    std::vector<std::uint32_t> nics;    // links
    std::vector<std::uint32_t> trunks;  // likewise
    bool stale = true;                  // flows have come or gone since
    std::uint32_t flows = 0;            // on all of them; one that crosses two counts twice
    Load load;                          // of its present steps
    double steps_per_s = 0.0;
  };

  void add_link(engine::LinkPlace place, BytesPerSecond bandwidth);
  void add_member(const Footprint& footprint);
  void count(std::size_t plane, EndpointId from, EndpointId to, bool begins);
  void set_load(std::uint32_t member, const Load& load, double steps_per_s);
  void apply(Link& link);
  [[nodiscard]] std::uint32_t nic(EndpointId endpoint, bool up) const { return 2 * endpoint.index() + (up ? 0U : 1U); }
  [[nodiscard]] std::uint32_t trunk(std::uint32_t domain, bool up) const {
    return static_cast<std::uint32_t>(2 * (domain_of_.size() + domain)) + (up ? 0U : 1U);
  }

  engine::Engine& engine_;
  std::size_t plane_;
  std::vector<std::uint32_t> domain_of_;  // by endpoint
  std::vector<Link> links_;               // NICs by endpoint, then trunks by domain; up, down
  std::vector<Member> members_;           // by instance
};

}  // namespace tokenyard::serving
