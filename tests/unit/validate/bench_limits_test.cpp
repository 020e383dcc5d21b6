#include "sim/validate/bench_limits.hpp"

#include "models/base/errors.hpp"
#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;
using namespace tokenyard::validate;

namespace {

/// A chip whose memory holds the weights in BF16 and `requests` of 1,024 + 1,024 tokens in 0.95 of the rest.
BenchRun room_for(double requests) {
  const models::LlmSpec llm = test::tiny_dense();
  const double token = 4.0 * 2 * 2 * 128 * 2;  // layers, K and V, KV heads, their size, BF16
  const double weights = 2.0 * models::count_parameters(llm).total;
  return {.memory = Bytes{weights + requests * 2048.0 * token / 0.95}, .prompt = 1024, .output = 1024};
}

}  // namespace

TEST_CASE("limits of trtllm-bench: what memory holds is rounded up to coarse steps") {
  const auto batch = [](double requests) {
    return bench_limits(test::tiny_dense(), room_for(requests)).max_batch_size;
  };
  CHECK(batch(10.5) == 64);      // the least
  CHECK(batch(100.5) == 128);    // by 32
  CHECK(batch(300.5) == 384);    // by 128
  CHECK(batch(1100.5) == 1280);  // by 256
  CHECK(batch(1e6) == 4096);     // the most
}

TEST_CASE("limits of trtllm-bench: a step holds the decodes and the prompts that replace those that end") {
  const auto tokens = [](double requests, std::uint32_t prompt, std::uint32_t output) {
    BenchRun run = room_for(requests);
    run.prompt = prompt;
    run.output = output;
    return bench_limits(test::tiny_dense(), run).max_num_tokens;
  };
  CHECK(tokens(100.5, 1024, 1024) == 2048);   // 201
  CHECK(tokens(1500.5, 1024, 1024) == 3072);  // 3,001, by 256
  CHECK(tokens(300.5, 1920, 128) == 5120);    // 300.5 x 16 = 4,808, by 512
  CHECK(tokens(600.5, 1920, 128) == 10240);   // 9,608, by 1,024
  CHECK(tokens(1e6, 1920, 128) == 32768);     // the most
  // 40.5 x 1.95 are below the least, but a prompt finds its room beside a full batch of 64.
  CHECK(tokens(40.5, 2040, 2056) == 2040 + 64);
}

TEST_CASE("limits of trtllm-bench: every chip has a KV head at least and weights count without scales") {
  // Four chips with two KV heads count four: half as many tokens fit in what four of them leave.
  BenchRun run = room_for(600.5);
  const double cache = 600.5 * 2048 * 4.0 * 2 * 2 * 128 * 2 / 0.95;
  const double weights = models::count_parameters(test::tiny_dense()).total;
  run.chips = 4;
  run.memory = Bytes{(2.0 * weights + cache) / 4.0};
  CHECK(bench_limits(test::tiny_dense(), run).max_batch_size == 384);  // 300
  // Four bits a weight leave 1.5 B of each to the cache.
  run = room_for(0.0);
  run.weights = models::GemmKind::Nvfp4;
  run.memory += Bytes{600.5 * 2048 * 4.0 * 2 * 2 * 128 * 2 / 0.95 - 1.5 * weights};
  CHECK(bench_limits(test::tiny_dense(), run).max_batch_size == 640);
  CHECK_THROWS_AS(static_cast<void>(bench_limits(test::tiny_dense(), room_for(0.5))), SpecError);
}
