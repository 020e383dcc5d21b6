#include "sim/run/machine_sheet.hpp"

#include "sim/config/read_topology.hpp"
#include "sim/report/figure_text.hpp"
#include "sim/report/grid.hpp"
#include "topologies/bill.hpp"
#include "topologies/make_topology.hpp"
#include "topologies/picture.hpp"

namespace tokenyard {
namespace {

using report::count_text;
using report::prefixed_text;
using report::time_text;

std::string rate_text(BytesPerSecond rate) { return prefixed_text(rate.value(), "B/s"); }

std::string power_text(Watts power) { return power > Watts{} ? prefixed_text(power.value(), "W") : "-"; }

std::string head(const topologies::TopologySpec& spec, const topologies::Bill& bill) {
  std::string text = spec.name + "\n";
  for (const auto& [kind, count] : bill.chips) text += "  " + count_text(count) + " x " + kind;
  text += ", " + count_text(bill.nodes) + (bill.nodes == 1 ? " node, " : " nodes, ") + count_text(bill.racks) +
          (bill.racks == 1 ? " rack" : " racks");
  if (bill.sites > 1) text += ", " + count_text(bill.sites) + " sites";
  text += "\n  power " + (bill.power_known ? prefixed_text(bill.power().value(), "W")
                                           : std::string("not known: some nodes have no node_power"));
  if (bill.power_known) {
    text += ": nodes " + power_text(bill.node_power) + ", switches outside them " +
            power_text(bill.power() - bill.node_power);
  }
  return text + "\n\n";
}

std::string stores(const topologies::Bill& bill) {
  report::Grid grid;
  grid.row({"stores, payload", "plane", "devices", "capacity", "read", "write", "hops", "first byte", "a chip alone",
            "each, all at once"});
  for (const topologies::StoreBill& store : bill.stores) {
    const std::string kind = topologies::name(store.kind);
    grid.row({"  " + store.name + (kind == store.name ? "" : ", " + kind), store.plane, count_text(store.devices),
              prefixed_text(store.capacity.value(), "B"), rate_text(store.read), rate_text(store.write),
              count_text(store.hops), time_text(store.latency.value()), rate_text(store.alone),
              rate_text(store.at_once)});
  }
  return grid.text();
}

}  // namespace

std::string machine_sheet(const std::string& name, const std::vector<config::Override>& overrides) {
  const topologies::TopologySpec spec = config::read_machine(name, overrides);
  const topologies::Topology topology = topologies::make_topology(spec);
  const topologies::Bill bill = topologies::bill_of(spec, topology);

  report::Grid parts;
  parts.row({"plane", "chips", "domains", "pods", "switches", "cables", "optical modules", "switch power"});
  report::Grid rates;
  rates.row({"wire rates, each way", "a chip", "all chips", "bisection", "diameter"});
  report::Grid pairs;
  pairs.row({"payload between two chips of", "hops", "latency", "a pair alone", "each, all at once"});
  for (const topologies::PlaneBill& plane : bill.planes) {
    parts.row({"  " + plane.name, count_text(plane.chips), count_text(plane.domains),
               plane.pods > 0 ? count_text(plane.pods) : "-", count_text(plane.switches), count_text(plane.cables),
               count_text(plane.transceivers), power_text(plane.power)});
    // Of a plane that does not join all chips, what is said of its whole is said of a part.
    const std::string part = plane.joined ? "" : " of a part";
    rates.row({"  " + plane.name, rate_text(plane.port), rate_text(plane.injection), rate_text(plane.bisection) + part,
               count_text(plane.diameter) + (plane.diameter == 1 ? " hop" : " hops") + part});
    for (const topologies::PairClass& one : plane.classes) {
      pairs.row({"  " + plane.name + ", " + one.relation + (one.kinds.empty() ? "" : ", " + one.kinds),
                 count_text(one.hops), time_text(one.latency.value()), rate_text(one.alone), rate_text(one.at_once)});
    }
  }
  const std::string planes = head(spec, bill) + parts.text() + "\n" + rates.text() + "\n" + pairs.text();
  return bill.stores.empty() ? planes : planes + "\n" + stores(bill);
}

std::string machine_dot(const std::string& name, const std::vector<config::Override>& overrides) {
  return topologies::dot(topologies::make_topology(config::read_machine(name, overrides)));
}

std::string machine_svg(const std::string& name, const std::vector<config::Override>& overrides) {
  return topologies::svg(topologies::make_topology(config::read_machine(name, overrides)));
}

}  // namespace tokenyard
