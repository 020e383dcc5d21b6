#include "sim/engine/max_min.hpp"

#include "models/base/errors.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

using namespace tokenyard;
using tokenyard::engine::MaxMin;

namespace {

void add(MaxMin& sharing, std::uint32_t flow, const std::vector<std::uint32_t>& links,
         double limit = MaxMin::kNoLimit) {
  sharing.add(flow, links, limit);
}

struct Member {
  std::vector<std::uint32_t> links;
  double limit = MaxMin::kNoLimit;
};

/// Flows without a bottleneck, and links that carry more than they can. Both are none exactly if rates are max-min fair
/// (Bertsekas, Gallager, section 6.5.2, proposition 1). 1e-9: a thousand times what counts as the same.
int not_fair(const MaxMin& sharing, const std::map<std::uint32_t, Member>& flows,
             const std::vector<double>& capacities) {
  std::vector<double> load(capacities.size(), 0.0);
  std::vector<double> most(capacities.size(), 0.0);
  for (const auto& [number, flow] : flows) {
    for (const std::uint32_t link : flow.links) {
      load[link] += sharing.rate(number);
      most[link] = std::max(most[link], sharing.rate(number));
    }
  }
  int wrong = 0;
  for (std::size_t link = 0; link < load.size(); ++link) wrong += load[link] > capacities[link] * (1 + 1e-9) ? 1 : 0;
  for (const auto& [number, flow] : flows) {
    const double rate = sharing.rate(number);
    const bool held = std::any_of(flow.links.begin(), flow.links.end(), [&](std::uint32_t link) {
      return load[link] >= capacities[link] * (1 - 1e-9) && rate >= most[link] * (1 - 1e-9);
    });
    wrong += held || (rate >= flow.limit * (1 - 1e-9) && rate <= flow.limit) ? 0 : 1;
  }
  return wrong;
}

}  // namespace

TEST_CASE("max-min: flows of one link have equal parts of it") {
  MaxMin sharing({12.0});
  for (std::uint32_t flow = 0; flow < 3; ++flow) add(sharing, flow, {0});
  CHECK(sharing.settle().size() == 3);
  for (std::uint32_t flow = 0; flow < 3; ++flow) CHECK(sharing.rate(flow) == 4.0);
  sharing.remove(1);
  CHECK(sharing.settle().size() == 2);
  CHECK(sharing.rate(0) == 6.0);
  CHECK(sharing.rate(2) == 6.0);
}

TEST_CASE("max-min: the long way through a line of links gets what the busiest of them leaves") {
  // The textbook's line: one flow over all links, one on each. Capacities 10, 4, 6: the second gives 2 to each of its
  // two; then 8 and 4 are left for those that have the first and the third with the long one.
  MaxMin sharing({10.0, 4.0, 6.0});
  add(sharing, 0, {0, 1, 2});
  for (std::uint32_t link = 0; link < 3; ++link) add(sharing, 1 + link, {link});
  (void)sharing.settle();
  CHECK(sharing.rate(0) == 2.0);
  CHECK(sharing.rate(1) == 8.0);
  CHECK(sharing.rate(2) == 2.0);
  CHECK(sharing.rate(3) == 4.0);
}

TEST_CASE("max-min: what a limited flow does not take goes to the others") {
  // 12 for three flows of which one takes 1 and one 5: 1, 5 and the other 6.
  MaxMin sharing({12.0});
  add(sharing, 0, {0}, 5.0);
  add(sharing, 1, {0}, 1.0);
  add(sharing, 2, {0});
  (void)sharing.settle();
  CHECK(sharing.rate(0) == 5.0);
  CHECK(sharing.rate(1) == 1.0);
  CHECK(sharing.rate(2) == 6.0);
  add(sharing, 3, {0});  // 11 for three: 3.67 each, below the limit of 5
  (void)sharing.settle();
  CHECK(sharing.rate(0) == doctest::Approx(11.0 / 3.0).epsilon(1e-12));
  CHECK(sharing.rate(3) == doctest::Approx(11.0 / 3.0).epsilon(1e-12));
}

TEST_CASE("max-min: a change of one link is told of the flows that it reaches alone") {
  // 0 and 1 on link 0, 2 and 3 on link 1; all cross link 2, which is wide.
  MaxMin sharing({10.0, 10.0, 100.0});
  add(sharing, 0, {0, 2});
  add(sharing, 1, {0, 2});
  add(sharing, 2, {1, 2});
  add(sharing, 3, {1, 2});
  CHECK(sharing.settle().size() == 4);
  CHECK(sharing.settle().empty());
  sharing.remove(0);
  REQUIRE(sharing.settle().size() == 1);
  CHECK(sharing.rate(1) == 10.0);
  sharing.set_capacity(2, 12.0);  // now the narrowest of 1, 2 and 3: 4 each
  CHECK(sharing.settle().size() == 3);
  for (std::uint32_t flow = 1; flow < 4; ++flow) CHECK(sharing.rate(flow) == 4.0);
  sharing.set_capacity(2, 100.0);
  (void)sharing.settle();
  CHECK(sharing.rate(1) == 10.0);
  CHECK(sharing.rate(2) == 5.0);
}

TEST_CASE("max-min: a flow that comes pushes another so that a third gains") {
  // Link 0 (10): a. Link 1 (8): a, b. Link 2 (20): b. Alone a and b have 4 each of link 1... then c joins on link 0
  // with d and e: a falls to 2.5, b rises to 5.5.
  MaxMin sharing({10.0, 8.0, 20.0});
  add(sharing, 0, {0, 1});
  add(sharing, 1, {1, 2});
  (void)sharing.settle();
  CHECK(sharing.rate(0) == 4.0);
  CHECK(sharing.rate(1) == 4.0);
  for (std::uint32_t flow = 2; flow < 5; ++flow) add(sharing, flow, {0});
  (void)sharing.settle();
  CHECK(sharing.rate(0) == 2.5);
  CHECK(sharing.rate(1) == 5.5);
}

TEST_CASE("max-min: every flow has a bottleneck and no link too much after each of many changes") {
  // 60 links of unequal capacity, up to 150 flows over 1 to 6 of them; every tenth change is of a capacity.
  std::mt19937 bits(5);
  const auto below = [&](std::uint32_t end) { return static_cast<std::uint32_t>(bits()) % end; };
  std::vector<double> capacities;
  for (int link = 0; link < 60; ++link) capacities.push_back(1.0 + below(50));
  MaxMin sharing(capacities);
  std::map<std::uint32_t, Member> flows;
  int wrong = 0;
  for (int change = 0; change < 4'000; ++change) {
    const std::uint32_t flow = below(150);
    if (change % 10 == 9) {
      const std::uint32_t link = below(60);
      capacities[link] = 1.0 + below(50);
      sharing.set_capacity(link, capacities[link]);
    } else if (flows.contains(flow)) {
      sharing.remove(flow);
      flows.erase(flow);
    } else {
      Member member;
      while (member.links.size() < 1 + flow % 6) {
        const std::uint32_t link = below(60);
        if (std::find(member.links.begin(), member.links.end(), link) == member.links.end()) {
          member.links.push_back(link);
        }
      }
      if (below(4) == 0) member.limit = 0.5 + below(5);
      add(sharing, flow, member.links, member.limit);
      flows[flow] = member;
    }
    if (below(3) == 0) continue;  // several changes at once
    (void)sharing.settle();
    wrong += not_fair(sharing, flows, capacities);
  }
  CHECK(wrong == 0);
  CHECK(flows.size() > 50);
}

TEST_CASE("max-min: a flow over no link is refused") {
  MaxMin sharing({1.0});
  CHECK_THROWS_WITH_AS(add(sharing, 0, {}), doctest::Contains("a flow crosses 1 to 6 links"), BugError);
}
