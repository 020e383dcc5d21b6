#include "topologies/plane_paths.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;
using namespace tokenyard::literals;
using namespace tokenyard::topologies;

TEST_CASE("plane paths: two leaves under a spine are four cables apart") {
  // 0 and 1 on leaf 4, 2 and 3 on leaf 5, spine 6: 0 -> 4 -> 6 -> 5 -> 2 = 1 + 0.5 + 0.5 + 1 us
  const PlanePaths paths(7, {{0, 4, 1_us}, {1, 4, 1_us}, {2, 5, 1_us}, {3, 5, 1_us}, {4, 6, 0.5_us}, {5, 6, 0.5_us}});
  CHECK(paths.between(0, 0)->hops == 0);
  CHECK(paths.between(0, 1)->hops == 2);
  CHECK(paths.between(0, 1)->latency.value() == doctest::Approx(2e-6));
  CHECK(paths.between(0, 2)->hops == 4);
  CHECK(paths.between(0, 2)->latency.value() == doctest::Approx(3e-6));
  CHECK(paths.between(3, 0)->latency.value() == doctest::Approx(3e-6));
}

TEST_CASE("plane paths: fewer cables win over less latency and then the faster of two equals") {
  // 0 - 1 directly costs 10 us on one cable; over 2 it is 2 us on two. Between 0 and 3: over 2 (2 us) or over 4 (8 us).
  const PlanePaths paths(5, {{0, 1, 10_us}, {0, 2, 1_us}, {2, 1, 1_us}, {2, 3, 1_us}, {0, 4, 4_us}, {4, 3, 4_us}});
  CHECK(paths.between(0, 1)->hops == 1);
  CHECK(paths.between(0, 1)->latency.value() == doctest::Approx(10e-6));
  CHECK(paths.between(0, 3)->hops == 2);
  CHECK(paths.between(0, 3)->latency.value() == doctest::Approx(2e-6));
}

TEST_CASE("plane paths: twins meet over their nearest common neighbour") {
  // 0 and 1 both hang on 2 (3 us) and on 3 (1 us): 2 us over vertex 3.
  const PlanePaths paths(4, {{0, 2, 3_us}, {1, 2, 3_us}, {0, 3, 1_us}, {1, 3, 1_us}});
  CHECK(paths.between(0, 1)->hops == 2);
  CHECK(paths.between(0, 1)->latency.value() == doctest::Approx(2e-6));
  const std::vector<std::uint32_t> both = {0, 1};
  CHECK(paths.largest_latency(both).value() == doctest::Approx(2e-6));
}

TEST_CASE("plane paths: vertices without cables are not each other's neighbours") {
  const PlanePaths paths(3, {});
  CHECK_FALSE(paths.between(0, 1).has_value());
  const std::vector<std::uint32_t> all = {0, 1, 2};
  CHECK(paths.largest_latency(all).value() == 0.0);
}

TEST_CASE("plane paths: a folded graph answers as one that cannot be folded") {
  // The same 4 chips on 2 leaves and 2 spines; in the second drawing every cable differs by less than a picosecond, so
  // that no two vertices are twins. Every distance must agree to that.
  std::vector<Edge> alike;
  std::vector<Edge> unlike;
  const auto cable = [&](std::uint32_t a, std::uint32_t b, Seconds latency) {
    alike.push_back({a, b, latency});
    unlike.push_back({a, b, latency + Seconds{1e-15 * static_cast<double>(unlike.size() + 1)}});
  };
  for (std::uint32_t chip = 0; chip < 4; ++chip) cable(chip, 4 + chip / 2, 1_us);
  for (std::uint32_t leaf = 4; leaf < 6; ++leaf) {
    for (std::uint32_t spine = 6; spine < 8; ++spine) cable(leaf, spine, 0.3_us);
  }
  const PlanePaths folded(8, alike);
  const PlanePaths plain(8, unlike);
  for (std::uint32_t from = 0; from < 8; ++from) {
    for (std::uint32_t to = 0; to < 8; ++to) {
      CHECK(folded.between(from, to)->hops == plain.between(from, to)->hops);
      CHECK(folded.between(from, to)->latency.value() ==
            doctest::Approx(plain.between(from, to)->latency.value()).epsilon(1e-6));
    }
  }
}

TEST_CASE("plane paths: components are numbered by their lowest vertex") {
  const std::vector<std::uint32_t> component = components(5, {{3, 0, 1_us}, {4, 1, 1_us}});
  CHECK(component == std::vector<std::uint32_t>{0, 1, 2, 0, 1});
}
