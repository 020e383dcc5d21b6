#pragma once

#include "models/base/units.hpp"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace tokenyard::topologies {

/// Equal nodes (servers, compute trays) with one kind of chip.
struct NodeGroupSpec {
  std::string name;  ///< "decode"; empty in a machine of one group
  std::string chip;  ///< catalogue name of the chip
  std::uint32_t nodes = 1;
};

/// Every chip linked to every other chip of its node, without switches.
struct MeshWiring {};

/// The chips of a domain (some whole nodes) meet on parallel first switches. With spines > 0 there is a second tier:
/// the s-th switches of all domains are joined by `spines` switches of their own (sub-plane s), one cable to each.
/// NVL72: 18 nodes a domain, 18 switches, no spines. CloudMatrix UB: 1 node a domain, 7 switches, 16 spines.
struct SwitchedWiring {
  std::uint32_t nodes_per_domain = 1;
  std::uint32_t switches = 1;     ///< first switches of a domain; a chip's links are dealt out over them
  std::uint32_t spines = 0;       ///< second-tier switches of a sub-plane; 0 = domains are not joined
  double oversubscription = 1.0;  ///< rate from the chips into a first switch over its rate upwards
};

/// Leaves of `radix` ports with NICs below and spines above, every leaf on every spine.
struct LeafSpineWiring {
  std::uint32_t radix = 64;        ///< ports of a leaf; radix * o / (1 + o) of them look down
  std::uint32_t spine_radix = 64;  ///< ports of a spine: as many leaves at most
  double oversubscription = 1.0;   ///< o
  bool rails = false;              ///< false: leaves hold whole nodes; true: leaf r of a pod holds chip r of each node
};

/// One port of a node, shared by its chips; above it one switch that does not block.
struct SharedPortWiring {};

/// Chips of one group on a plane.
struct AttachmentSpec {
  std::string group;        ///< NodeGroupSpec::name
  std::uint32_t links = 1;  ///< of one chip
};

/// One network of the machine.
struct PlaneSpec {
  std::string name;
  std::variant<MeshWiring, SwitchedWiring, LeafSpineWiring, SharedPortWiring> wiring;
  BytesPerSecond link;                 ///< one link (cable, NIC, shared port), per direction
  std::uint32_t links = 1;             ///< of one chip; in a mesh: between two chips
  std::vector<AttachmentSpec> groups;  ///< empty: every group, with `links`
  Seconds latency;                     ///< one way between two chips of a domain
  Seconds latency_across;              ///< one way between two domains; read only where the wiring joins domains
  double efficiency = 1.0;             ///< payload over wire rate
  double path_efficiency = 1.0;        ///< of the trunks above the first switches
};

/// A machine = groups of nodes + planes. The first plane is the scale-up plane.
struct TopologySpec {
  std::string name;
  std::vector<NodeGroupSpec> groups;
  std::uint32_t chips_per_node = 8;
  std::uint32_t nodes_per_rack = 4;
  std::vector<PlaneSpec> planes;
};

/// A node that a plane reaches. Nodes are numbered through all groups, chips through all nodes.
struct AttachedNode {
  std::uint32_t first_chip = 0;
  std::uint32_t links = 1;  ///< of each of its chips
};

/// Nodes of a plane in order. Throws SpecError("groups") for a group that the machine does not have.
[[nodiscard]] std::vector<AttachedNode> attached_nodes(const PlaneSpec& plane, const TopologySpec& machine);

/// What a leaf-spine of whole nodes or rails comes to; throws SpecError("radix" or "spine_radix") when it cannot be
/// built.
struct LeafSpineSize {
  std::uint32_t nodes_per_leaf = 0;  ///< whole nodes; with rails: nodes of a pod, one leaf a chip of the node
  std::uint32_t leaves = 0;
};
[[nodiscard]] LeafSpineSize size_of(const LeafSpineWiring& wiring, const std::vector<AttachedNode>& nodes,
                                    std::uint32_t chips_per_node);

/// Whether a plane gives every chip of the machine a way to every other one.
[[nodiscard]] bool joins_all_chips(const PlaneSpec& plane, const TopologySpec& machine);

/// Throw SpecError with the key at fault ("nodes", "chip", "link", "radix", ...).
void validate(const NodeGroupSpec& group);
void validate(const PlaneSpec& plane, const TopologySpec& machine);
/// Everything above, and that some plane joins all chips.
void validate(const TopologySpec& machine);

}  // namespace tokenyard::topologies
