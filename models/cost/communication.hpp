#pragma once

#include "models/base/collective_bytes.hpp"
#include "models/base/units.hpp"
#include "models/cost/collectives.hpp"

namespace tokenyard::cost {

/// Peers that one rank sends to at the same time, inside its domain and across.
struct FlowCount {
  double inside = 1.0;
  double across = 1.0;
};
/// All-to-all exchanges: every other rank. One shot and two shots, inside one domain: likewise. Ring, tree and two
/// levels: the next one. Reduction by the switches: the switch.
[[nodiscard]] FlowCount flows_at_once(Algorithm algorithm, const GroupLinks& links);
/// Dispatch and combine: all other ranks inside; across as many as the kernel's copies can go to.
[[nodiscard]] FlowCount flows_at_once(const models::ExchangeKernel& kernel, const GroupLinks& links);

/// What collectives send out of the port of one chip (and take in by it), and how hard they hold on to it.
struct PortLoad {
  PortBytes sent;
  /// The sum over the collectives of their bytes / flows, `flows` being the peers that a port sends to at once. Beside
  /// k other flows, links shared fairly flow by flow, a collective of V bytes and w flows takes V/B * (1 + k/w): this
  /// is what k is multiplied with.
  PortBytes per_flow;

  /// `count` times an operation that sends `bytes`, to so many peers at once.
  void add(double count, const PortBytes& bytes, const FlowCount& flows);
  void add(double count, const PortLoad& other);
};

/// Between chips of attention and of FFN that stand apart: what one that holds attention sends, and what it gets back.
struct Ways {
  PortLoad out;
  PortLoad back;
};

/// The collectives of one step, by kind of group, each on a chip of the mean load.
struct Communication {
  double hidden = 0.0;  ///< share of the experts' exchange that two half batches hide; 0 without
  PortLoad tensor;
  PortLoad expert;
  PortLoad pipeline;
  Ways ways;  ///< these hold a step up by what StepCost::longer() says
};

/// `bytes` of every one of so many chips, in whole bytes.
[[nodiscard]] CollectiveBytes::Of of_chips(const PortBytes& bytes, double chips);

/// Which bytes of an instance's collectives travel on one plane.
struct PlaneShare {
  struct Kind {
    bool inside = false;
    bool across = false;
  };
  Kind tensor;
  Kind expert;
  Kind pipeline;

  [[nodiscard]] bool any() const;
};
/// What of them a port of that plane carries; a hidden exchange holds nobody up in proportion.
[[nodiscard]] PortLoad load_on(const Communication& communication, const PlaneShare& plane);
/// The same of the ways out and back, which travel as the experts' exchange does.
[[nodiscard]] Ways ways_on(const Communication& communication, const PlaneShare& plane);

}  // namespace tokenyard::cost
