#include "sim/serving/decode_blocks.hpp"

#include <algorithm>

namespace tokenyard::serving {

std::uint64_t DecodeBlocks::steps_within(const Room& room, std::uint64_t most) const {
  // A full cycle of places takes a block of each group for each decode.
  const std::uint64_t cycle = layout_.groups() * room.decodes;
  const std::uint64_t whole = room.free / cycle;
  if (whole * layout_.tokens >= most && room.too_few >= UINT32_MAX) return most;
  std::uint64_t free = room.free;
  std::uint64_t steps = 0;
  Walk walk(*this, room.left_behind);
  const auto fits = [&] {
    if (steps == most) return false;
    const Walk::Change change = walk.next();
    free += change.freed;
    if (change.taken > free || free - change.taken > room.too_few) return false;
    free -= change.taken;
    ++steps;
    return true;
  };
  if (passing_.empty()) {
    steps = whole * layout_.tokens;
    free -= whole * cycle;
  } else {
    for (std::uint32_t i = 0; i < layout_.tokens; ++i) {
      if (!fits()) return steps;
    }
    // From here on every cycle frees and takes the same, and no place finds more free than in the cycle before.
    Walk ahead(*this, walk.left_behind());
    std::uint64_t peak = 0;
    for (std::uint32_t i = 0; i < layout_.tokens; ++i) {
      (void)ahead.next();
      peak = std::max(peak, ahead.taken() - std::min(ahead.taken(), ahead.freed()));
    }
    if (free >= peak) {
      const std::uint64_t net = ahead.taken() - ahead.freed();
      const std::uint64_t cycles = net == 0 ? most : (free - peak) / net + 1;
      if (cycles * layout_.tokens >= most - steps) return most;
      steps += cycles * layout_.tokens;
      free -= cycles * net;
    }
  }
  while (fits()) {
  }
  return steps;
}

}  // namespace tokenyard::serving
