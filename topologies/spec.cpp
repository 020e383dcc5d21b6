#include "topologies/spec.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>
#include <utility>

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

/// The rate of a link, share by share: the key at which it falls below what a link may be is the one at fault.
class LinkRate {
 public:
  LinkRate(const char* field, BytesPerSecond rate) : rate_(rate) { check(field, "is"); }
  LinkRate& take(const std::string& field, double share) {
    rate_ *= share;
    check(field, "leaves a link");
    return *this;
  }

 private:
  void check(const std::string& field, const char* verb) const {
    if (rate_ >= kSlowestLink) return;
    std::ostringstream why;
    why << verb << " " << rate_.value() << " B/s; at least 1 MB/s is needed";
    throw SpecError(field, why.str());
  }
  BytesPerSecond rate_;
};

void check_oversubscription(double ratio) {
  if (!(ratio >= 1.0) || !std::isfinite(ratio)) {
    throw SpecError("oversubscription", "must be at least 1 (rate below a first switch over rate above it)");
  }
}

std::uint64_t chips_of(const TopologySpec& machine) {
  std::uint64_t chips = 0;
  for (const NodeGroupSpec& group : machine.groups) {
    chips += std::uint64_t{group.nodes} * machine.chips_per_node_of(group);
  }
  return chips;
}

/// Whether the wiring has cables above the first switches, so that latency_across counts.
bool has_upper_tier(const PlaneSpec& plane) {
  if (const auto* switched = std::get_if<SwitchedWiring>(&plane.wiring)) return switched->spines > 0;
  return !std::holds_alternative<MeshWiring>(plane.wiring) && !std::holds_alternative<TorusWiring>(plane.wiring) &&
         !std::holds_alternative<DragonflyWiring>(plane.wiring) && !std::holds_alternative<HostWiring>(plane.wiring);
}

/// Whether stores can hang on it.
bool has_first_switches(const PlaneSpec& plane) {
  return std::holds_alternative<SwitchedWiring>(plane.wiring) ||
         std::holds_alternative<LeafSpineWiring>(plane.wiring) ||
         std::holds_alternative<SharedPortWiring>(plane.wiring) || std::holds_alternative<HostWiring>(plane.wiring);
}

/// Whether its leaf domains meet, in every site. REQUIRES: has_first_switches(plane).
bool joins_domains(const PlaneSpec& plane, const TopologySpec& machine) {
  for (const auto& nodes : nodes_by_site(plane, machine)) {
    if (const auto* host = std::get_if<HostWiring>(&plane.wiring); host != nullptr && nodes.size() * host->cpus > 1) {
      return false;
    }
    if (const auto* switched = std::get_if<SwitchedWiring>(&plane.wiring);
        switched != nullptr && switched->spines == 0 && nodes.size() > switched->nodes_per_domain) {
      return false;
    }
  }
  return true;
}

void require_pairs(const char* what, const PlaneSpec& plane, const TopologySpec& machine) {
  for (const AttachedNode& node : attached_nodes(plane, machine)) {
    if (node.chips < 2) {
      throw SpecError("kind", std::string(what) + " needs at least 2 chips in a node (chips_per_node)");
    }
  }
}

void check_wiring(const MeshWiring&, const PlaneSpec& plane, const TopologySpec& machine) {
  require_pairs("a mesh", plane, machine);
}

void check_wiring(const TorusWiring& wiring, const PlaneSpec& plane, const TopologySpec& machine) {
  std::uint64_t slice = 1;
  for (const std::uint32_t dim : wiring.dims) {
    if (dim == 0) throw SpecError("dims", "every dimension has at least 1 chip");
    slice *= dim;
  }
  if (slice < 2) throw SpecError("dims", "a torus has at least 2 chips");
  for (const auto& nodes : nodes_by_site(plane, machine)) {
    std::uint64_t chips = 0;
    for (const AttachedNode& node : nodes) chips += node.chips;
    if (chips % slice != 0) {
      throw SpecError("dims", std::to_string(chips) + " chips do not make whole slices of " + std::to_string(slice) +
                                  "; change dims or nodes");
    }
  }
}

void check_wiring(const DragonflyWiring& wiring, const PlaneSpec& plane, const TopologySpec& machine) {
  require_pairs("a dragonfly", plane, machine);
  if (wiring.global_links == 0) throw SpecError("global_links", "must be at least 1");
  for (const auto& nodes : nodes_by_site(plane, machine)) {
    const std::uint64_t out = std::uint64_t{nodes[0].chips} * wiring.global_links;
    for (const AttachedNode& node : nodes) {
      if (node.chips != nodes[0].chips)
        throw SpecError("groups", "the nodes of a dragonfly have equal numbers of chips");
    }
    if (out < nodes.size() - 1) {
      throw SpecError("global_links", "a node has " + std::to_string(out) + " global links, fewer than the " +
                                          std::to_string(nodes.size() - 1) + " other nodes");
    }
  }
}

void check_wiring(const WanWiring& wiring, const PlaneSpec& plane, const TopologySpec& machine) {
  if (site_names(machine).size() < 2) throw SpecError("kind", "a WAN joins at least 2 sites (`site` of the groups)");
  if (wiring.streams == 0) throw SpecError("streams", "must be at least 1");
  const double others = plane.efficiency * plane.path_efficiency * plane.in_service;
  LinkRate("uplink", wiring.uplink).take("uplink", others);
  if (plane.latency_across > Seconds{}) {
    LinkRate("window", wiring.window * static_cast<double>(wiring.streams) / (2.0 * plane.latency_across))
        .take("window", others);
  }
}

/// Ports that the first switch with the most of them has in use: chips below and, where domains are joined, as many
/// cables upwards as carry what comes from below.
void check_radix(const SwitchedWiring& wiring, const PlaneSpec& plane, const TopologySpec& machine) {
  for (const auto& nodes : nodes_by_site(plane, machine)) {
    const bool joined = wiring.spines > 0 && nodes.size() > wiring.nodes_per_domain;
    for (std::size_t first = 0; first < nodes.size(); first += wiring.nodes_per_domain) {
      std::uint64_t below = 0;  // of the first switch of a domain: no other has more
      for (std::size_t n = first; n < std::min<std::size_t>(first + wiring.nodes_per_domain, nodes.size()); ++n) {
        below += std::uint64_t{nodes[n].chips} * ((nodes[n].links + wiring.switches - 1) / wiring.switches);
      }
      const auto above =
          joined ? static_cast<std::uint64_t>(std::ceil(static_cast<double>(below) / wiring.oversubscription - 1e-9))
                 : std::uint64_t{0};
      if (below + above <= *wiring.radix) continue;
      throw SpecError("radix", "a first switch needs " + std::to_string(below) + " ports for its chips" +
                                   (joined ? " and " + std::to_string(above) + " upwards" : "") + ", not " +
                                   std::to_string(*wiring.radix) +
                                   "; take more `switches` or fewer `nodes_per_domain`");
    }
  }
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
  if (wiring.radix) check_radix(wiring, plane, machine);
}

void check_wiring(const LeafSpineWiring& wiring, const PlaneSpec& plane, const TopologySpec& machine) {
  check_oversubscription(wiring.oversubscription);
  if (wiring.radix < 2) throw SpecError("radix", "a leaf needs at least 2 ports");
  if (wiring.tiers != 2 && wiring.tiers != 3) throw SpecError("tiers", "is 2 or 3");
  if (wiring.tiers == 3) {
    if (!(wiring.core_oversubscription >= 1.0) || !std::isfinite(wiring.core_oversubscription)) {
      throw SpecError("core_oversubscription", "must be at least 1 (rate below a spine over rate above it)");
    }
    if (plane.latency_pods < plane.latency_across) {
      throw SpecError("latency_pods", "must be given, and at least `latency_across`: one way between two pods",
                      "latency_across");
    }
  }
  for (const auto& nodes : nodes_by_site(plane, machine)) (void)size_of(wiring, nodes);
}

void check_wiring(const SharedPortWiring&, const PlaneSpec&, const TopologySpec&) {}

void check_wiring(const HostWiring& wiring, const PlaneSpec& plane, const TopologySpec& machine) {
  if (wiring.cpus == 0) throw SpecError("cpus", "must be at least 1");
  for (const AttachedNode& node : attached_nodes(plane, machine)) {
    if (node.chips % wiring.cpus == 0) continue;
    throw SpecError("cpus", std::to_string(node.chips) + " chips of a node do not share " +
                                std::to_string(wiring.cpus) + " processors evenly");
  }
}

/// Of every leaf domain, in order, whether cables lead out of it that carry its traffic upwards.
std::vector<bool> trunks_of(const PlaneSpec& plane, const TopologySpec& machine) {
  std::vector<bool> trunks;
  for (const auto& nodes : nodes_by_site(plane, machine)) {
    std::size_t domains = nodes.size();
    bool joined = false;
    if (const auto* switched = std::get_if<SwitchedWiring>(&plane.wiring)) {
      domains = (nodes.size() + switched->nodes_per_domain - 1) / switched->nodes_per_domain;
      joined = switched->spines > 0 && domains > 1;
    } else if (const auto* leaf_spine = std::get_if<LeafSpineWiring>(&plane.wiring)) {
      domains = size_of(*leaf_spine, nodes).leaves;
      joined = domains > 1;
    } else if (std::holds_alternative<WanWiring>(plane.wiring)) {
      domains = 1;
      joined = true;
    } else {
      joined = std::holds_alternative<SharedPortWiring>(plane.wiring);
    }
    trunks.insert(trunks.end(), domains, joined);
  }
  return trunks;
}

/// "0 to 3, 8 to 11" of ascending numbers.
std::string ranges_text(const std::vector<std::uint32_t>& numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    text += (text.empty() ? "" : ", ") + std::to_string(numbers[i]);
    if (last > i) text += " to " + std::to_string(numbers[last]);
    i = last + 1;
  }
  return text;
}

/// That every entry names something there is, once. `rate` is what a link has before it.
void check_degraded(const PlaneSpec& plane, const TopologySpec& machine, const LinkRate& rate) {
  if (plane.degraded.empty()) return;
  std::vector<std::uint32_t> nodes;
  for (const AttachedNode& node : attached_nodes(plane, machine)) nodes.push_back(node.node);
  std::vector<std::uint32_t> domains;
  const std::vector<bool> trunks = trunks_of(plane, machine);
  for (std::uint32_t i = 0; i < trunks.size(); ++i) {
    if (trunks[i]) domains.push_back(i);
  }
  std::map<std::pair<bool, std::uint32_t>, std::string> seen;
  for (const Degraded& part : plane.degraded) {
    const std::string at = part.name.empty() ? "degraded" : "degraded." + part.name;
    if (part.node.has_value() == part.domain.has_value()) throw SpecError(at, "names a node or a domain");
    check_share((at + ".factor").c_str(), part.factor);
    LinkRate(rate).take(at + ".factor", part.factor);
    const std::string what = part.node ? "node" : "domain";
    const std::uint32_t number = part.node ? *part.node : *part.domain;
    const std::vector<std::uint32_t>& known = part.node ? nodes : domains;
    if (!std::binary_search(known.begin(), known.end(), number)) {
      const std::string which =
          part.node ? "'" + plane.name + "' has no node "
                    : "no cables that can be degraded lead out of a domain of '" + plane.name + "' numbered ";
      const std::string there = known.empty() ? "there are none; name a node" : "there are: " + ranges_text(known);
      throw SpecError(at + "." + what, which + std::to_string(number) + "; " + there);
    }
    const auto [first, is_new] = seen.emplace(std::pair{part.node.has_value(), number}, part.name);
    if (!is_new) {
      throw SpecError(at + "." + what,
                      what + " " + std::to_string(number) + " is degraded by '" + first->second + "' too; keep one");
    }
  }
}

}  // namespace

bool joins_by_default(const PlaneSpec& plane) {
  return !plane.front_end && !std::holds_alternative<WanWiring>(plane.wiring) &&
         !std::holds_alternative<HostWiring>(plane.wiring);
}

std::vector<AttachedNode> attached_nodes(const PlaneSpec& plane, const TopologySpec& machine) {
  for (const AttachmentSpec& attachment : plane.groups) {
    const bool known = std::any_of(machine.groups.begin(), machine.groups.end(),
                                   [&](const NodeGroupSpec& group) { return group.name == attachment.group; });
    if (!known) {
      throw SpecError("groups", "the machine has no group '" + attachment.group + "'; it has: " + group_names(machine));
    }
  }
  const std::vector<std::string> sites = site_names(machine);
  std::vector<AttachedNode> nodes;
  std::uint32_t chip = 0;
  std::uint32_t number = 0;
  for (const NodeGroupSpec& group : machine.groups) {
    const auto attachment = std::find_if(plane.groups.begin(), plane.groups.end(),
                                         [&](const AttachmentSpec& one) { return one.group == group.name; });
    const bool attached = plane.groups.empty() || attachment != plane.groups.end();
    const std::uint32_t chips = machine.chips_per_node_of(group);
    const auto site = static_cast<std::uint32_t>(std::find(sites.begin(), sites.end(), group.site) - sites.begin());
    for (std::uint32_t i = 0; i < group.nodes; ++i, ++number, chip += chips) {
      if (!attached) continue;
      nodes.push_back({.first_chip = chip,
                       .links = plane.groups.empty() ? plane.links : attachment->links,
                       .chips = chips,
                       .node = number,
                       .site = site});
    }
  }
  return nodes;
}

std::vector<std::vector<AttachedNode>> nodes_by_site(const PlaneSpec& plane, const TopologySpec& machine) {
  std::vector<std::vector<AttachedNode>> sites(site_names(machine).size());
  for (const AttachedNode& node : attached_nodes(plane, machine)) sites[node.site].push_back(node);
  std::erase_if(sites, [](const auto& nodes) { return nodes.empty(); });
  return sites;
}

std::vector<std::string> site_names(const TopologySpec& machine) {
  std::vector<std::string> names;
  for (const NodeGroupSpec& group : machine.groups) {
    if (std::find(names.begin(), names.end(), group.site) == names.end()) names.push_back(group.site);
  }
  return names;
}

LeafSpineSize size_of(const LeafSpineWiring& wiring, const std::vector<AttachedNode>& nodes) {
  std::uint32_t most_links = 1;
  std::uint32_t links_of_node = 1;
  LeafSpineSize size;
  for (const AttachedNode& node : nodes) {
    most_links = std::max(most_links, node.links);
    links_of_node = std::max(links_of_node, node.links * node.chips);
    if (wiring.rails) size.leaves_per_block = std::max(size.leaves_per_block, node.chips);
  }
  // A tiny surplus keeps 64 * 3 / 4 = 48 from becoming 47 in floating point.
  const auto downwards = [](std::uint32_t ports, double ratio) {
    return static_cast<std::uint32_t>(std::floor(ports * (ratio / (1.0 + ratio)) + 1e-9));
  };
  const std::uint32_t down = downwards(wiring.radix, wiring.oversubscription);
  const std::uint32_t needed = wiring.rails ? most_links : links_of_node;
  if (down < needed) {
    throw SpecError("radix", "a leaf of " + std::to_string(wiring.radix) + " ports has " + std::to_string(down) +
                                 " of them downwards, fewer than the " + std::to_string(needed) + " links of a node");
  }
  size.nodes_per_leaf = down / needed;
  const auto count = static_cast<std::uint32_t>(nodes.size());
  const std::uint32_t blocks = (count + size.nodes_per_leaf - 1) / size.nodes_per_leaf;
  size.leaves = blocks * size.leaves_per_block;
  size.leaves_per_pod = size.leaves;
  if (wiring.tiers == 3 && size.leaves > wiring.spine_radix) {
    // Whole blocks: a node's rails stay in one pod.
    const std::uint32_t most = downwards(wiring.spine_radix, wiring.core_oversubscription);
    size.leaves_per_pod = most / size.leaves_per_block * size.leaves_per_block;
    if (size.leaves_per_pod == 0) {
      throw SpecError("spine_radix", "a spine of " + std::to_string(wiring.spine_radix) + " ports has " +
                                         std::to_string(most) + " of them downwards, fewer than the " +
                                         std::to_string(size.leaves_per_block) + " leaves of a node's rails");
    }
    return size;
  }
  if (size.leaves > 1 && size.leaves > wiring.spine_radix) {
    throw SpecError("spine_radix", std::to_string(size.leaves) + " leaves need spines with as many ports, not " +
                                       std::to_string(wiring.spine_radix) + "; `tiers: 3` adds core switches");
  }
  return size;
}

std::size_t plane_of(const StoreSpec& store, const TopologySpec& machine) {
  std::size_t last = 0;
  for (std::size_t i = 0; i < machine.planes.size(); ++i) {
    const PlaneSpec& plane = machine.planes[i];
    if (store.plane ? plane.name == *store.plane : joins_by_default(plane) && !gap_of(plane, machine)) last = i;
  }
  return last;
}

std::optional<std::string> gap_of(const PlaneSpec& plane, const TopologySpec& machine) {
  std::uint64_t reached = 0;
  for (const auto& nodes : nodes_by_site(plane, machine)) {
    const auto apart = [&](std::uint64_t chip) {
      return "'" + plane.name + "' does not join chip " + std::to_string(nodes[0].first_chip) + " to chip " +
             std::to_string(chip);
    };
    std::uint64_t chips = 0;
    for (const AttachedNode& node : nodes) chips += node.chips;
    reached += chips;
    if (std::holds_alternative<MeshWiring>(plane.wiring) && nodes.size() > 1) return apart(nodes[1].first_chip);
    if (const auto* host = std::get_if<HostWiring>(&plane.wiring)) {
      if (host->cpus > 1) return apart(nodes[0].first_chip + nodes[0].chips / host->cpus);
      if (nodes.size() > 1) return apart(nodes[1].first_chip);
    }
    if (const auto* switched = std::get_if<SwitchedWiring>(&plane.wiring);
        switched != nullptr && switched->spines == 0 && nodes.size() > switched->nodes_per_domain) {
      return apart(nodes[switched->nodes_per_domain].first_chip);
    }
    if (const auto* torus = std::get_if<TorusWiring>(&plane.wiring)) {
      const std::uint64_t slice = std::uint64_t{torus->dims[0]} * torus->dims[1] * torus->dims[2];
      if (chips != slice) return apart(nodes[0].first_chip + slice);
    }
  }
  if (reached == chips_of(machine)) return {};
  for (const NodeGroupSpec& group : machine.groups) {
    const bool attached = std::any_of(plane.groups.begin(), plane.groups.end(),
                                      [&](const AttachmentSpec& one) { return one.group == group.name; });
    if (!attached) return "'" + plane.name + "' has no link for the " + group.chip + " of group '" + group.name + "'";
  }
  return "'" + plane.name + "' does not reach every chip";
}

void validate(const NodeGroupSpec& group) {
  if (group.chip.empty()) throw SpecError("chip", "must name a chip of the catalogue");
  if (group.nodes == 0) throw SpecError("nodes", "must be at least 1");
  if (group.chips_per_node && *group.chips_per_node == 0) throw SpecError("chips_per_node", "must be at least 1");
}

void validate(const PlaneSpec& plane, const TopologySpec& machine) {
  if (plane.links == 0) throw SpecError("links", "must be at least 1");
  for (const AttachmentSpec& attachment : plane.groups) {
    if (attachment.links == 0) throw SpecError("groups", "'" + attachment.group + "' must have at least 1 link a chip");
  }
  check_share("efficiency", plane.efficiency);
  check_share("path_efficiency", plane.path_efficiency);
  check_share("in_service", plane.in_service);
  LinkRate rate = LinkRate("link", plane.link)
                      .take("efficiency", plane.efficiency)
                      .take("path_efficiency", plane.path_efficiency)
                      .take("in_service", plane.in_service);
  if (plane.links_per_transceiver == 0) throw SpecError("links_per_transceiver", "must be at least 1");
  if (attached_nodes(plane, machine).empty()) throw SpecError("groups", "no node is on this plane");
  if (has_upper_tier(plane) && plane.latency_across < plane.latency) {
    throw SpecError("latency_across", "must be given, and at least `latency`: one way between two domains", "latency");
  }
  std::visit([&](const auto& wiring) { check_wiring(wiring, plane, machine); }, plane.wiring);
  if (const auto* switched = std::get_if<SwitchedWiring>(&plane.wiring)) {
    rate.take("oversubscription", 1.0 / switched->oversubscription);
  } else if (const auto* leaf_spine = std::get_if<LeafSpineWiring>(&plane.wiring)) {
    rate.take("oversubscription", 1.0 / leaf_spine->oversubscription)
        .take("core_oversubscription", 1.0 / leaf_spine->core_oversubscription);
  }
  check_degraded(plane, machine, rate);
}

void validate(const StoreSpec& store, const TopologySpec& machine) {
  const LinkRate link("link", store.link);
  if (store.links == 0) throw SpecError("links", "must be at least 1");
  if (store.read != BytesPerSecond{}) const LinkRate read("read", store.read);
  if (store.write != BytesPerSecond{}) const LinkRate write("write", store.write);
  if (store.capacity.value() <= 0.0) throw SpecError("capacity", "must be more than 0");
  if (store.nodes) {
    if (*store.nodes == 0) throw SpecError("nodes", "must be at least 1");
    if (store.kind != StoreKind::Pool) {
      throw SpecError("nodes", "are of a pool; memory and drives of hosts stand in every leaf domain of their plane");
    }
  }
  if (store.plane && std::none_of(machine.planes.begin(), machine.planes.end(),
                                  [&](const PlaneSpec& one) { return one.name == *store.plane; })) {
    std::string all;
    for (const PlaneSpec& one : machine.planes) all += (all.empty() ? "" : ", ") + one.name;
    throw SpecError("plane", "the machine has no plane '" + *store.plane + "'; it has: " + all);
  }
  const PlaneSpec& plane = machine.planes[plane_of(store, machine)];
  if (!has_first_switches(plane)) {
    throw SpecError("plane", "'" + plane.name + "' has no switches for '" + store.name +
                                 "' to hang on; name a plane of kind host, switched, leaf_spine or shared_port");
  }
  if (store.kind == StoreKind::Pool && !joins_domains(plane, machine)) {
    throw SpecError("plane", "'" + plane.name + "' does not join its leaf domains, which would share '" + store.name +
                                 "'; name a plane that does");
  }
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
  if (std::holds_alternative<HostWiring>(machine.planes[0].wiring) || machine.planes[0].front_end) {
    throw SpecError("planes", "the first plane, '" + machine.planes[0].name +
                                  "', carries collectives; planes to hosts and front ends come behind it");
  }
  for (const StoreSpec& store : machine.stores) validate(store, machine);
  const auto joined = [&](bool wide) {
    return std::any_of(machine.planes.begin(), machine.planes.end(), [&](const PlaneSpec& plane) {
      const bool fits = wide ? std::holds_alternative<WanWiring>(plane.wiring) : joins_by_default(plane);
      return fits && !gap_of(plane, machine);
    });
  };
  const std::vector<std::string> sites = site_names(machine);
  const std::string where = sites.size() > 1 ? "all chips of a site" : "all chips";
  if (!joined(false)) {
    std::string gaps;
    for (const PlaneSpec& plane : machine.planes) {
      if (!joins_by_default(plane)) continue;
      gaps += (gaps.empty() ? ": " : ", ") + gap_of(plane, machine).value_or("");
    }
    throw SpecError("planes", "no plane joins " + where + gaps + "; add one that does (kind: leaf_spine)");
  }
  if (sites.size() < 2) return;
  if (std::find(sites.begin(), sites.end(), "") != sites.end()) {
    throw SpecError("groups", "a machine with sites names the `site` of every group");
  }
  if (!joined(true)) throw SpecError("planes", "no plane joins the sites; add one that does (kind: wan)");
}

}  // namespace tokenyard::topologies
