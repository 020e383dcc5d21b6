#include "sim/kv/block_ids.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;
using kv::BlockIds;

namespace {

const std::vector<std::uint64_t> kNothing;

workloads::Request request(std::uint32_t id, std::uint32_t tokens, std::uint32_t block,
                           std::vector<std::uint64_t> ids) {
  return {.id = RequestId{id}, .prompt_tokens = tokens, .prefix = {.block_tokens = block, .ids = std::move(ids)}};
}

}  // namespace

TEST_CASE("block ids: blocks of the source that are equal give engine blocks that are equal and no others") {
  // 64-token blocks into 16: two prompts share the first block, so 4 engine blocks and not the fifth.
  const auto a = request(0, 128, 64, {7, 8});
  const auto b = request(1, 128, 64, {7, 9});
  const BlockIds of_a(a, kNothing, 16);
  const BlockIds of_b(b, kNothing, 16);
  CHECK(of_a.known_in_prompt() == 8);
  for (std::uint32_t i = 0; i < 4; ++i) CHECK(of_a[i] == of_b[i]);
  for (std::uint32_t i = 4; i < 8; ++i) CHECK(of_a[i] != of_b[i]);
  for (std::uint32_t i = 1; i < 8; ++i) CHECK(of_a[i] != of_a[i - 1]);
}

TEST_CASE("block ids: a larger block is named by the last source block in it") {
  // 16-token blocks into 64: the second engine block is shared only if all of its four are, that is, the fourth.
  const auto a = request(0, 128, 16, {1, 2, 3, 4, 5, 6, 7, 8});
  const auto b = request(1, 128, 16, {1, 2, 3, 4, 5, 6, 7, 9});
  const BlockIds of_a(a, kNothing, 64);
  const BlockIds of_b(b, kNothing, 64);
  CHECK(of_a.known_in_prompt() == 2);
  CHECK(of_a[0] == of_b[0]);
  CHECK(of_a[1] != of_b[1]);
}

TEST_CASE("block ids: the last source block may be cut short and engine blocks beyond the prompt have no common name") {
  // 100 tokens in 64-token blocks: two ids. Engine blocks of 16: six are full, and the seventh ends behind the prompt.
  const auto a = request(0, 100, 64, {1, 2});
  const auto b = request(1, 100, 64, {1, 2});
  const BlockIds of_a(a, kNothing, 16);
  const BlockIds of_b(b, kNothing, 16);
  CHECK(of_a.known_in_prompt() == 6);
  CHECK(of_a[5] == of_b[5]);
  CHECK(of_a[6] != of_b[6]);
  CHECK(of_a.known(1000) == 6);
}

TEST_CASE("block ids: ids that cover less than the prompt name no more than they cover") {
  const auto a = request(0, 100, 32, {1});
  CHECK(BlockIds(a, kNothing, 16).known_in_prompt() == 2);
  CHECK(BlockIds(a, kNothing, 64).known_in_prompt() == 0);
  // What goes on behind a prompt that is not covered is known to nobody.
  const std::vector<std::uint64_t> history{5};
  CHECK(BlockIds(a, history, 16).known(500) == 2);
}

TEST_CASE("block ids: a conversation's next prompt knows prompt and answer by the names of its own blocks") {
  // First turn: 100 + 60 tokens, ids of 64 tokens. The next prompt of 200 tokens begins with these 160.
  const auto first = request(0, 100, 64, {1, 2});
  const std::vector<std::uint64_t> history{12, 13};  // of source blocks 1 and 2
  const auto next = request(1, 200, 64, {1, 12, 13, 14});
  const BlockIds of_first(first, history, 16);
  const BlockIds of_next(next, kNothing, 16);
  // 159 tokens are ever computed: 9 full blocks.
  CHECK(of_first.known(159) == 9);
  for (std::uint32_t i = 0; i < 9; ++i) CHECK(of_first[i] == of_next[i]);
}

TEST_CASE("block ids: without ids every block has a name of its own") {
  const auto a = request(0, 64, 0, {});
  const auto b = request(1, 64, 0, {});
  const BlockIds of_a(a, kNothing, 16);
  CHECK(of_a.known_in_prompt() == 0);
  CHECK(of_a.known(64) == 0);
  CHECK(of_a[0] != BlockIds(b, kNothing, 16)[0]);
  CHECK(of_a[0] == BlockIds(a, kNothing, 16)[0]);
}
