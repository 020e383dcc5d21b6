#pragma once

#include "models/base/ids.hpp"
#include "models/base/units.hpp"

#include <cstdint>
#include <string>

namespace tokenyard::topologies {

using StoreId = Id<struct StoreTag>;  ///< a store of the topology, in order of its mapping

/// What keeps bytes beyond the chips' memory.
enum class StoreKind : std::uint8_t {
  Host,  ///< memory of the processors
  Nvme,  ///< drives of the nodes
  Pool,  ///< what all chips reach: storage nodes, or the memory of all nodes taken together
};

/// "host", "nvme", "pool": as YAML has it.
[[nodiscard]] const char* name(StoreKind kind);

/// Memory, drives or storage nodes on a plane, all devices alike.
struct StoreInfo {
  std::string name;
  StoreKind kind = StoreKind::Host;
  PlaneId plane;  ///< on which chips reach it
  std::uint32_t devices = 0;
  bool in_domains = true;  ///< one device in every leaf domain; false: machines of their own above these
  BytesPerSecond port;     ///< of a device, per direction, wire rate
  BytesPerSecond read;     ///< payload out of a device: its links' or its medium's, whichever is less
  BytesPerSecond write;    ///< likewise into it
  Seconds latency;         ///< of the medium, before the first byte of a read
  Bytes capacity;          ///< of a device
};

/// What a set of chips sees of an idle store when all of them take equal parts at once.
struct StoreView {
  std::uint32_t hops = 0;  ///< cables of the longest of the shortest paths
  Seconds latency;         ///< one way, the longest, without StoreInfo::latency
  BytesPerSecond read;     ///< of all the chips together, payload
  BytesPerSecond write;
  Bytes capacity;  ///< a pool: all of it; else the chips' share, by numbers, of the devices in their leaf domains
};

}  // namespace tokenyard::topologies
