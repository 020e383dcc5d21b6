#include "topologies/bisection.hpp"

#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/push_relabel_max_flow.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

namespace tokenyard::topologies {
namespace {

using Traits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::directedS>;
using Graph = boost::adjacency_list<
    boost::vecS, boost::vecS, boost::directedS, boost::no_property,
    boost::property<boost::edge_capacity_t, std::int64_t,
                    boost::property<boost::edge_residual_capacity_t, std::int64_t,
                                    boost::property<boost::edge_reverse_t, Traits::edge_descriptor>>>>;

constexpr std::uint32_t kSource = 0;
constexpr std::uint32_t kSink = 1;

/// Maximum flow between the chips in `half` and the others of `side`; chips that are in neither carry nothing, or pass
/// on what comes. Each half is one vertex: its chips may give and take whatever their cables carry.
BytesPerSecond between(const Topology& topology, PlaneId plane, const std::vector<std::optional<bool>>& half,
                       bool others_pass) {
  const std::uint32_t chips = topology.chip_count();
  const auto vertex = [&](std::uint32_t end) -> std::optional<std::uint32_t> {
    if (end < chips && half[end]) return *half[end] ? kSource : kSink;
    if (end < chips && !others_pass) return std::nullopt;
    return end + 2;
  };
  std::map<std::pair<std::uint32_t, std::uint32_t>, double> capacity;  // of merged cables, B/s
  for (const DrawnCable& drawn : topology.cables(plane)) {
    const auto a = vertex(drawn.a);
    const auto b = vertex(drawn.b);
    if (a && b && *a != *b) capacity[std::minmax(*a, *b)] += (drawn.cable.rate * drawn.cable.count).value();
  }
  Graph graph(topology.vertex_count(plane) + 2);
  auto capacities = boost::get(boost::edge_capacity, graph);
  auto reverse = boost::get(boost::edge_reverse, graph);
  for (const auto& [ends, rate] : capacity) {
    const auto there = boost::add_edge(ends.first, ends.second, graph).first;
    const auto back = boost::add_edge(ends.second, ends.first, graph).first;
    capacities[there] = capacities[back] = std::llround(rate);
    reverse[there] = back;
    reverse[back] = there;
  }
  return BytesPerSecond{static_cast<double>(boost::push_relabel_max_flow(graph, kSource, kSink))};
}

}  // namespace

BytesPerSecond bisection(const Topology& topology, PlaneId plane) {
  std::uint32_t first = 0;
  while (first < topology.chip_count() && topology.port(ChipId{first}, plane) == BytesPerSecond{}) ++first;
  if (first == topology.chip_count()) return {};
  std::vector<std::uint32_t> side;
  const auto paths = topology.paths_from(ChipId{first}, plane);
  for (std::uint32_t chip = 0; chip < paths.size(); ++chip) {
    if (paths[chip] && topology.port(ChipId{chip}, plane) > BytesPerSecond{}) side.push_back(chip);
  }
  if (side.size() < 2) return {};
  std::optional<BytesPerSecond> least;
  const auto take = [&](auto in_half) {
    std::vector<std::optional<bool>> half(topology.chip_count());
    for (std::size_t i = 0; i < side.size(); ++i) half[side[i]] = in_half(i);
    const BytesPerSecond flow = between(topology, plane, half, false);
    least = least ? std::min(*least, flow) : flow;
  };
  const TorusGrid* torus = topology.torus(plane);
  for (std::size_t d = 0; torus != nullptr && d < 3; ++d) {
    if (torus->dims[d] % 2 != 0) continue;
    take([&](std::size_t i) { return torus->places[side[i]].at[d] < torus->dims[d] / 2; });
  }
  if (!least) take([&](std::size_t i) { return i < side.size() / 2; });
  return *least;
}

BytesPerSecond flow_between(const Topology& topology, PlaneId plane, std::span<const ChipId> from,
                            std::span<const ChipId> to) {
  std::vector<std::optional<bool>> half(topology.chip_count());
  for (const ChipId chip : from) half[chip.index()] = true;
  for (const ChipId chip : to) half[chip.index()] = false;
  return between(topology, plane, half, true);
}

}  // namespace tokenyard::topologies
