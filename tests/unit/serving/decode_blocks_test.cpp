#include "sim/serving/decode_blocks.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

using namespace tokenyard;
using serving::DecodeBlocks;

namespace {

/// Each decode on its own, by what the layout says it holds.
struct OneByOne {
  kv::BlockLayout layout;
  std::vector<std::uint64_t> computed;
  std::uint64_t left_behind = 0;

  [[nodiscard]] DecodeBlocks::Walk::Change step() {
    DecodeBlocks::Walk::Change change{.freed = static_cast<std::uint32_t>(left_behind), .taken = 0};
    left_behind = 0;
    for (std::uint64_t& tokens : computed) {
      change.taken += layout.needed(tokens, tokens + 1) - layout.held(tokens);
      left_behind += layout.needed(tokens, tokens + 1) - layout.held(tokens + 1);
      ++tokens;
    }
    return change;
  }
};

}  // namespace

TEST_CASE("decode blocks: sums over places say what every decode takes and leaves behind") {
  std::uint64_t dice = 5;
  const auto below = [&dice](std::uint64_t n) {
    dice = dice * 6364136223846793005ULL + 1442695040888963407ULL;
    return (dice >> 33) % n;
  };
  for (int round = 0; round < 200; ++round) {
    const auto tokens = static_cast<std::uint32_t>(1 + below(9));
    const kv::BlockLayout layout{.tokens = tokens,
                                 .full = static_cast<std::uint32_t>(below(3)),
                                 .windowed = static_cast<std::uint32_t>(1 + below(2)),
                                 .window = static_cast<std::uint32_t>(1 + below(40))};
    DecodeBlocks sums(layout);
    OneByOne each{.layout = layout, .computed = {}};
    for (std::uint64_t i = 0; i < 1 + below(7); ++i) {
      each.computed.push_back(sums.first_pass() + below(60));
      sums.join(each.computed.back());
      sums.join_passing(each.computed.back());
      // The step in which it next leaves a block behind is the first after which it holds one more than it needs.
      std::uint64_t at = each.computed.back();
      while (layout.passed(at + 1) == layout.passed(at)) ++at;
      CHECK(sums.until_pass(each.computed.back()) == at - each.computed.back());
    }
    const std::uint64_t free = below(60);
    const std::uint64_t most = below(200);
    const std::uint64_t too_few = below(2) == 0 ? UINT32_MAX : free + below(4);
    const std::uint64_t within =
        sums.steps_within({.decodes = each.computed.size(), .free = free, .left_behind = 3, .too_few = too_few}, most);

    DecodeBlocks::Walk walk(sums, 3);
    each.left_behind = 3;
    std::uint64_t left = free;
    std::uint64_t steps = 0;
    bool enough = true;
    for (int step = 0; step < 220; ++step) {
      const auto expected = each.step();
      const auto change = walk.next();
      CHECK(change.freed == expected.freed);
      CHECK(change.taken == expected.taken);
      left += expected.freed;
      enough = enough && expected.taken <= left && left - expected.taken <= too_few;
      if (!enough) continue;
      left -= expected.taken;
      ++steps;
    }
    CHECK(within == std::min(steps, most));
    CHECK(walk.left_behind() == each.left_behind);
  }
}
