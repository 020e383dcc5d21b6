#include "topologies/spec.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <cmath>

namespace tokenyard::topologies {
namespace {

constexpr std::uint64_t kMostChips = 200'000;  // keeps every index in 32 bits and a build within seconds

std::string group_names(const TopologySpec& machine) {
  std::string all;
  for (const NodeGroupSpec& group : machine.groups) all += (all.empty() ? "" : ", ") + group.name;
  return all;
}

void check_share(const char* field, double share) {
  if (!(share > 0.0 && share <= 1.0)) throw SpecError(field, "is a share of the wire rate: more than 0, at most 1");
}

void check_oversubscription(double ratio) {
  if (!(ratio >= 1.0) || !std::isfinite(ratio)) {
    throw SpecError("oversubscription", "must be at least 1 (rate below a first switch over rate above it)");
  }
}

std::uint64_t chips_of(const TopologySpec& machine) {
  std::uint64_t nodes = 0;
  for (const NodeGroupSpec& group : machine.groups) nodes += group.nodes;
  return nodes * machine.chips_per_node;
}

/// Whether the wiring has cables above the first switches, so that latency_across counts.
bool has_upper_tier(const PlaneSpec& plane) {
  if (const auto* switched = std::get_if<SwitchedWiring>(&plane.wiring)) return switched->spines > 0;
  return !std::holds_alternative<MeshWiring>(plane.wiring);
}

void check_wiring(const MeshWiring&, const PlaneSpec&, const TopologySpec& machine) {
  if (machine.chips_per_node < 2) throw SpecError("kind", "a mesh needs at least 2 chips in a node (chips_per_node)");
}

void check_wiring(const SwitchedWiring& wiring, const PlaneSpec& plane, const TopologySpec& machine) {
  if (wiring.switches == 0) throw SpecError("switches", "must be at least 1");
  if (wiring.nodes_per_domain == 0) throw SpecError("nodes_per_domain", "must be at least 1");
  check_oversubscription(wiring.oversubscription);
  for (const AttachedNode& node : attached_nodes(plane, machine)) {
    if (node.links < wiring.switches) {
      throw SpecError("links", "a chip needs at least one link to each of the " + std::to_string(wiring.switches) +
                                   " switches, not " + std::to_string(node.links));
    }
  }
}

void check_wiring(const LeafSpineWiring& wiring, const PlaneSpec& plane, const TopologySpec& machine) {
  check_oversubscription(wiring.oversubscription);
  if (wiring.radix < 2) throw SpecError("radix", "a leaf needs at least 2 ports");
  (void)size_of(wiring, attached_nodes(plane, machine), machine.chips_per_node);
}

void check_wiring(const SharedPortWiring&, const PlaneSpec&, const TopologySpec&) {}

}  // namespace

std::vector<AttachedNode> attached_nodes(const PlaneSpec& plane, const TopologySpec& machine) {
  for (const AttachmentSpec& attachment : plane.groups) {
    const bool known = std::any_of(machine.groups.begin(), machine.groups.end(),
                                   [&](const NodeGroupSpec& group) { return group.name == attachment.group; });
    if (!known) {
      throw SpecError("groups", "the machine has no group '" + attachment.group + "'; it has: " + group_names(machine));
    }
  }
  std::vector<AttachedNode> nodes;
  std::uint32_t chip = 0;
  for (const NodeGroupSpec& group : machine.groups) {
    const auto attachment = std::find_if(plane.groups.begin(), plane.groups.end(),
                                         [&](const AttachmentSpec& one) { return one.group == group.name; });
    const bool attached = plane.groups.empty() || attachment != plane.groups.end();
    for (std::uint32_t i = 0; i < group.nodes; ++i, chip += machine.chips_per_node) {
      if (attached)
        nodes.push_back({.first_chip = chip, .links = plane.groups.empty() ? plane.links : attachment->links});
    }
  }
  return nodes;
}

LeafSpineSize size_of(const LeafSpineWiring& wiring, const std::vector<AttachedNode>& nodes,
                      std::uint32_t chips_per_node) {
  std::uint32_t links = 1;
  for (const AttachedNode& node : nodes) links = std::max(links, node.links);
  // A tiny surplus keeps 64 * 3 / 4 = 48 from becoming 47 in floating point.
  const double share = wiring.oversubscription / (1.0 + wiring.oversubscription);
  const auto down = static_cast<std::uint32_t>(std::floor(wiring.radix * share + 1e-9));
  const std::uint32_t needed = wiring.rails ? links : links * chips_per_node;
  if (down < needed) {
    throw SpecError("radix", "a leaf of " + std::to_string(wiring.radix) + " ports has " + std::to_string(down) +
                                 " of them downwards, fewer than the " + std::to_string(needed) + " links of a node");
  }
  LeafSpineSize size;
  size.nodes_per_leaf = down / needed;
  const auto count = static_cast<std::uint32_t>(nodes.size());
  const std::uint32_t blocks = (count + size.nodes_per_leaf - 1) / size.nodes_per_leaf;
  size.leaves = blocks * (wiring.rails ? chips_per_node : 1);
  if (size.leaves > 1 && size.leaves > wiring.spine_radix) {
    throw SpecError("spine_radix", std::to_string(size.leaves) + " leaves need spines with as many ports, not " +
                                       std::to_string(wiring.spine_radix) +
                                       "; raise it to stand for a third tier, or raise radix");
  }
  return size;
}

bool joins_all_chips(const PlaneSpec& plane, const TopologySpec& machine) {
  const std::size_t nodes = attached_nodes(plane, machine).size();
  if (nodes * machine.chips_per_node != chips_of(machine)) return false;
  if (std::holds_alternative<MeshWiring>(plane.wiring)) return nodes == 1;
  if (const auto* switched = std::get_if<SwitchedWiring>(&plane.wiring)) {
    return switched->spines > 0 || nodes <= switched->nodes_per_domain;
  }
  return true;
}

void validate(const NodeGroupSpec& group) {
  if (group.chip.empty()) throw SpecError("chip", "must name a chip of the catalogue");
  if (group.nodes == 0) throw SpecError("nodes", "must be at least 1");
}

void validate(const PlaneSpec& plane, const TopologySpec& machine) {
  if (plane.link.value() <= 0.0) throw SpecError("link", "must be more than 0");
  if (plane.links == 0) throw SpecError("links", "must be at least 1");
  for (const AttachmentSpec& attachment : plane.groups) {
    if (attachment.links == 0) throw SpecError("groups", "'" + attachment.group + "' must have at least 1 link a chip");
  }
  check_share("efficiency", plane.efficiency);
  check_share("path_efficiency", plane.path_efficiency);
  if (attached_nodes(plane, machine).empty()) throw SpecError("groups", "no node is on this plane");
  if (has_upper_tier(plane) && plane.latency_across < plane.latency) {
    throw SpecError("latency_across", "must be given, and at least `latency`: one way between two domains");
  }
  std::visit([&](const auto& wiring) { check_wiring(wiring, plane, machine); }, plane.wiring);
}

void validate(const TopologySpec& machine) {
  if (machine.groups.empty()) throw SpecError("groups", "a machine needs at least one group of nodes");
  if (machine.chips_per_node == 0) throw SpecError("chips_per_node", "must be at least 1");
  if (machine.nodes_per_rack == 0) throw SpecError("nodes_per_rack", "must be at least 1");
  for (const NodeGroupSpec& group : machine.groups) validate(group);
  if (chips_of(machine) > kMostChips) {
    throw SpecError("nodes", std::to_string(chips_of(machine)) + " chips are more than the " +
                                 std::to_string(kMostChips) + " that can be drawn");
  }
  if (machine.planes.empty()) throw SpecError("planes", "a machine needs at least one plane");
  for (const PlaneSpec& plane : machine.planes) validate(plane, machine);
  const bool joined = std::any_of(machine.planes.begin(), machine.planes.end(),
                                  [&](const PlaneSpec& plane) { return joins_all_chips(plane, machine); });
  if (!joined) throw SpecError("planes", "no plane joins all chips; add one that does (kind: leaf_spine)");
}

}  // namespace tokenyard::topologies
