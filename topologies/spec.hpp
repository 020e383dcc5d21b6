#pragma once

#include "models/base/units.hpp"
#include "topologies/store.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace tokenyard::topologies {

/// Equal nodes (servers, compute trays) with one kind of chip.
struct NodeGroupSpec {
  std::string name;  ///< "decode"; empty in a machine of one group
  std::string chip;  ///< catalogue name of the chip
  std::uint32_t nodes = 1;
  std::optional<std::uint32_t> chips_per_node;  ///< absent = the machine's
  std::string site;                             ///< where it stands; empty in a machine of one site
  Watts node_power;                             ///< of a node at full load, chips included; 0 = not known
};

/// Every chip linked to every other chip of its node, without switches.
struct MeshWiring {};

/// The chips of a domain (some whole nodes) meet on parallel first switches. With spines > 0 there is a second tier:
/// the s-th switches of all domains are joined by `spines` switches of their own (sub-plane s), one cable to each.
/// NVL72: 18 nodes a domain, 18 switches, no spines. CloudMatrix UB: 1 node a domain, 7 switches, 16 spines.
struct SwitchedWiring {
  std::uint32_t nodes_per_domain = 1;
  std::uint32_t switches = 1;            ///< first switches of a domain; a chip's links are dealt out over them
  std::uint32_t spines = 0;              ///< second-tier switches of a sub-plane; 0 = domains are not joined
  double oversubscription = 1.0;         ///< rate from the chips into a first switch over its rate upwards
  std::optional<std::uint32_t> radix{};  ///< ports of a first switch; absent: as many as are needed
};

/// Leaves of `radix` ports with NICs below and spines above, every leaf on every spine.
struct LeafSpineWiring {
  std::uint32_t radix = 64;            ///< ports of a leaf; radix * o / (1 + o) of them look down
  std::uint32_t spine_radix = 64;      ///< ports of a spine: with two tiers as many leaves at most, else as many a pod
                                       ///< as look down
  double oversubscription = 1.0;       ///< o
  bool rails = false;                  ///< false: leaves hold whole nodes; true: leaf r of a block holds chip r of each
                                       ///< node
  std::uint32_t tiers = 2;             ///< 3: where a spine has too few ports for all leaves, pods of leaves and spines
                                       ///< under core switches of `spine_radix` ports
  double core_oversubscription = 1.0;  ///< tiers = 3: rate below a spine over rate above it
};

/// One port of a node, shared by its chips; above it one switch that does not block.
struct SharedPortWiring {};

/// A torus without switches: every chip is cabled to its neighbours in up to three dimensions. The chips of a plane are
/// cut into slices of dims[0] * dims[1] * dims[2], each a torus of its own; torus.hpp says how they are numbered.
struct TorusWiring {
  std::array<std::uint32_t, 3> dims{1, 1, 1};  ///< chips along x, y, z; 1 = no such dimension
  bool wrap = true;  ///< the ends of a dimension are joined (from three chips on); false: a mesh
};

/// Every chip linked to every other of its node, and all nodes linked to all others by `global_links` of each chip,
/// dealt out over the other nodes.
struct DragonflyWiring {
  std::uint32_t global_links = 1;
};

/// Sites joined over a wide area: the NICs of a site under its gateway, the gateways under a core that does not block.
/// A flow between sites gets at most streams * window / round trip.
struct WanWiring {
  BytesPerSecond uplink;      ///< of a site, per direction
  Bytes window;               ///< bytes a stream may have under way
  std::uint32_t streams = 1;  ///< parallel connections of a flow
};

/// Every chip linked to the processor it hangs on (PCIe, NVLink-C2C). The chips of a node are dealt out over its
/// processors, neighbours to one; no way between these is drawn. It joins chips to stores, and is never the plane of
/// collectives by default.
struct HostWiring {
  std::uint32_t cpus = 1;  ///< of a node
};

/// Links that carry less than they should: a node's, or those that lead out of a leaf domain.
struct Degraded {
  std::optional<std::uint32_t> node;    ///< through all groups
  std::optional<std::uint32_t> domain;  ///< as Topology::domain() numbers them; one of the two is given
  double factor = 1.0;                  ///< of the rate, above 0
  std::string name{};                   ///< for the reader
};

/// Which cables of a plane are optical: none, those above the first switches, or all.
enum class Optics : std::uint8_t { None, Upper, All };

/// The slowest that a link may be after everything that takes a share of it, and a device of a store. Far below any
/// network of a data centre; transfers over less would outlast simulated time.
inline constexpr BytesPerSecond kSlowestLink{1e6};

/// Chips of one group on a plane.
struct AttachmentSpec {
  std::string group;        ///< NodeGroupSpec::name
  std::uint32_t links = 1;  ///< of one chip
};

/// One network of the machine.
struct PlaneSpec {
  std::string name;
  std::variant<MeshWiring, SwitchedWiring, LeafSpineWiring, SharedPortWiring, TorusWiring, DragonflyWiring, WanWiring,
               HostWiring>
      wiring;
  bool front_end = false;              ///< carries requests, weights and storage; not the scale-out plane
  BytesPerSecond link;                 ///< one link (cable, NIC, shared port), per direction
  std::uint32_t links = 1;             ///< of one chip; in a mesh: between two chips; in a torus: to a neighbour
  std::vector<AttachmentSpec> groups;  ///< empty: every group, with `links`
  Seconds latency;                     ///< one way between two chips of a domain; in a torus: of one hop
  Seconds latency_across;              ///< one way between two domains; read only where the wiring joins domains
  Seconds latency_pods;                ///< one way between two pods; read only with three tiers
  double efficiency = 1.0;             ///< payload over wire rate
  double path_efficiency = 1.0;        ///< of the trunks above the first switches
  bool in_network_reduction = false;   ///< its switches can add up what they carry (NVLS, SHARP)
  double in_service = 1.0;             ///< share of all links of the plane that work
  std::vector<Degraded> degraded;
  Optics optics = Optics::None;
  std::uint32_t links_per_transceiver = 1;  ///< of an optical module at the end of cables
  Watts switch_power;                       ///< of one switch, where the nodes' power does not hold it
};

/// Memory, drives or storage nodes on a plane: flows end there as they do at chips.
struct StoreSpec {
  std::string name;
  StoreKind kind = StoreKind::Host;
  std::optional<std::string> plane;    ///< on which chips reach it; absent: the scale-out plane
  std::optional<std::uint32_t> nodes;  ///< machines of its own, above the leaf domains of the plane (of the first of
                                       ///< several sites); absent: one device in every leaf domain
  BytesPerSecond link;                 ///< one link of a device to the plane, per direction, wire rate
  std::uint32_t links = 1;             ///< of a device
  BytesPerSecond read;                 ///< of a device's memory or drives, towards the chips; 0: as its links
  BytesPerSecond write;                ///< likewise, from the chips
  Seconds latency;                     ///< of the device, before the first byte of a read
  Bytes capacity;                      ///< of a device
};

/// A machine = groups of nodes + planes + stores. The first plane is the scale-up plane.
struct TopologySpec {
  std::string name;
  std::vector<NodeGroupSpec> groups;
  std::uint32_t chips_per_node = 8;
  std::uint32_t nodes_per_rack = 4;
  std::vector<PlaneSpec> planes;
  std::vector<StoreSpec> stores{};

  [[nodiscard]] std::uint32_t chips_per_node_of(const NodeGroupSpec& group) const {
    return group.chips_per_node.value_or(chips_per_node);
  }
};

/// A node that a plane reaches. Nodes are numbered through all groups, chips through all nodes.
struct AttachedNode {
  std::uint32_t first_chip = 0;
  std::uint32_t links = 1;  ///< of each of its chips
  std::uint32_t chips = 0;
  std::uint32_t node = 0;
  std::uint32_t site = 0;  ///< index into site_names()
};

/// Sites in order of their first group; one empty name for a machine without sites.
[[nodiscard]] std::vector<std::string> site_names(const TopologySpec& machine);

/// Nodes of a plane in order. Throws SpecError("groups") for a group that the machine does not have.
[[nodiscard]] std::vector<AttachedNode> attached_nodes(const PlaneSpec& plane, const TopologySpec& machine);
/// The same site by site; sites that the plane does not reach are left out.
[[nodiscard]] std::vector<std::vector<AttachedNode>> nodes_by_site(const PlaneSpec& plane, const TopologySpec& machine);

/// What a leaf-spine over the nodes of one site comes to; throws SpecError("radix" or "spine_radix") when it cannot be
/// built.
struct LeafSpineSize {
  std::uint32_t nodes_per_leaf = 0;    ///< whole nodes; with rails: nodes of a block, one leaf a chip of the node
  std::uint32_t leaves_per_block = 1;  ///< 1; with rails: chips of the largest node
  std::uint32_t leaves = 0;
  std::uint32_t leaves_per_pod = 0;  ///< = leaves where two tiers are enough
};
[[nodiscard]] LeafSpineSize size_of(const LeafSpineWiring& wiring, const std::vector<AttachedNode>& nodes);

/// Whether the plane may be the scale-out plane: none to other sites, to hosts, or of the front end.
[[nodiscard]] bool joins_by_default(const PlaneSpec& plane);

/// Place of the plane that a store names, or of the scale-out plane: the last that joins all chips of a site.
[[nodiscard]] std::size_t plane_of(const StoreSpec& store, const TopologySpec& machine);

/// Two chips, or a group of them, that show why a plane does not give every chip of the machine a way to every other
/// one of its site (a WAN: of all sites); absent where it does.
[[nodiscard]] std::optional<std::string> gap_of(const PlaneSpec& plane, const TopologySpec& machine);

/// Throw SpecError with the key at fault ("nodes", "chip", "link", "radix", ...).
void validate(const NodeGroupSpec& group);
void validate(const PlaneSpec& plane, const TopologySpec& machine);
/// REQUIRES: the machine's planes are valid.
void validate(const StoreSpec& store, const TopologySpec& machine);
/// Everything above, and that some plane joins all chips.
void validate(const TopologySpec& machine);

}  // namespace tokenyard::topologies
