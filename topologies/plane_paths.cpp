#include "topologies/plane_paths.hpp"

#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/connected_components.hpp>
#include <boost/graph/dijkstra_shortest_paths.hpp>
#include <boost/property_map/property_map.hpp>

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

namespace tokenyard::topologies {
namespace {

using Graph = boost::adjacency_list<boost::vecS, boost::vecS, boost::undirectedS, boost::no_property,
                                    boost::property<boost::edge_weight_t, PathLength>>;

/// Neighbours of a vertex with their latencies, sorted: equal lists are twins.
using Neighbours = std::vector<std::pair<std::uint32_t, Seconds>>;

constexpr PathLength kNoPath{.hops = std::numeric_limits<std::uint32_t>::max(), .latency = Seconds{0.0}};

std::vector<Neighbours> neighbours_of(std::uint32_t vertices, const std::vector<Edge>& edges) {
  std::vector<Neighbours> all(vertices);
  for (const Edge& edge : edges) {
    all[edge.a].emplace_back(edge.b, edge.latency);
    all[edge.b].emplace_back(edge.a, edge.latency);
  }
  for (Neighbours& one : all) std::sort(one.begin(), one.end());
  return all;
}

std::optional<PathLength> in_torus(const TorusGrid& grid, std::uint32_t from, std::uint32_t to) {
  const TorusPlace& a = grid.places[from];
  const TorusPlace& b = grid.places[to];
  if (a.slice != b.slice) return std::nullopt;
  const std::uint32_t hops = grid.hops(a, b);
  return PathLength{.hops = hops, .latency = grid.hop * static_cast<double>(hops)};
}

}  // namespace

struct PlanePaths::Folded {
  std::vector<std::uint32_t> fold;  // vertex -> vertex of `graph`
  std::vector<Seconds> to_twin;     // by vertex of `graph`: over the nearest common neighbour
  Graph graph;

  [[nodiscard]] std::vector<PathLength> search(std::uint32_t from) const {
    std::vector<PathLength> distance(boost::num_vertices(graph), kNoPath);
    const auto add = [](const PathLength& a, const PathLength& b) {
      if (a.hops == kNoPath.hops || b.hops == kNoPath.hops) return kNoPath;
      return PathLength{.hops = a.hops + b.hops, .latency = a.latency + b.latency};
    };
    const auto by_vertex = boost::get(boost::vertex_index, graph);
    boost::dijkstra_shortest_paths(graph, from,
                                   boost::distance_map(boost::make_iterator_property_map(distance.begin(), by_vertex))
                                       .distance_compare(std::less<PathLength>{})
                                       .distance_combine(add)
                                       .distance_inf(kNoPath)
                                       .distance_zero(PathLength{}));
    return distance;
  }
};

PlanePaths::PlanePaths(std::uint32_t vertices, const std::vector<Edge>& edges) : folded_(std::make_unique<Folded>()) {
  const std::vector<Neighbours> neighbours = neighbours_of(vertices, edges);
  std::map<Neighbours, std::uint32_t> twins;
  folded_->fold.reserve(vertices);
  for (const Neighbours& around : neighbours) {
    const auto next = static_cast<std::uint32_t>(folded_->to_twin.size());
    // A vertex without cables is nobody's twin: there is no way from one to the other.
    const std::uint32_t mine = around.empty() ? next : twins.emplace(around, next).first->second;
    folded_->fold.push_back(mine);
    if (mine != next) continue;
    Seconds nearest{around.empty() ? 0.0 : std::numeric_limits<double>::max()};
    for (const auto& [neighbour, latency] : around) nearest = std::min(nearest, latency);
    folded_->to_twin.push_back(2.0 * nearest);
  }
  std::map<std::pair<std::uint32_t, std::uint32_t>, Seconds> between_folds;
  for (const Edge& edge : edges) {
    const auto ends = std::minmax(folded_->fold[edge.a], folded_->fold[edge.b]);
    const auto [entry, fresh] = between_folds.emplace(ends, edge.latency);
    if (!fresh) entry->second = std::min(entry->second, edge.latency);
  }
  folded_->graph = Graph(folded_->to_twin.size());
  for (const auto& [ends, latency] : between_folds) {
    boost::add_edge(ends.first, ends.second, PathLength{.hops = 1, .latency = latency}, folded_->graph);
  }
}

PlanePaths::PlanePaths(TorusGrid grid) : grid_(std::move(grid)) {}
PlanePaths::~PlanePaths() = default;
PlanePaths::PlanePaths(PlanePaths&&) noexcept = default;
PlanePaths& PlanePaths::operator=(PlanePaths&&) noexcept = default;

std::optional<PathLength> PlanePaths::between(std::uint32_t from, std::uint32_t to) const {
  if (from == to) return PathLength{};
  if (grid_) return in_torus(*grid_, from, to);
  const std::uint32_t a = folded_->fold[from];
  const std::uint32_t b = folded_->fold[to];
  if (a == b) return PathLength{.hops = 2, .latency = folded_->to_twin[a]};
  const PathLength length = folded_->search(a)[b];
  if (length == kNoPath) return std::nullopt;
  return length;
}

std::vector<std::optional<PathLength>> PlanePaths::from(std::uint32_t vertex, std::span<const std::uint32_t> to) const {
  std::vector<std::optional<PathLength>> lengths;
  lengths.reserve(to.size());
  if (grid_) {
    for (const std::uint32_t end : to) lengths.push_back(in_torus(*grid_, vertex, end));
    return lengths;
  }
  const std::uint32_t start = folded_->fold[vertex];
  const std::vector<PathLength> distance = folded_->search(start);
  for (const std::uint32_t end : to) {
    const std::uint32_t fold = folded_->fold[end];
    PathLength length = distance[fold];
    if (end == vertex) length = PathLength{};
    if (end != vertex && fold == start) length = {.hops = 2, .latency = folded_->to_twin[fold]};
    lengths.push_back(length == kNoPath ? std::nullopt : std::optional(length));
  }
  return lengths;
}

Seconds PlanePaths::largest_latency(std::span<const std::uint32_t> vertices) const {
  if (grid_) {
    std::uint32_t most = 0;
    for (std::size_t i = 0; i < vertices.size(); ++i) {
      for (std::size_t j = i + 1; j < vertices.size(); ++j) {
        const TorusPlace& a = grid_->places[vertices[i]];
        const TorusPlace& b = grid_->places[vertices[j]];
        if (a.slice == b.slice) most = std::max(most, grid_->hops(a, b));
      }
    }
    return grid_->hop * static_cast<double>(most);
  }
  std::map<std::uint32_t, std::uint32_t> folds;  // fold -> a vertex of it
  Seconds largest;
  for (const std::uint32_t vertex : vertices) {
    const std::uint32_t fold = folded_->fold[vertex];
    const auto [entry, fresh] = folds.emplace(fold, vertex);
    if (!fresh && entry->second != vertex) largest = std::max(largest, folded_->to_twin[fold]);
  }
  if (folds.size() < 2) return largest;
  for (const auto& [from, vertex] : folds) {
    const std::vector<PathLength> distance = folded_->search(from);
    for (const auto& [to, other] : folds) {
      if (distance[to] != kNoPath) largest = std::max(largest, distance[to].latency);
    }
  }
  return largest;
}

std::vector<std::uint32_t> components(std::uint32_t vertices, const std::vector<Edge>& edges) {
  boost::adjacency_list<boost::vecS, boost::vecS, boost::undirectedS> graph(vertices);
  for (const Edge& edge : edges) boost::add_edge(edge.a, edge.b, graph);
  std::vector<std::uint32_t> component(vertices);
  boost::connected_components(
      graph, boost::make_iterator_property_map(component.begin(), boost::get(boost::vertex_index, graph)));
  return component;
}

}  // namespace tokenyard::topologies
