#include "topologies/canvas.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

// Wirings with switches.

namespace tokenyard::topologies {
namespace {

/// `cables` from `below` dealt out over the switches above, starting with the one numbered `first`, so that any two
/// switches that start alike share one.
void join_upwards(const Canvas& canvas, VertexId below, std::uint32_t cables, const std::vector<VertexId>& above,
                  std::size_t first, const CableSpec& kind) {
  const auto count = static_cast<std::uint32_t>(above.size());
  for (std::uint32_t i = 0; i < std::min(cables, count); ++i) {
    CableSpec cable = kind;
    cable.count = cables / count + (i < cables % count ? 1 : 0);
    canvas.builder.connect(canvas.plane, below, above[(first + i) % count], cable);
  }
}

/// Whole cables, rounded up; the tiny allowance keeps 48 / 3 = 16 from becoming 17 in floating point.
std::uint32_t cables_up(std::uint32_t below, double oversubscription) {
  return static_cast<std::uint32_t>(std::ceil(below / oversubscription - 1e-9));
}

std::vector<VertexId> add_switches(const Canvas& canvas, std::uint32_t count) {
  std::vector<VertexId> switches;
  for (std::uint32_t i = 0; i < count; ++i) switches.push_back(canvas.builder.add_switch(canvas.plane));
  return switches;
}

/// A leaf and the cables it takes upwards.
struct Leaf {
  VertexId at;
  std::uint32_t links_below = 0;
  double trunk_factor = 1.0;
};

std::vector<Leaf> draw_leaves(const LeafSpineWiring& wiring, const LeafSpineSize& size, const Canvas& canvas) {
  std::vector<Leaf> leaves;
  for (const VertexId at : add_switches(canvas, size.leaves)) {
    leaves.push_back({.at = at, .trunk_factor = canvas.trunk_factor(static_cast<std::uint32_t>(leaves.size()))});
  }
  for (std::uint32_t n = 0; n < canvas.nodes.size(); ++n) {
    const AttachedNode& node = canvas.nodes[n];
    for (std::uint32_t i = 0; i < node.chips; ++i) {
      Leaf& leaf = leaves[n / size.nodes_per_leaf * size.leaves_per_block + (wiring.rails ? i : 0)];
      leaf.links_below += node.links;
      canvas.builder.connect(canvas.plane, canvas.chip(node, i), leaf.at,
                             {.count = node.links, .rate = canvas.link_of(node), .latency = canvas.lower()});
    }
  }
  return leaves;
}

/// Spines of one pod and its leaves' cables to them; gives the spines with the cables that each has below.
std::vector<std::pair<VertexId, std::uint32_t>> draw_spines(const LeafSpineWiring& wiring, const Canvas& canvas,
                                                            const std::vector<Leaf>& leaves, std::size_t first,
                                                            std::size_t end, std::uint32_t ports_down) {
  std::uint32_t all = 0;
  for (std::size_t i = first; i < end; ++i) all += cables_up(leaves[i].links_below, wiring.oversubscription);
  const std::vector<VertexId> spines = add_switches(canvas, (all + ports_down - 1) / ports_down);
  std::vector<std::pair<VertexId, std::uint32_t>> joined;
  for (const VertexId spine : spines) joined.emplace_back(spine, 0);
  const auto count = static_cast<std::uint32_t>(spines.size());
  for (std::size_t i = first; i < end; ++i) {
    const std::uint32_t up = cables_up(leaves[i].links_below, wiring.oversubscription);
    join_upwards(canvas, leaves[i].at, up, spines, 0,
                 {.rate = canvas.link() * leaves[i].trunk_factor, .latency = canvas.upper()});
    for (std::uint32_t s = 0; s < std::min(up, count); ++s) joined[s].second += up / count + (s < up % count ? 1 : 0);
  }
  return joined;
}

}  // namespace

Drawn draw(const SwitchedWiring& wiring, const Canvas& canvas) {
  const std::size_t per_domain = wiring.nodes_per_domain;
  const bool joined = wiring.spines > 0 && canvas.nodes.size() > per_domain;
  Drawn drawn{.domains = static_cast<std::uint32_t>((canvas.nodes.size() + per_domain - 1) / per_domain)};
  std::vector<std::vector<VertexId>> spines(joined ? wiring.switches : 0);
  for (std::vector<VertexId>& of_sub_plane : spines) {
    for (std::uint32_t i = 0; i < wiring.spines; ++i) of_sub_plane.push_back(canvas.builder.add_switch(canvas.plane));
    drawn.top.insert(drawn.top.end(), of_sub_plane.begin(), of_sub_plane.end());
  }
  for (std::size_t first = 0; first < canvas.nodes.size(); first += per_domain) {
    const std::size_t end = std::min(first + per_domain, canvas.nodes.size());
    std::vector<VertexId>& meetings = drawn.first.emplace_back();
    for (std::uint32_t s = 0; s < wiring.switches; ++s) {
      const VertexId meeting = canvas.builder.add_switch(canvas.plane);
      meetings.push_back(meeting);
      std::uint32_t links_below = 0;
      for (std::size_t n = first; n < end; ++n) {
        const AttachedNode& node = canvas.nodes[n];
        // 18 links over 4 switches: the first two switches get 5, the others 4.
        const std::uint32_t links = node.links / wiring.switches + (s < node.links % wiring.switches ? 1 : 0);
        links_below += links * node.chips;
        for (std::uint32_t i = 0; i < node.chips; ++i) {
          canvas.builder.connect(canvas.plane, canvas.chip(node, i), meeting,
                                 {.count = links, .rate = canvas.link_of(node), .latency = canvas.lower()});
        }
      }
      if (!joined) continue;
      const BytesPerSecond below =
          canvas.link() * (links_below * canvas.trunk_factor(static_cast<std::uint32_t>(first / per_domain)));
      for (const VertexId spine : spines[s]) {
        canvas.builder.connect(
            canvas.plane, meeting, spine,
            {.count = 1, .rate = below / (wiring.oversubscription * wiring.spines), .latency = canvas.upper()});
      }
    }
  }
  if (drawn.domains == 1) drawn.top = drawn.first[0];
  return drawn;
}

Drawn draw(const LeafSpineWiring& wiring, const Canvas& canvas) {
  const LeafSpineSize size = size_of(wiring, canvas.nodes);
  const std::vector<Leaf> leaves = draw_leaves(wiring, size, canvas);
  Drawn drawn{.domains = size.leaves};
  for (const Leaf& leaf : leaves) drawn.first.push_back({leaf.at});
  if (leaves.size() < 2) {
    drawn.top = {leaves[0].at};
    return drawn;
  }
  const bool one_pod = leaves.size() <= size.leaves_per_pod;
  // Of a spine's ports those look down that have no core above them.
  const std::uint32_t ports_down =
      one_pod ? wiring.spine_radix
              : static_cast<std::uint32_t>(std::floor(
                    wiring.spine_radix * (wiring.core_oversubscription / (1.0 + wiring.core_oversubscription)) + 1e-9));
  std::vector<std::vector<std::pair<VertexId, std::uint32_t>>> pods;
  for (std::size_t first = 0; first < leaves.size(); first += size.leaves_per_pod) {
    const std::size_t end = std::min<std::size_t>(first + size.leaves_per_pod, leaves.size());
    pods.push_back(draw_spines(wiring, canvas, leaves, first, end, ports_down));
  }
  if (one_pod) {
    for (const auto& [spine, below] : pods[0]) drawn.top.push_back(spine);
    return drawn;
  }
  std::uint32_t all = 0;
  for (const auto& pod : pods) {
    for (const auto& [spine, below] : pod) all += cables_up(below, wiring.core_oversubscription);
  }
  const std::vector<VertexId> cores = add_switches(canvas, (all + wiring.spine_radix - 1) / wiring.spine_radix);
  drawn.top = cores;
  for (const auto& pod : pods) {
    std::size_t next = 0;  // spines of one place start at the same core in every pod, so that pods meet
    for (const auto& [spine, below] : pod) {
      const std::uint32_t up = cables_up(below, wiring.core_oversubscription);
      join_upwards(canvas, spine, up, cores, next, {.rate = canvas.link(), .latency = canvas.top(), .tier = 2});
      next += up;
    }
  }
  return drawn;
}

Drawn draw(const SharedPortWiring&, const Canvas& canvas) {
  const VertexId core = canvas.builder.add_switch(canvas.plane);
  Drawn drawn{.top = {core}};
  for (const AttachedNode& node : canvas.nodes) {
    const VertexId port = canvas.builder.add_shared_port(canvas.plane);
    drawn.first.push_back({port});
    for (std::uint32_t i = 0; i < node.chips; ++i) {
      canvas.builder.connect(canvas.plane, canvas.chip(node, i), port,
                             {.count = 1, .rate = canvas.link_of(node), .latency = canvas.lower()});
    }
    canvas.builder.connect(canvas.plane, port, core,
                           {.count = node.links,
                            .rate = canvas.link_of(node) * canvas.trunk_factor(drawn.domains++),
                            .latency = canvas.upper()});
  }
  return drawn;
}

Drawn draw(const HostWiring& wiring, const Canvas& canvas) {
  Drawn drawn;
  for (const AttachedNode& node : canvas.nodes) {
    const std::uint32_t chips = node.chips / wiring.cpus;
    for (std::uint32_t cpu = 0; cpu < wiring.cpus; ++cpu, ++drawn.domains) {
      const VertexId processor = canvas.builder.add_shared_port(canvas.plane);
      drawn.first.push_back({processor});
      for (std::uint32_t i = 0; i < chips; ++i) {
        canvas.builder.connect(canvas.plane, canvas.chip(node, cpu * chips + i), processor,
                               {.count = node.links, .rate = canvas.link_of(node), .latency = canvas.lower()});
      }
    }
  }
  if (drawn.domains == 1) drawn.top = drawn.first[0];
  return drawn;
}

}  // namespace tokenyard::topologies
