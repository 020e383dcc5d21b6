#include "models/cost/decode_grid.hpp"

#include "models/cost/kernels.hpp"
#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>

using namespace tokenyard;
using namespace tokenyard::cost;
using namespace tokenyard::literals;
using doctest::Approx;

namespace {

constexpr models::HeadShape kGroups{.head_dim = 128, .group = 8};
constexpr models::HeadShape kSingle{.head_dim = 128, .group = 1};

/// A chip of `multiprocessors` that splits contexts into parts of 100 tokens, 60 thread blocks at most.
models::KernelSet kernels(double root, double multiprocessors) {
  models::KernelSet set;
  set.attention_split = {.keys = 100, .blocks = 60, .root = root};
  set.multiprocessors = multiprocessors;
  return set;
}

}  // namespace

TEST_CASE("decode grid: a context that is split starts as many thread blocks as it fills up to the chip's") {
  const DecodeGrid grid(kernels(0, 0), {}, kGroups);
  CHECK(grid.launch(grid.lanes(8), 100).blocks == 8);      // 100 tokens each: one block a head
  CHECK(grid.launch(grid.lanes(8), 300).blocks == 24);     // three of them
  CHECK(grid.launch(grid.lanes(8), 1e6).blocks == 60);     // never more than the chip takes
  CHECK(grid.launch(grid.lanes(100), 1e6).blocks == 100);  // but one for each head of each sequence
  const DecodeGrid unsplit(models::KernelSet{}, {}, kGroups);
  CHECK(unsplit.launch(unsplit.lanes(8), 1e6).blocks == 8);
}

TEST_CASE("decode grid: a long context has the root of its parts and whole parts where the chip is full") {
  const DecodeGrid grid(kernels(4, 20), {.resident = 1}, kGroups);
  CHECK(grid.launch(grid.lanes(1), 300).parts == 3);                                       // below 4 parts it has them all
  CHECK(grid.launch(grid.lanes(1), 1600).parts == Approx(8).epsilon(1e-12));               // root of 4 * 16
  CHECK(grid.launch(grid.lanes(8), 1600).blocks == 8 * 7);                                 // 60 blocks are 7.5 for each of 8
  const DecodeGrid uncounted(kernels(4, 0), {}, kGroups);
  CHECK(uncounted.launch(uncounted.lanes(8), 1600).blocks == 60);  // where waves do not count they may part
}

TEST_CASE("decode grid: the last wave takes as long as a full one or the share that it must") {
  const DecodeGrid whole(kernels(0, 10), {.resident = 2, .last_wave = 1.0}, kGroups);  // 20 places
  CHECK(whole.padded(20) == 20);
  CHECK(whole.padded(21) == 40);
  CHECK(whole.padded(3) == 20);
  const DecodeGrid part(kernels(0, 10), {.resident = 2, .last_wave = 0.5}, kGroups);
  CHECK(part.padded(21) == 30);                         // one block of the last wave counts as 10
  CHECK(part.padded(35) == Approx(35).epsilon(1e-12));  // 15 of 20 fill more than half of it
  CHECK(part.padded(3) == 10);
  CHECK(DecodeGrid(kernels(0, 10), {}, kGroups).padded(21) == 21);  // a kernel whose places are not known
}

TEST_CASE("decode grid: single heads have larger blocks while there are few and split contexts only into the largest") {
  const DecodeGrid grid(kernels(0, 10), {.resident = 4}, kSingle);  // 40 places of 256 threads
  CHECK(grid.launch(grid.lanes(41), 1e6).blocks == 41);                         // they fill the chip
  CHECK(grid.launch(grid.lanes(40), 1e6).blocks == 40);
  CHECK(grid.launch(grid.lanes(39), 1e6).blocks == 2 * 39);  // 512 threads, in two waves of 20 of them
  CHECK(grid.launch(grid.lanes(13), 1e6).blocks == 4 * 13);  // 1,024 threads, in two waves of 10
  CHECK(grid.launch(grid.lanes(10), 1e6).parts == 1);
  CHECK(grid.launch(grid.lanes(3), 1e6).parts == 4);   // the least that gives each of 10 one
  CHECK(grid.launch(grid.lanes(3), 1024).parts == 2);  // a block loads 512 keys of 128 at least
  CHECK(grid.launch(grid.lanes(3), 1024).blocks == 4 * 3 * 2);
}

TEST_CASE("decode grid: a price never falls as contexts grow and with a window neither") {
  for (const models::HeadShape& heads : {kGroups, kSingle}) {
    const DecodeGrid grid(kernels(8, 13), {.per_head = 0.1_us, .per_part = 0.05_us, .resident = 4, .last_wave = 0.4},
                          heads);
    bool falls = false;
    for (const double window : {100.0, 512.0, 1e9}) {
      for (double lanes = 1; lanes < 200; ++lanes) {
        double last = 0.0;
        for (double length = 1; length < 1e5; length *= 1.02) {
          const double seen = std::min(length, window);
          const DecodeGrid::Cost cost = grid.cost(grid.lanes(lanes), seen, length);
          const double price = 1e-9 * lanes * seen * cost.reads + cost.starts.value();
          falls = falls || price < last * (1.0 - 1e-12);  // only rounding
          last = price;
        }
      }
    }
    CHECK_FALSE(falls);
  }
}

TEST_CASE("decode grid: waves and parts stand in the price of a kernel") {
  models::AcceleratorSpec chip = test::round_chip();
  models::DecodeAttentionCoefficients& c =
      *chip.kernels.decode_attention[static_cast<std::size_t>(models::Dtype::Bf16)];
  chip.kernels.attention_split = {.keys = 100, .blocks = 1000};
  chip.kernels.multiprocessors = 8;
  c.per_head = 0.5_us;
  c.per_part = 0.25_us;
  c.resident = 2;
  c.last_wave = 1.0;
  const DecodeAttentionShape shape{.sequences = 2, .context = 1000, .heads = 8, .kv_heads = 2, .head_dim = 100};
  // 4 heads of 500 tokens make 20 blocks in two waves of 16: 32 places of 0.75 us, and 1.008 us of reading for 32 of 20
  CHECK(decode_attention_time(shape, models::Dtype::Bf16, chip).value() * 1e6 ==
        Approx(10.0 + 32 * 0.75 + 1.008 * 32 / 20).epsilon(1e-12));
}
