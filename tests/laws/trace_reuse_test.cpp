#include "sim/kv/block_store.hpp"
#include "tests/support/data_file.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <string>
#include <vector>

using namespace tokenyard;

// Reuse of the public Mooncake traces (FAST'25 release, github.com/kvcache-ai/Mooncake, Apache-2.0): hit rates of an
// infinite cache and of LRU, counted by an independent script on the same files when the traces were surveyed. All
// blocks of a prompt count, the last one too though it is cut short; nothing is computed again for its own sake.

namespace {

const std::vector<std::uint64_t> kNoHistory;
constexpr std::uint32_t kBlock = 512;

struct Row {
  std::uint32_t tokens = 0;
  std::vector<std::uint64_t> ids;
};

std::uint64_t number_after(const std::string& line, std::size_t& at) {
  while (line[at] < '0' || line[at] > '9') ++at;
  std::uint64_t value = 0;
  const auto end = std::from_chars(line.data() + at, line.data() + line.size(), value).ptr;
  at = static_cast<std::size_t>(end - line.data());
  return value;
}

std::vector<Row> rows_of(const std::string& file) {
  std::vector<Row> rows;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    Row& row = rows.emplace_back();
    std::size_t at = line.find("input_length");
    row.tokens = static_cast<std::uint32_t>(number_after(line, at));
    at = line.find("hash_ids");
    while (line.find_first_of("0123456789", at) != std::string::npos && line[at] != ']') {
      row.ids.push_back(number_after(line, at));
    }
  }
  return rows;
}

struct Reuse {
  double blocks = 0;  ///< share of blocks found
  double tokens = 0;  ///< share of tokens found
};

/// Each prompt looks, puts in what is missing and ends before the next comes.
Reuse reuse(const std::vector<Row>& rows, std::uint32_t capacity) {
  kv::BlockStore store(capacity, {});
  std::uint64_t all_blocks = 0, found_blocks = 0, all_tokens = 0, found_tokens = 0;
  for (const Row& row : rows) {
    const auto count = static_cast<std::uint32_t>(row.ids.size());
    const workloads::Request request{.prompt_tokens = count * kBlock,
                                     .prefix = {.block_tokens = kBlock, .ids = row.ids}};
    const kv::BlockIds ids(request, kNoHistory, kBlock);
    const kv::BlockStore::Match match = store.match(ids, count);
    std::vector<std::uint32_t> held;
    store.acquire(match.blocks, 0, held);
    store.settle(store.free_blocks() - (count - match.blocks));
    store.name(ids, count, 0, held);
    store.release(held, 0);
    all_blocks += count;
    found_blocks += match.blocks;
    all_tokens += row.tokens;
    found_tokens += std::min(row.tokens, match.blocks * kBlock);
  }
  return {static_cast<double>(found_blocks) / static_cast<double>(all_blocks),
          static_cast<double>(found_tokens) / static_cast<double>(all_tokens)};
}

/// To the four digits that are printed.
void check(const std::vector<Row>& rows, std::uint32_t capacity, double blocks, double tokens) {
  CAPTURE(capacity);
  const Reuse found = reuse(rows, capacity);
  CHECK(std::round(found.blocks * 1e4) == doctest::Approx(blocks * 1e4).epsilon(1e-9));
  CHECK(std::round(found.tokens * 1e4) == doctest::Approx(tokens * 1e4).epsilon(1e-9));
}

}  // namespace

TEST_CASE("prefix reuse: the Mooncake conversation trace is found again as often as was counted independently") {
  const auto file = test::data_file("traces/mooncake/conversation_trace.jsonl");
  if (!file) return;
  const std::vector<Row> rows = rows_of(*file);
  REQUIRE(rows.size() == 12'031);
  check(rows, 300'000, 0.3664, 0.3736);  // more than its 182,790 different blocks: an infinite cache
  check(rows, 1'000, 0.0445, 0.0454);
  check(rows, 3'000, 0.0653, 0.0666);
  check(rows, 10'000, 0.2116, 0.2157);
  check(rows, 30'000, 0.3257, 0.3322);
  check(rows, 50'000, 0.3546, 0.3615);
  check(rows, 100'000, 0.3637, 0.3708);
}

TEST_CASE("prefix reuse: the Mooncake synthetic trace is found again as often as was counted independently") {
  const auto file = test::data_file("traces/mooncake/synthetic_trace.jsonl");
  if (!file) return;
  const std::vector<Row> rows = rows_of(*file);
  REQUIRE(rows.size() == 3'993);
  check(rows, 130'000, 0.6396, 0.6512);
  check(rows, 1'000, 0.0841, 0.0857);
  check(rows, 3'000, 0.1906, 0.1942);
  check(rows, 10'000, 0.4239, 0.4318);
  check(rows, 30'000, 0.6242, 0.6356);
  check(rows, 50'000, 0.6396, 0.6512);
  check(rows, 100'000, 0.6396, 0.6512);
}
