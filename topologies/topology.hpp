#pragma once

#include "models/base/ids.hpp"
#include "models/base/units.hpp"
#include "topologies/plane_paths.hpp"
#include "topologies/store.hpp"
#include "topologies/torus.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tokenyard::topologies {

/// Where a chip stands.
struct ChipPlace {
  std::string kind;        ///< catalogue name of the chip, "gb200"
  std::uint32_t node = 0;  ///< server or compute tray
  std::uint32_t rack = 0;
  std::string site;  ///< empty in a machine of one site
};

/// One network of the machine: "nvlink", "ib", "ub", "rdma", "vpc".
struct PlaneInfo {
  std::string name;
  std::uint32_t domains = 0;     ///< leaf domains: chips that meet without leaving their first switches
  std::uint32_t pods = 0;        ///< groups of leaf domains that meet below the core switches; 0 without a third tier
  double efficiency = 1.0;       ///< share of the wire rate that payload can get (protocol, headers)
  double path_efficiency = 1.0;  ///< share of the trunk rate above the leaf (hashing, adaptive routing)
  bool in_network_reduction = false;  ///< switches can add up what they carry
  bool wide_area = false;             ///< joins sites; collectives do not run over it
  bool aside = false;                 ///< to hosts, or a front end: not the scale-out plane
  bool front_end = false;             ///< carries requests, weights and storage
  BytesPerSecond flow_limit;          ///< of one flow between two domains (streams * window / round trip); 0 = none
};

/// `count` alike cables side by side.
struct CableSpec {
  std::uint32_t count = 1;
  BytesPerSecond rate;     ///< of one, per direction
  Seconds latency;         ///< one way, its share of the devices at its ends included
  std::uint32_t tier = 0;  ///< 1: leads out of a leaf domain though it ends at chips (dragonfly); 2: out of a pod
};

/// A cable of a plane's drawing, between two vertices.
struct DrawnCable {
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  CableSpec cable;
};

/// A device of a store with its cables to switches, shared ports or processors of the plane. Devices are no vertices:
/// no path leads through one.
struct DrawnDevice {
  struct Cable {
    std::uint32_t to = 0;  ///< vertex
    CableSpec cable;
  };
  StoreId store;
  std::uint32_t number = 0;             ///< of the store's
  std::vector<Cable> cables;            ///< at least one
  std::optional<std::uint32_t> domain;  ///< leaf domain that it stands in; absent: above all of them
};

/// What a set of chips sees of one plane; derived from the graph.
struct GroupView {
  std::uint32_t ranks = 1;
  std::uint32_t domains = 1;
  BytesPerSecond port;  ///< narrowest chip port on the plane, per direction, efficiency included; of direct cables to
                        ///< other chips (mesh) only those that lead to chips of the set count, and one of a chip that
                        ///< reaches the set through others (torus)
  BytesPerSecond exchange;  ///< what a chip can send when each sends evenly to all others of its domain: = port, but in
                            ///< a torus what its links carry of such traffic (torus.hpp)
  BytesPerSecond uplink;    ///< a chip's share towards other domains, the least of the domains: min(port, trunk of its
                            ///< domain * efficiency * path_efficiency / chips of the domain), and likewise of its pod
                            ///< where the set spans pods; = port when domains == 1; 0 when the plane does not lead from
                            ///< one domain to the other
  Seconds latency;          ///< longest one-way path between two of the chips; pairs without a path do not count
  Seconds latency_inside;   ///< the same of two chips of a domain
  Seconds neighbour;        ///< = latency_inside, in a torus that of one cable
};

/// One leaf domain of a plane with the flows' endpoints in it, as sim/engine renders it.
struct FlowDomain {
  std::string name;
  BytesPerSecond trunk;   ///< per direction towards the other domains, efficiencies included; 0 = nothing beyond it
  std::uint32_t pod = 0;  ///< index into FlowNetwork::pods, where there are any
};

/// Leaf domains below common spines, where a third tier joins several of these.
struct FlowPod {
  std::string name;
  BytesPerSecond trunk;  ///< per direction towards the other pods, efficiencies included
};

/// NICs of one group of chips in one domain: a flow starts or ends here.
struct FlowEndpoint {
  std::string name;
  std::uint32_t domain = 0;  ///< index into FlowNetwork::domains
  BytesPerSecond bandwidth;  ///< all the group's ports together, per direction, efficiency included; of direct cables
                             ///< to other chips only those that leave the group
  BytesPerSecond receive{};  ///< what it takes in, where that is other than `bandwidth`; 0 = the same
};

/// Where flows of a store start and end.
struct FlowStore {
  StoreId store;
  /// A pool: one for all its devices, which hold equal parts of everything. Else one for each leaf domain that holds
  /// chips of the groups, by domain.
  std::vector<EndpointId> endpoints;
};

/// Rendering of one plane for flows: endpoints under domains (under pods) under one core that does not block. A pool
/// that stands above the leaf domains, or in several of them, has a domain (and pod) of its own.
struct FlowNetwork {
  std::string plane;
  std::vector<FlowPod> pods;            ///< empty without a third tier
  std::vector<FlowDomain> domains;      ///< all domains of the plane, as domain() numbers them, then those of pools
  std::vector<FlowEndpoint> endpoints;  ///< by EndpointId
  /// Endpoints of each group, one per domain it has chips in, by domain.
  std::vector<std::vector<EndpointId>> of_group;
  std::vector<FlowStore> stores{};  ///< in the order asked for
  Seconds latency_inside;           ///< one way, same domain; longest between two of the groups' chips
  Seconds latency_across;           ///< one way, two domains of a pod; likewise
  Seconds latency_pods;             ///< one way, two pods; likewise
  BytesPerSecond flow_limit;        ///< of one flow between two domains, efficiency included; 0 = none

  /// One way between chips of two endpoints.
  [[nodiscard]] Seconds latency(EndpointId from, EndpointId to) const;
};

/// A machine: chips, switches, cables. Immutable; made only by TopologyBuilder; every answer is the same in every run.
class Topology {
 public:
  ~Topology();
  Topology(Topology&&) noexcept;
  Topology& operator=(Topology&&) noexcept;

  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] std::uint32_t chip_count() const;
  [[nodiscard]] const ChipPlace& place(ChipId chip) const;
  [[nodiscard]] const std::vector<PlaneInfo>& planes() const;  ///< by PlaneId
  /// Throws SpecError("plane", ...) that lists the planes.
  [[nodiscard]] PlaneId plane(const std::string& name) const;
  /// The plane tensor and expert groups use by default: the first one.
  [[nodiscard]] PlaneId scale_up() const;
  /// The plane that joins everything in a site by default: the last one that reaches all chips there.
  [[nodiscard]] PlaneId scale_out() const;
  /// The plane that joins the sites; absent in a machine of one site.
  [[nodiscard]] std::optional<PlaneId> wide_area() const;
  [[nodiscard]] bool one_site(std::span<const ChipId> chips) const;
  /// The plane that carries requests, weights and storage by default: the one marked so, else the scale-out plane.
  [[nodiscard]] PlaneId front_end() const;

  [[nodiscard]] const std::vector<StoreInfo>& stores() const;  ///< by StoreId
  /// The devices of all stores on a plane, store by store.
  [[nodiscard]] const std::vector<DrawnDevice>& devices(PlaneId plane) const;
  /// Whether every one of the chips has a way to the store: a port on its plane and, unless it is a pool, a device in
  /// its leaf domain.
  [[nodiscard]] bool reaches(std::span<const ChipId> chips, StoreId store) const;
  /// REQUIRES: reaches(chips, store), chips not empty. Leaves out what others on the same links take.
  [[nodiscard]] StoreView view_of_store(std::span<const ChipId> chips, StoreId store) const;

  /// Switches and cables of a plane (a cable = one physical link).
  [[nodiscard]] std::uint32_t switch_count(PlaneId plane) const;
  [[nodiscard]] std::uint64_t cable_count(PlaneId plane) const;
  /// Wire rate of one chip on a plane, per direction, without efficiencies; 0 if it has no port there.
  [[nodiscard]] BytesPerSecond port(ChipId chip, PlaneId plane) const;
  /// Cables of a plane one by one; chips are the first vertices.
  [[nodiscard]] const std::vector<DrawnCable>& cables(PlaneId plane) const;
  [[nodiscard]] std::uint32_t vertex_count(PlaneId plane) const;
  /// Sum of port() over all chips. A port shared by the chips of a node counts once for each of them.
  [[nodiscard]] BytesPerSecond injection(PlaneId plane) const;
  /// Hops (cables) and one-way latency of the shortest path: fewest cables, then least latency. Throws SpecError naming
  /// both chips when there is none.
  [[nodiscard]] std::uint32_t hops(ChipId from, ChipId to, PlaneId plane) const;
  [[nodiscard]] Seconds latency(ChipId from, ChipId to, PlaneId plane) const;
  /// Leaf domain of a chip, numbered from 0 in order of their lowest chip. REQUIRES: the chip has a port on the plane.
  [[nodiscard]] std::uint32_t domain(ChipId chip, PlaneId plane) const;
  /// Capacity from a domain to the others, per direction, without efficiencies; 0 when the plane has one domain
  /// and no store beyond it.
  [[nodiscard]] BytesPerSecond trunk(std::uint32_t domain, PlaneId plane) const;
  /// Pod of a domain; 0 without a third tier.
  [[nodiscard]] std::uint32_t pod(std::uint32_t domain, PlaneId plane) const;
  /// Where the chips of a torus stand; null for other wirings.
  [[nodiscard]] const TorusGrid* torus(PlaneId plane) const;
  /// Lengths of the shortest paths from a chip to all chips; absent where there is none.
  [[nodiscard]] std::vector<std::optional<PathLength>> paths_from(ChipId chip, PlaneId plane) const;

  /// REQUIRES: chips not empty. Throws SpecError("plane", ...) when a chip has no port on it.
  [[nodiscard]] GroupView view(std::span<const ChipId> chips, PlaneId plane) const;

  /// Endpoints for flows between groups of chips (one group per attention rank that sends or receives KV), named
  /// "group 3", or "group 3 domain 1" when the group stands in several domains. REQUIRES: no chip is in two groups.
  /// Throws like view(). With `stores`, all of that plane, endpoints of these follow those of the groups.
  [[nodiscard]] FlowNetwork flow_network(PlaneId plane, const std::vector<std::vector<ChipId>>& groups,
                                         const std::vector<StoreId>& stores = {}) const;

 private:
  friend class TopologyBuilder;
  struct Graph;
  explicit Topology(std::unique_ptr<Graph> graph);
  std::unique_ptr<Graph> graph_;
};

}  // namespace tokenyard::topologies
