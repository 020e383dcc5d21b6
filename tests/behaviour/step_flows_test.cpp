#include "models/cost/collectives.hpp"
#include "sim/run/chip_networks.hpp"
#include "sim/run/instance_network.hpp"
#include "sim/run/placement.hpp"
#include "tests/support/child.hpp"
#include "tests/support/small_experiment.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::literals;
using namespace tokenyard::test;
using cost::Algorithm;
using models::Collective;

// Collectives as flows against their closed forms, on idle links of the machines that ship: wire time alone, without
// launches and without what a kernel leaves of a link unused.
namespace {

struct Ended final : serving::StepOwner {
  explicit Ended(engine::Engine& clock) : engine(clock) {}
  void step_played() override { at = engine.now(); }
  engine::Engine& engine;
  SimTime at;
};

/// The first chips of a machine, as one instance of one tensor group.
struct Group {
  topologies::Topology topology;
  PlacedInstance instance;
  models::ParallelPlan plan;

  Group(const std::string& yaml, std::uint32_t chips) : topology(machine(yaml)), plan{.tensor = chips} {
    for (std::uint32_t i = 0; i < chips; ++i) instance.chips.emplace_back(i);
  }
  [[nodiscard]] cost::NetworkFigures figures() const { return network_figures(topology, instance, plan); }
};

cost::Communication sends(const cost::PortBytes& bytes, const cost::FlowCount& flows) {
  cost::Communication all;
  all.tensor.add(1.0, bytes, flows);
  return all;
}

/// Seconds of one step of nothing but these bytes.
double played(const Group& group, const cost::Communication& all, std::uint32_t rounds = 1) {
  return std::stod(in_child([&] {
           ChipNetworks networks(group.topology, {{group.instance}});
           serving::StepWiring wiring =
               step_wiring(networks, group.topology, group.instance, group.plan, {}, group.figures(), rounds);
           engine::Engine engine(networks.networks());
           serving::StepFlows flows(engine, {std::move(wiring)});
           Ended ended(engine);
           flows.play(InstanceId{0}, SimTime{}, all, ended);
           engine.run();
           return std::to_string(ended.at.ns());
         })) *
         1e-9;
}

/// What prices hold for the wire: everything at the rates of the group, phases pipelined, on one plane both count.
double closed_form(const cost::GroupLinks& links, const cost::PortBytes& bytes, bool to_all) {
  const Seconds inside = bytes.inside / (to_all ? links.exchange : links.port);
  if (links.domains == 1) return inside.value();
  const Seconds across = bytes.across / links.uplink;
  return (links.one_plane ? inside + across : std::max(inside, across)).value();
}

void check(const std::string& yaml, std::uint32_t chips, Collective op, Algorithm algorithm, double tolerance = 0.05) {
  const Group group(yaml, chips);
  const cost::GroupLinks links = group.figures().tensor;
  const cost::PortBytes bytes = cost::port_bytes(op, 64_MB, links, algorithm);
  // An all-to-all goes to every rank, on its own path.
  const bool to_all = op == Collective::AllToAll || algorithm == Algorithm::OneShot || algorithm == Algorithm::TwoShot;
  const double per_domain = 1.0 * links.ranks / links.domains;
  const cost::FlowCount flows =
      op == Collective::AllToAll
          ? cost::FlowCount{.inside = per_domain - 1.0, .across = std::max(links.ranks - per_domain, 1.0)}
          : cost::flows_at_once(algorithm, links);
  CAPTURE(yaml);
  CAPTURE(chips);
  CAPTURE(static_cast<int>(op));
  CAPTURE(cost::name(algorithm));
  const double expected = closed_form(links, bytes, to_all);
  REQUIRE(expected > 1e-6);
  CHECK(played(group, sends(bytes, flows)) == doctest::Approx(expected).epsilon(tolerance));
}

void check_inside(const std::string& yaml, std::uint32_t chips) {
  for (const Algorithm algorithm : {Algorithm::Ring, Algorithm::OneShot, Algorithm::TwoShot, Algorithm::InNetwork}) {
    check(yaml, chips, Collective::AllReduce, algorithm);
  }
  check(yaml, chips, Collective::AllGather, Algorithm::Ring);
  check(yaml, chips, Collective::ReduceScatter, Algorithm::Ring);
  check(yaml, chips, Collective::AllToAll, Algorithm::Ring);
}

void check_across(const std::string& yaml, std::uint32_t chips, bool all_to_all = true) {
  check(yaml, chips, Collective::AllReduce, Algorithm::TwoLevel);
  check(yaml, chips, Collective::AllGather, Algorithm::TwoLevel);
  check(yaml, chips, Collective::ReduceScatter, Algorithm::TwoLevel);
  if (all_to_all) check(yaml, chips, Collective::AllToAll, Algorithm::TwoLevel);
}

}  // namespace

TEST_CASE("step flows: collectives inside a domain take what closed forms say on idle links") {
  check_inside("hgx-h100", 8);
  check_inside("hgx-h100", 4);
  check_inside("gb200-nvl72", 16);
  check_inside("mi300x-8", 8);
  check_inside("supernode-1024", 8);
  check_inside("tpu-v7-pod", 8);
}

TEST_CASE("step flows: collectives across domains take what closed forms say on idle links") {
  check_across("{base: hgx-h100, nodes: 4}", 32);
  check_across("gb200-superpod", 144, false);
  check_across("cloudmatrix384", 32);
  check_across("{base: atlas-800t-a2, nodes: 2}", 16);
  check_across("rail-fat-tree", 32);
}
