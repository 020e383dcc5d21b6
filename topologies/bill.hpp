#pragma once

#include "topologies/spec.hpp"
#include "topologies/topology.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tokenyard::topologies {

/// Pairs of chips that stand alike to each other.
struct PairClass {
  std::string relation;  ///< the closest place they share: "one node", "one domain", "one pod", "one site"; "all sites"
  std::string kinds;     ///< of the two chips, where the plane reaches several: "cpx", "cpx to rubin"
  std::uint32_t hops = 0;  ///< cables of the longest of the shortest paths
  Seconds latency;         ///< one way, likewise
  BytesPerSecond alone;    ///< a pair while all others are silent, payload per direction; narrowest pair
  BytesPerSecond at_once;  ///< of each chip when all chips of these kinds in such a place send evenly to all others of
                           ///< them there, payload
};

/// What a plane is made of and what it can do. Rates are per direction; of the wire where not said otherwise.
struct PlaneBill {
  std::string name;
  std::uint32_t chips = 0;  ///< that have a port
  std::uint32_t domains = 0;
  std::uint32_t pods = 0;
  std::uint32_t switches = 0;
  std::uint64_t cables = 0;
  std::uint64_t transceivers = 0;  ///< optical modules: two ends of each optical cable over links_per_transceiver
  BytesPerSecond port;             ///< largest of the chips
  BytesPerSecond injection;        ///< all ports together
  BytesPerSecond bisection;
  std::uint32_t diameter = 0;  ///< most hops of a shortest path
  bool joined = true;          ///< every chip reaches every other; else these two are of the part with the first chip
  Watts power;                 ///< of the switches, where it is given apart from the nodes'
  std::vector<PairClass> classes;
};

/// What a store is made of, and what chips see of it. Rates are payload.
struct StoreBill {
  std::string name;
  StoreKind kind = StoreKind::Host;
  std::string plane;
  std::uint32_t devices = 0;
  Bytes capacity;       ///< of all
  BytesPerSecond read;  ///< of all, towards the chips
  BytesPerSecond write;
  std::uint32_t hops = 0;
  Seconds latency;         ///< before the first byte of a read: there and back, and the device's own; longest
  BytesPerSecond alone;    ///< a chip reads while all others are silent; narrowest
  BytesPerSecond at_once;  ///< of each chip when all that reach it read
};

/// Bill of materials of a machine.
struct Bill {
  std::map<std::string, std::uint32_t> chips;  ///< by kind
  std::uint32_t nodes = 0;
  std::uint32_t racks = 0;
  std::uint32_t sites = 1;
  Watts node_power;          ///< of all nodes at full load
  bool power_known = false;  ///< every group gives its node power
  std::vector<PlaneBill> planes;
  std::vector<StoreBill> stores;

  [[nodiscard]] Watts power() const;  ///< nodes and switches
};

/// Counts what make_topology(spec) drew; `topology` is that drawing. Classes of pairs are looked at from the first chip
/// of every group, which stands for all of them in the wirings here.
[[nodiscard]] Bill bill_of(const TopologySpec& spec, const Topology& topology);

}  // namespace tokenyard::topologies
