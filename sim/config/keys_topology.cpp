#include "sim/config/keys.hpp"

#include <array>

namespace tokenyard::config {
namespace {

constexpr std::string_view kTime = "s, ms, us, ns, min, h";
constexpr std::string_view kBandwidth = "GB/s, TB/s, MB/s, B/s, Gbps, Tbps, Mbps, GiB/s";
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
    {"topology", "nodes_per_rack", "count", "4", "Nodes of every rack; only names places."},
    {"topology", "planes", "mapping of names: topology.plane", kRequired,
     "The networks, by name; the first is the scale-up plane, the last that reaches all chips the scale-out plane."},
    {"topology", "source", "text", kOptional, kSource},

    {"topology.group", "chip", "text", kRequired, "Catalogue name of the chips."},
    {"topology.group", "nodes", "count", kRequired, "Nodes of the group."},
    {"topology.group", "source", "text", kOptional, kSource},

    {"topology.plane", "kind", "one of: mesh | switched | leaf_spine | shared_port", kRequired,
     "mesh: every chip to every chip of its node. switched: chips of a domain on parallel switches, with or without a "
     "second tier. leaf_spine: NICs under leaves under spines. shared_port: one port of the node for all its chips."},
    {"topology.plane", "link", kBandwidth, kRequired, "Wire rate of one link, per direction."},
    {"topology.plane", "links", "count", "1", "Links of one chip; of a mesh, between two chips."},
    {"topology.plane", "groups", "mapping of names: topology.attachment", kOptional,
     "Groups of nodes on this plane, with their links; all groups when left out."},
    {"topology.plane", "latency", kTime, kRequired, "One way between two chips of a domain."},
    {"topology.plane", "latency_across", kTime, kOptional, "One way between chips of two domains."},
    {"topology.plane", "efficiency", "ratio", "1", "Payload over wire rate (headers, protocol)."},
    {"topology.plane", "path_efficiency", "ratio", "1",
     "Share of the trunks above the first switches that traffic can fill (hashing, adaptive routing)."},
    {"topology.plane", "nodes_per_domain", "count", "1", "switched: nodes that meet on the same first switches."},
    {"topology.plane", "switches", "count", kRequired,
     "switched: first switches of a domain; a chip's links are dealt out over them."},
    {"topology.plane", "spines", "count", "0",
     "switched: second-tier switches above the s-th switches of all domains, one cable to each; 0: no second tier."},
    {"topology.plane", "oversubscription", "ratio", "1",
     "switched, leaf_spine: rate below a first switch over rate above it; 1 does not block."},
    {"topology.plane", "radix", "count", kRequired, "leaf_spine: ports of a leaf."},
    {"topology.plane", "spine_radix", "count", kOptional,
     "leaf_spine: ports of a spine, and so the most leaves there can be; `radix` when left out."},
    {"topology.plane", "rails", "true or false", "false",
     "leaf_spine: chip r of every node on leaf r of its pod, instead of whole nodes on a leaf."},
    {"topology.plane", "source", "text", kOptional, kSource},

    {"topology.attachment", "links", "count", kRequired, "Links of one chip of the group on this plane."},
});

}  // namespace

std::span<const Key> topology_keys() { return kKeys; }

}  // namespace tokenyard::config
