#include "topologies/bill.hpp"

#include "topologies/bisection.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>

namespace tokenyard::topologies {
namespace {

constexpr std::array<const char*, 5> kRelations = {"one node", "one domain", "one pod", "one site", "all sites"};

/// Everything about one plane that its classes are made from.
struct Look {
  const Topology& topology;
  PlaneId plane;
  const PlaneInfo& info;

  [[nodiscard]] std::size_t relation(ChipId a, ChipId b) const {
    const ChipPlace& from = topology.place(a);
    const ChipPlace& to = topology.place(b);
    if (from.node == to.node) return 0;
    const std::uint32_t d = topology.domain(a, plane);
    const std::uint32_t e = topology.domain(b, plane);
    if (d == e) return 1;
    if (info.pods > 0 && topology.pod(d, plane) == topology.pod(e, plane)) return 2;
    return from.site == to.site ? 3 : 4;
  }

  /// Whether two chips have the place in common that a relation names, whatever else they share.
  [[nodiscard]] bool together(std::size_t relation, ChipId a, ChipId b) const {
    const std::uint32_t d = topology.domain(a, plane);
    const std::uint32_t e = topology.domain(b, plane);
    switch (relation) {
      case 0:
        return topology.place(a).node == topology.place(b).node;
      case 1:
        return d == e;
      case 2:
        return topology.pod(d, plane) == topology.pod(e, plane);
      case 3:
        return topology.place(a).site == topology.place(b).site;
      default:
        return true;
    }
  }

  /// Payload of a pair while all others are silent.
  [[nodiscard]] BytesPerSecond alone(ChipId a, ChipId b) const {
    const std::array<ChipId, 2> pair{a, b};
    const GroupView view = topology.view(pair, plane);
    if (view.domains == 1) return view.port;
    BytesPerSecond rate = view.port;
    for (const ChipId chip : pair) {
      rate =
          std::min(rate, topology.trunk(topology.domain(chip, plane), plane) * info.efficiency * info.path_efficiency);
    }
    return info.flow_limit > BytesPerSecond{} ? std::min(rate, info.flow_limit * info.efficiency) : rate;
  }
};

/// First chip of every kind that the plane reaches.
std::vector<ChipId> first_chips(const Topology& topology, PlaneId plane) {
  std::vector<ChipId> firsts;
  std::set<std::string> kinds;
  for (std::uint32_t i = 0; i < topology.chip_count(); ++i) {
    if (topology.port(ChipId{i}, plane) == BytesPerSecond{}) continue;
    const ChipPlace& place = topology.place(ChipId{i});
    if (kinds.insert(place.kind + "@" + place.site).second) firsts.push_back(ChipId{i});
  }
  return firsts;
}

/// Kinds of chips that a plane reaches, in order of their first chip.
std::vector<std::string> kinds_of(const Topology& topology, const std::vector<ChipId>& firsts) {
  std::vector<std::string> kinds;
  for (const ChipId chip : firsts) {
    const std::string& kind = topology.place(chip).kind;
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) kinds.push_back(kind);
  }
  return kinds;
}

/// What each chip can send when all that `from` has such a place in common with, of its own and the other kind, do.
BytesPerSecond at_once(const Look& look, ChipId from, const std::string& other, std::size_t relation,
                       const std::vector<std::optional<PathLength>>& paths) {
  const std::string& own = look.topology.place(from).kind;
  std::vector<ChipId> members;
  for (std::uint32_t i = 0; i < paths.size(); ++i) {
    const ChipId to{i};
    if (!paths[i] || look.topology.port(to, look.plane) == BytesPerSecond{}) continue;
    const std::string& kind = look.topology.place(to).kind;
    if ((kind == own || kind == other) && look.together(relation, from, to)) members.push_back(to);
  }
  const GroupView view = look.topology.view(members, look.plane);
  return view.domains == 1 ? view.exchange : view.uplink;
}

std::vector<PairClass> classes_of(const Look& look) {
  const std::vector<ChipId> firsts = first_chips(look.topology, look.plane);
  const std::vector<std::string> kinds = kinds_of(look.topology, firsts);
  const auto place_of = [&](const std::string& kind) {
    return static_cast<std::size_t>(std::find(kinds.begin(), kinds.end(), kind) - kinds.begin());
  };
  std::map<std::array<std::size_t, 3>, PairClass> found;  // by relation and kinds
  for (const ChipId from : firsts) {
    const auto paths = look.topology.paths_from(from, look.plane);
    const std::size_t own = place_of(look.topology.place(from).kind);
    std::set<std::array<std::size_t, 3>> checked;
    for (std::uint32_t i = 0; i < paths.size(); ++i) {
      const ChipId to{i};
      if (to == from || !paths[i] || look.topology.port(to, look.plane) == BytesPerSecond{}) continue;
      const std::size_t relation = look.relation(from, to);
      const std::size_t other = place_of(look.topology.place(to).kind);
      const std::array<std::size_t, 3> key{relation, std::min(own, other), std::max(own, other)};
      const auto [entry, is_new] = found.try_emplace(key);
      PairClass& pair = entry->second;
      if (checked.insert(key).second) {
        const BytesPerSecond alone = look.alone(from, to);
        pair.alone = is_new ? alone : std::min(pair.alone, alone);
      }
      if (is_new) {
        pair.relation = kRelations[relation];
        if (kinds.size() > 1) pair.kinds = kinds[key[1]] + (key[1] == key[2] ? "" : " to " + kinds[key[2]]);
        pair.at_once = at_once(look, from, kinds[other], relation, paths);
      }
      pair.hops = std::max(pair.hops, paths[i]->hops);
      pair.latency = std::max(pair.latency, paths[i]->latency);
    }
  }
  std::vector<PairClass> classes;
  for (auto& [key, pair] : found) classes.push_back(std::move(pair));
  return classes;
}

/// Chips that the first one with a port reaches, itself included.
std::uint32_t reached_by_first(const Topology& topology, PlaneId plane) {
  std::uint32_t count = 0;
  const auto paths = topology.paths_from(first_chips(topology, plane).front(), plane);
  for (std::uint32_t i = 0; i < paths.size(); ++i) {
    if (paths[i] && topology.port(ChipId{i}, plane) > BytesPerSecond{}) ++count;
  }
  return count;
}

PlaneBill plane_bill(const PlaneSpec& spec, const Topology& topology, PlaneId plane) {
  const PlaneInfo& info = topology.planes()[plane.index()];
  PlaneBill bill{.name = info.name,
                 .domains = info.domains,
                 .pods = info.pods,
                 .switches = topology.switch_count(plane),
                 .cables = topology.cable_count(plane),
                 .injection = topology.injection(plane),
                 .bisection = bisection(topology, plane),
                 .power = spec.switch_power * topology.switch_count(plane)};
  std::uint64_t ends = 0;
  const std::uint32_t chips = topology.chip_count();
  for (const DrawnCable& drawn : topology.cables(plane)) {
    const bool upper = drawn.cable.tier > 0 || (drawn.a >= chips && drawn.b >= chips);
    if (spec.optics == Optics::All || (spec.optics == Optics::Upper && upper)) ends += 2ULL * drawn.cable.count;
  }
  bill.transceivers = (ends + spec.links_per_transceiver - 1) / spec.links_per_transceiver;
  for (std::uint32_t i = 0; i < chips; ++i) {
    const BytesPerSecond port = topology.port(ChipId{i}, plane);
    if (port > BytesPerSecond{}) ++bill.chips;
    bill.port = std::max(bill.port, port);
  }
  bill.classes = classes_of({topology, plane, info});
  for (const PairClass& one : bill.classes) bill.diameter = std::max(bill.diameter, one.hops);
  bill.joined = !first_chips(topology, plane).empty() && reached_by_first(topology, plane) == bill.chips;
  return bill;
}

StoreBill store_bill(const Topology& topology, StoreId id) {
  const StoreInfo& store = topology.stores()[id.index()];
  StoreBill bill{.name = store.name,
                 .kind = store.kind,
                 .plane = topology.planes()[store.plane.index()].name,
                 .devices = store.devices,
                 .capacity = store.capacity * static_cast<double>(store.devices),
                 .read = store.read * static_cast<double>(store.devices),
                 .write = store.write * static_cast<double>(store.devices)};
  for (const ChipId chip : first_chips(topology, store.plane)) {
    const std::array<ChipId, 1> one{chip};
    if (!topology.reaches(one, id)) continue;
    const BytesPerSecond alone = topology.view_of_store(one, id).read;
    bill.alone = bill.alone > BytesPerSecond{} ? std::min(bill.alone, alone) : alone;
  }
  std::vector<ChipId> all;
  for (std::uint32_t i = 0; i < topology.chip_count(); ++i) {
    const std::string& site = topology.place(ChipId{i}).site;  // machines of its own stand in the first site
    if (topology.port(ChipId{i}, store.plane) == BytesPerSecond{}) continue;
    if (store.in_domains || site == topology.place(ChipId{0}).site) all.push_back(ChipId{i});
  }
  if (all.empty() || !topology.reaches(all, id)) return bill;
  const StoreView view = topology.view_of_store(all, id);
  bill.hops = view.hops;
  bill.latency = 2.0 * view.latency + store.latency;
  bill.at_once = view.read / static_cast<double>(all.size());
  return bill;
}

}  // namespace

Watts Bill::power() const {
  Watts sum = node_power;
  for (const PlaneBill& plane : planes) sum += plane.power;
  return sum;
}

Bill bill_of(const TopologySpec& spec, const Topology& topology) {
  Bill bill{.sites = static_cast<std::uint32_t>(site_names(spec).size()), .power_known = true};
  for (const NodeGroupSpec& group : spec.groups) {
    bill.chips[group.chip] += group.nodes * spec.chips_per_node_of(group);
    bill.nodes += group.nodes;
    bill.node_power += group.node_power * group.nodes;
    bill.power_known = bill.power_known && group.node_power > Watts{};
  }
  bill.racks = (bill.nodes + spec.nodes_per_rack - 1) / spec.nodes_per_rack;
  for (std::uint32_t i = 0; i < spec.planes.size(); ++i) {
    bill.planes.push_back(plane_bill(spec.planes[i], topology, PlaneId{i}));
  }
  for (std::uint32_t i = 0; i < topology.stores().size(); ++i) bill.stores.push_back(store_bill(topology, StoreId{i}));
  return bill;
}

}  // namespace tokenyard::topologies
