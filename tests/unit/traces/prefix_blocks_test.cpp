#include "workloads/traces/prefix_blocks.hpp"

#include "tests/support/trace_records.hpp"
#include "workloads/traces/fields.hpp"
#include "workloads/traces/reuse_meter.hpp"
#include "workloads/traces/row_fault.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::workloads;

namespace {

using Ids = std::vector<std::uint64_t>;

std::size_t shared(const PromptPrefix& a, const PromptPrefix& b) {
  std::size_t count = 0;
  while (count < a.ids.size() && count < b.ids.size() && a.ids[count] == b.ids[count]) ++count;
  return count;
}

}  // namespace

TEST_CASE("prefix blocks: larger blocks take the name of the last small one") {
  const PromptPrefix small{.block_tokens = 64, .ids = {1, 2, 3, 4, 5, 6, 7, 8, 9}};
  CHECK(reblocked(small, 576, 128).ids == Ids{2, 4, 6, 8, 9});
  CHECK(reblocked(small, 576, 512).ids == Ids{8, 9});
  // Behind 576 of 600 tokens nothing is known, so the last large block has no name.
  CHECK(reblocked(small, 600, 128).ids == Ids{2, 4, 6, 8});
  CHECK(reblocked(small, 600, 512).ids == Ids{8});
  CHECK(reblocked(small, 600, 64).ids == small.ids);
}

TEST_CASE("prefix blocks: of a large block all parts are shared or none") {
  const PromptPrefix a{.block_tokens = 512, .ids = {1, 2, 3}};
  const PromptPrefix b{.block_tokens = 512, .ids = {1, 2, 9}};
  const PromptPrefix small_a = reblocked(a, 1100, 16);
  const PromptPrefix small_b = reblocked(b, 1536, 16);
  CHECK(small_a.ids.size() == 69);  // ceil(1100 / 16)
  CHECK(small_b.ids.size() == 96);
  CHECK(shared(small_a, small_b) == 64);  // 1024 tokens
  CHECK(small_a.ids[31] == 1);            // where the large block ends its name holds
}

TEST_CASE("prefix blocks: down and up again gives the old names") {
  const PromptPrefix a{.block_tokens = 512, .ids = {1, 2, 3}};
  CHECK(reblocked(reblocked(a, 1536, 16), 1536, 512).ids == a.ids);
  CHECK(reblocked(reblocked(a, 1536, 64), 1536, 512).ids == a.ids);
}

TEST_CASE("prefix blocks: sizes that do not divide each other meet at their common divisor") {
  const PromptPrefix a{.block_tokens = 48, .ids = {1, 2, 3, 4}};  // 192 tokens
  const PromptPrefix b{.block_tokens = 48, .ids = {1, 2, 3, 9}};  // the first 144 tokens are the same
  CHECK(reblocked(a, 192, 64).ids.size() == 3);
  CHECK(shared(reblocked(a, 192, 64), reblocked(b, 192, 64)) == 2);  // 128 tokens
}

TEST_CASE("prefix blocks: a block that two prompts cut at other places is not the same") {
  const PromptPrefix a{.block_tokens = 512, .ids = {46, 47}};
  CHECK(shared(reblocked(a, 655, 16), reblocked(a, 672, 16)) == 40);  // 640 tokens; 655 ends inside the next block
  CHECK(shared(reblocked(a, 655, 16), reblocked(a, 655, 16)) == 41);
}

TEST_CASE("prefix blocks: pieces share their common beginning and no more") {
  const PromptPrefix a = blocks_of({{1, 20}, {2, 20}, {3, 30}}, 10);
  const PromptPrefix b = blocks_of({{1, 20}, {2, 20}, {4, 30}}, 10);
  const PromptPrefix c = blocks_of({{2, 20}, {1, 20}, {3, 30}}, 10);
  CHECK(a.ids.size() == 7);
  CHECK(shared(a, b) == 4);
  CHECK(shared(a, c) == 0);
  CHECK(blocks_of({{1, 25}}, 10).ids.size() == 2);  // the third block is not full
}

TEST_CASE("prefix blocks: a growing context keeps its names until it is cut") {
  ContextNames text(7, 16);
  const PromptPrefix before = text.prefix(100);
  CHECK(before.ids.size() == 7);
  const PromptPrefix longer = text.prefix(200);
  CHECK(shared(before, longer) == 6);  // the seventh was cut short by the prompt's end
  text.cut(50);
  CHECK(shared(longer, text.prefix(200)) == 3);  // 48 of the 50 tokens are full blocks
  text.cut(150);
  CHECK(shared(longer, text.prefix(200)) == 3);
  CHECK(shared(ContextNames(8, 16).prefix(200), longer) == 0);
}

TEST_CASE("prefix blocks: contexts of one group share its prefix") {
  const ContextNames a(1, 16, 99, 64);
  const ContextNames b(2, 16, 99, 64);
  CHECK(shared(a.prefix(100), b.prefix(100)) == 4);
  CHECK(shared(a.prefix(40), b.prefix(100)) == 2);
}

TEST_CASE("reuse meter: lookups stop at the first missing block and tails go first") {
  const auto request = [](const Ids& ids) {
    TraceRecord record;
    record.prompt_tokens = ids.size() * 10 - 5;  // the last block is cut short
    record.prefix = {.block_tokens = 10, .ids = ids};
    return record;
  };
  ReuseMeter infinite;
  ReuseMeter three(3);
  for (const Ids& ids : {Ids{1, 2, 3, 4}, Ids{1, 2, 3, 4}, Ids{1, 9, 3}}) {
    infinite.add(request(ids));
    three.add(request(ids));
  }
  CHECK(infinite.blocks == 11);
  CHECK(infinite.blocks_hit == 4 + 1);
  CHECK(infinite.tokens_hit == 35 + 10);
  CHECK(infinite.full_blocks_hit == 3 + 1);
  CHECK(infinite.unique_blocks == 5);
  // Of 1 2 3 4 the cache keeps 1 2 3 (4 was put in first); the second time 3 blocks hit.
  CHECK(three.blocks_hit == 3 + 1);
}

TEST_CASE("fields: times are exact to the nanosecond") {
  CHECK(time_ns("4.314579", TimeUnit::Seconds, "t") == 4'314'579'000);
  CHECK(time_ns("0.0000000015", TimeUnit::Seconds, "t") == 2);  // rounded
  CHECK(time_ns("-1.5", TimeUnit::Milliseconds, "t") == -1'500'000);
  CHECK(time_ns("1777142838.338653999", TimeUnit::Seconds, "t") == 1'777'142'838'338'653'999);
  CHECK(time_ns("1777142838338653999", TimeUnit::Nanoseconds, "t") == 1'777'142'838'338'653'999);
  CHECK(time_ns("1e-05", TimeUnit::Seconds, "t") == 10'000);
  for (const char* const bad : {"", "x", "1.2.3", "1e300", "nan", "99999999999999999999"}) {
    INFO(bad);
    CHECK_THROWS_AS(static_cast<void>(time_ns(bad, TimeUnit::Seconds, "t")), RowFault);
  }
}
