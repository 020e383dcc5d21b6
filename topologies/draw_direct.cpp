#include "topologies/canvas.hpp"

#include <algorithm>

// Wirings without switches: cables from chip to chip.

namespace tokenyard::topologies {
namespace {

/// Every chip of a node to every other one.
void join_node(const Canvas& canvas, const AttachedNode& node) {
  for (std::uint32_t i = 0; i < node.chips; ++i) {
    for (std::uint32_t j = i + 1; j < node.chips; ++j) {
      canvas.builder.connect(canvas.plane, canvas.chip(node, i), canvas.chip(node, j),
                             {.count = node.links, .rate = canvas.link_of(node), .latency = canvas.spec.latency});
    }
  }
}

/// A chip of the plane with the node it stands in.
struct NodeChip {
  const AttachedNode* node;
  VertexId chip;
};

std::vector<NodeChip> chips_of(const Canvas& canvas) {
  std::vector<NodeChip> chips;
  for (const AttachedNode& node : canvas.nodes) {
    for (std::uint32_t i = 0; i < node.chips; ++i) chips.push_back({&node, canvas.chip(node, i)});
  }
  return chips;
}

}  // namespace

Drawn draw(const MeshWiring&, const Canvas& canvas) {
  for (const AttachedNode& node : canvas.nodes) join_node(canvas, node);
  return {.domains = static_cast<std::uint32_t>(canvas.nodes.size())};
}

Drawn draw(const TorusWiring& wiring, const Canvas& canvas) {
  const std::vector<NodeChip> chips = chips_of(canvas);
  const std::uint32_t slice = wiring.dims[0] * wiring.dims[1] * wiring.dims[2];
  TorusGrid grid{.dims = wiring.dims, .wrap = wiring.wrap, .hop = canvas.spec.latency, .places = {}};
  std::vector<std::uint32_t> number_at(slice);  // place, row-major -> number in its slice
  const auto cell = [&](const std::array<std::uint32_t, 3>& at) {
    return (at[0] * wiring.dims[1] + at[1]) * wiring.dims[2] + at[2];
  };
  for (std::uint32_t i = 0; i < slice; ++i) number_at[cell(torus_place(i, wiring.dims).at)] = i;
  for (std::uint32_t i = 0; i < chips.size(); ++i) {
    TorusPlace place = torus_place(i, wiring.dims);
    const std::uint32_t first = place.slice * slice;
    for (std::size_t d = 0; d < 3; ++d) {
      std::array<std::uint32_t, 3> next = place.at;
      next[d] += 1;
      if (next[d] == wiring.dims[d]) {
        if (!grid.is_ring(d)) continue;
        next[d] = 0;
      }
      const NodeChip& neighbour = chips[first + number_at[cell(next)]];
      canvas.builder.connect(canvas.plane, chips[i].chip, neighbour.chip,
                             {.count = canvas.spec.links,
                              .rate = std::min(canvas.link_of(*chips[i].node), canvas.link_of(*neighbour.node)),
                              .latency = canvas.spec.latency});
    }
    place.slice += canvas.first_domain;
    canvas.builder.place_in_torus(canvas.plane, grid, chips[i].chip, place);
  }
  return {.domains = static_cast<std::uint32_t>(chips.size() / slice)};
}

Drawn draw(const DragonflyWiring& wiring, const Canvas& canvas) {
  for (const AttachedNode& node : canvas.nodes) join_node(canvas, node);
  const auto count = static_cast<std::uint32_t>(canvas.nodes.size());
  if (count < 2) return {.domains = count};
  // A node's global links in order of its chips, dealt out over the other nodes in turn; a cable joins the k-th link
  // from a to b with the k-th from b to a. Those that are left over when no turn is full go to the nodes across the
  // circle, then to the next ones around it, so that every node has as many.
  const std::uint32_t out = canvas.nodes[0].chips * wiring.global_links;
  const std::uint32_t turns = out / (count - 1);
  const auto join = [&](std::uint32_t a, std::uint32_t from, std::uint32_t b, std::uint32_t to) {
    canvas.builder.connect(canvas.plane, canvas.chip(canvas.nodes[a], from / wiring.global_links),
                           canvas.chip(canvas.nodes[b], to / wiring.global_links),
                           {.count = 1,
                            .rate = std::min(canvas.link_of(canvas.nodes[a]), canvas.link_of(canvas.nodes[b])),
                            .latency = canvas.spec.latency,
                            .tier = 1});
  };
  for (std::uint32_t a = 0; a < count; ++a) {
    for (std::uint32_t b = a + 1; b < count; ++b) {
      for (std::uint32_t k = 0; k < turns; ++k) join(a, (b - 1) + k * (count - 1), b, a + k * (count - 1));
    }
  }
  std::vector<std::uint32_t> next(count, turns * (count - 1));  // of each node, its first link without a cable
  const auto join_left_over = [&](std::uint32_t distance) {
    for (std::uint32_t a = 0; a < count; ++a) {
      const std::uint32_t b = (a + distance) % count;
      if (next[a] < out && next[b] < out && (2 * distance != count || a < b)) join(a, next[a]++, b, next[b]++);
    }
  };
  const bool odd = (out - next[0]) % 2 == 1;
  if (odd && count % 2 == 0) join_left_over(count / 2);
  for (std::uint32_t distance = 1; 2 * distance < count; ++distance) join_left_over(distance);
  return {.domains = count};
}

}  // namespace tokenyard::topologies
