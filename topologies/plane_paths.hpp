#pragma once

#include "models/base/units.hpp"
#include "topologies/torus.hpp"

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace tokenyard::topologies {

/// An undirected edge of a plane's graph; parallel cables are one edge here.
struct Edge {
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  Seconds latency;
};

/// Length of a path: fewer cables are shorter, then less latency.
struct PathLength {
  std::uint32_t hops = 0;
  Seconds latency;
  friend constexpr auto operator<=>(const PathLength&, const PathLength&) = default;
};

/// Shortest paths of one plane: counted in a torus, searched otherwise (Dijkstra, Boost.Graph).
///
/// Vertices with the same neighbours at the same latencies (all chips of a leaf, all spines) are folded into one before
/// anything is searched. That is exact, because such twins can stand for each other on any path, and it makes a search
/// of a 9,216-chip fabric one over a few hundred vertices.
class PlanePaths {
 public:
  PlanePaths(std::uint32_t vertices, const std::vector<Edge>& edges);
  /// Of chips alone: vertex i stands at places[i].
  explicit PlanePaths(TorusGrid grid);
  ~PlanePaths();
  PlanePaths(PlanePaths&&) noexcept;
  PlanePaths& operator=(PlanePaths&&) noexcept;

  /// Absent when there is no path. Zero from a vertex to itself.
  [[nodiscard]] std::optional<PathLength> between(std::uint32_t from, std::uint32_t to) const;
  /// From a vertex to every one of `to`, in their order: one search for all.
  [[nodiscard]] std::vector<std::optional<PathLength>> from(std::uint32_t vertex,
                                                            std::span<const std::uint32_t> to) const;
  /// Largest latency of the shortest paths between any two of `vertices`; pairs without a path do not count.
  [[nodiscard]] Seconds largest_latency(std::span<const std::uint32_t> vertices) const;

 private:
  struct Folded;
  std::unique_ptr<Folded> folded_;  ///< without a grid
  std::optional<TorusGrid> grid_;
};

/// Component of each vertex under `edges`, numbered in order of their lowest vertex.
[[nodiscard]] std::vector<std::uint32_t> components(std::uint32_t vertices, const std::vector<Edge>& edges);

}  // namespace tokenyard::topologies
