#include "sim/config/keys.hpp"

#include <array>

namespace tokenyard::config {
namespace {

constexpr std::string_view kTime = "s, ms, us, ns, min, h";
constexpr std::string_view kBandwidth = "GB/s, TB/s, MB/s, B/s, Gbps, Tbps, Mbps, GiB/s";
constexpr std::string_view kSize = "B, kB, MB, GB, TB, KiB, MiB, GiB";
constexpr std::string_view kPower = "W, kW, MW";
constexpr std::string_view kSource = "Where these figures come from, and how sure they are; assumed ones say so.";

constexpr auto kKeys = std::to_array<Key>({
    {"topology", "base", "text", kOptional,
     "Name of an entry (or a .yaml file) that this mapping is laid over key by key; ~ takes a key of it away."},
    {"topology", "name", "text", "custom", "Name of the machine, as the file is called."},
    {"topology", "description", "text", kOptional, "What it is, for a reader."},
    {"topology", "chip", "text", kOptional, "Catalogue name of the chips, where all are of one kind; else `groups`."},
    {"topology", "nodes", "count", kOptional, "Nodes (servers, compute trays) of that chip; 1 when left out."},
    {"topology", "groups", "mapping of names: topology.group", kOptional,
     "Groups of nodes with chips of their own, by name, instead of `chip` and `nodes`."},
    {"topology", "chips_per_node", "count", "8", "Chips of every node."},
    {"topology", "nodes_per_rack", "count", "4", "Nodes of every rack; names places and counts racks."},
    {"topology", "node_power", kPower, kOptional,
     "A node at full load, chips and what cools them included, beside `chip`; for the bill of materials."},
    {"topology", "planes", "mapping of names: topology.plane", kRequired,
     "The networks, by name; the first is the scale-up plane, the last that reaches all chips the scale-out plane."},
    {"topology", "stores", "mapping of names: topology.store", kOptional,
     "Host memory, drives and storage nodes, by name: what keeps KV blocks and weights beyond the chips' memory."},
    {"topology", "source", "text", kOptional, kSource},

    {"topology.group", "chip", "text", kRequired, "Catalogue name of the chips."},
    {"topology.group", "nodes", "count", kRequired, "Nodes of the group."},
    {"topology.group", "chips_per_node", "count", kOptional, "Chips of each of its nodes, where not the machine's."},
    {"topology.group", "site", "text", kOptional,
     "Where the group stands. Sites have planes of their own and are joined by one of kind wan."},
    {"topology.group", "node_power", kPower, kOptional, "A node of the group at full load, everything included."},
    {"topology.group", "source", "text", kOptional, kSource},

    {"topology.plane", "kind", "one of: mesh | switched | leaf_spine | shared_port | torus | dragonfly | wan | host",
     kRequired,
     "mesh: every chip to every chip of its node. switched: chips of a domain on parallel switches, with or without a "
     "second tier. leaf_spine: NICs under leaves under spines (under cores). shared_port: one port of the node for all "
     "its chips. torus: every chip to its neighbours. dragonfly: a mesh in every node, every node to every other. wan: "
     "sites joined by their uplinks. host: every chip to a processor of its node (PCIe, C2C), for stores."},
    {"topology.plane", "link", kBandwidth, kRequired, "Wire rate of one link, per direction."},
    {"topology.plane", "links", "count", "1",
     "Links of one chip; of a mesh or dragonfly, between two chips of a node; of a torus, to each neighbour."},
    {"topology.plane", "groups", "mapping of names: topology.attachment", kOptional,
     "Groups of nodes on this plane, with their links; all groups when left out."},
    {"topology.plane", "latency", kTime, kRequired,
     "One way between two chips of a domain; of a torus or dragonfly: of one cable."},
    {"topology.plane", "latency_across", kTime, kOptional,
     "One way between chips of two domains (of a wan: two sites)."},
    {"topology.plane", "latency_pods", kTime, kOptional, "tiers: 3: one way between chips of two pods."},
    {"topology.plane", "efficiency", "ratio", "1", "Payload over wire rate (headers, protocol)."},
    {"topology.plane", "path_efficiency", "ratio", "1",
     "Share of the trunks above the first switches that traffic can fill (hashing, adaptive routing)."},
    {"topology.plane", "routing", "one of: balanced | adaptive | hashed", kOptional,
     "Instead of path_efficiency: balanced 1; adaptive 0.94 and hashed 0.54, our study of a full permutation with 4 to "
     "8 "
     "queue pairs a flow."},
    {"topology.plane", "in_service", "ratio", "1", "Share of all links of the plane that work: 17/18 is 0.944."},
    {"topology.plane", "degraded", "mapping of names: topology.degraded", kOptional,
     "Links of a node, or those above the first switches of a domain, that carry less; names are for the reader."},
    {"topology.plane", "optics", "one of: none | upper | all", "none",
     "Which cables are optical: those above the first switches, all, or none; for the bill of materials."},
    {"topology.plane", "links_per_transceiver", "count", "1", "Links that share an optical module at their end."},
    {"topology.plane", "switch_power", kPower, "0 W", "A switch at full load, where node_power does not hold it."},
    {"topology.plane", "in_network_reduction", "true or false", "false",
     "switched: the switches add up what they carry (NVLS); libraries that have a kernel for it use it."},
    {"topology.plane", "nodes_per_domain", "count", "1", "switched: nodes that meet on the same first switches."},
    {"topology.plane", "switches", "count", kRequired,
     "switched: first switches of a domain; a chip's links are dealt out over them."},
    {"topology.plane", "spines", "count", "0",
     "switched: second-tier switches above the s-th switches of all domains, one cable to each; 0: no second tier."},
    {"topology.plane", "oversubscription", "ratio", "1",
     "switched, leaf_spine: rate below a first switch over rate above it; 1 does not block."},
    {"topology.plane", "radix", "count", kRequired,
     "leaf_spine: ports of a leaf. switched: ports of a first switch; as many as are needed when left out."},
    {"topology.plane", "spine_radix", "count", kOptional,
     "leaf_spine: ports of a spine, and so the most leaves there can be with two tiers; `radix` when left out."},
    {"topology.plane", "tiers", "count", "2", "leaf_spine: 3 puts core switches of `spine_radix` ports above pods."},
    {"topology.plane", "core_oversubscription", "ratio", "1",
     "leaf_spine, tiers: 3: rate below a spine over rate above it."},
    {"topology.plane", "rails", "true or false", "false",
     "leaf_spine: chip r of every node on leaf r of its block, instead of whole nodes on a leaf."},
    {"topology.plane", "dims", "text", kRequired,
     "torus: chips of a slice along each dimension, such as 16x24x24 or 16x16."},
    {"topology.plane", "wrap", "true or false", "true",
     "torus: the ends of dimensions of 3 and more chips are joined."},
    {"topology.plane", "global_links", "count", kRequired,
     "dragonfly: links of a chip to other nodes, dealt out over them."},
    {"topology.plane", "uplink", kBandwidth, kRequired, "wan: of a site, per direction."},
    {"topology.plane", "window", "B, kB, MB, GB, TB, KiB, MiB, GiB", "64 MiB",
     "wan: bytes that one stream may have under way. Default: the largest of many hosts tuned for long paths "
     "(assumed)."},
    {"topology.plane", "streams", "count", "8",
     "wan: parallel streams of a flow, which then gets streams * window / round trip."},
    {"topology.plane", "cpus", "count", "1", "host: processors of a node, which its chips are dealt out over."},
    {"topology.plane", "front_end", "true or false", "false",
     "It carries requests, weights and storage: the front-end plane by default, and never the scale-out plane."},
    {"topology.plane", "source", "text", kOptional, kSource},

    {"topology.store", "kind", "one of: host | nvme | pool", kRequired,
     "Memory of the processors, drives of the nodes, or what all chips reach; the tier of this kind takes it by "
     "default."},
    {"topology.store", "plane", "text", kOptional,
     "Plane on which chips reach it, one with switches or processors; the scale-out plane when left out."},
    {"topology.store", "nodes", "count", kOptional,
     "pool: machines of its own, above the leaf domains; else one device in every leaf domain of the plane."},
    {"topology.store", "link", kBandwidth, kRequired, "Wire rate of one link of a device to the plane, per direction."},
    {"topology.store", "links", "count", "1", "Links of a device."},
    {"topology.store", "read", kBandwidth, kOptional,
     "What a device's memory, or all its drives, give towards the chips; as its links when left out."},
    {"topology.store", "write", kBandwidth, kOptional, "Likewise what they take; as its links when left out."},
    {"topology.store", "latency", kTime, "0 s", "Of the device itself, before the first byte of a read."},
    {"topology.store", "capacity", kSize, kRequired, "Of a device."},
    {"topology.store", "source", "text", kOptional, kSource},

    {"topology.degraded", "node", "count", kOptional,
     "Node whose links carry less, counted from 0 through all groups."},
    {"topology.degraded", "domain", "count", kOptional, "Leaf domain whose cables upwards carry less, counted from 0."},
    {"topology.degraded", "factor", "ratio", kRequired, "Share of the rate that is left, above 0."},

    {"topology.attachment", "links", "count", kRequired, "Links of one chip of the group on this plane."},
});

}  // namespace

std::span<const Key> topology_keys() { return kKeys; }

}  // namespace tokenyard::config
