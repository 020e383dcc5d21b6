#include "models/base/errors.hpp"
#include "models/cost/kernels.hpp"
#include "models/device/attention_kernels.hpp"
#include "sim/config/catalog.hpp"
#include "sim/run/assemble.hpp"
#include "sim/run/engine_memory.hpp"
#include "sim/run/graph_sizes.hpp"
#include "sim/run/served_chip.hpp"
#include "tests/support/small_experiment.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tokenyard;
using namespace tokenyard::test;

namespace {

config::PoolSpec pool(const std::string& engine, const std::string& more = "") {
  return read({.pools = "{serve: {" + more + " engine: " + engine + "}}"}).pools[0];
}

config::EngineSpec engine_of(const std::string& text) { return pool(text).engine; }

constexpr double kMiB = 1024.0 * 1024.0;

}  // namespace

TEST_CASE("engines: each kind reads its own settings under its own names") {
  const auto sglang = engine_of(
      "{kind: sglang, max_running_requests: 7, chunked_prefill_size: 4096, max_prefill_tokens: 5000, "
      "schedule_conservativeness: 0.3, enable_mixed_chunk: true, page_size: 64, scheduler_recv_interval: 30, "
      "num_reserved_decode_tokens: 64, schedule_policy: lpm, prefix_caching: true}");
  const auto& rules = std::get<policy::SglangSpec>(sglang.rules);
  CHECK(rules.max_running_requests == 7);
  CHECK(rules.chunked_prefill_size == 4096);
  CHECK(rules.max_prefill_tokens == 5000);
  CHECK(rules.schedule_conservativeness == 0.3);
  CHECK(rules.enable_mixed_chunk);
  CHECK(rules.scheduler_recv_interval == 30);
  CHECK(rules.num_reserved_decode_tokens == 64);
  CHECK(rules.schedule_policy == policy::PromptOrder::LongestPrefix);
  CHECK(sglang.block_tokens == 64);

  const auto trtllm = engine_of(
      "{kind: tensorrt_llm, max_batch_size: 9, max_num_tokens: 100, capacity_scheduler_policy: max_utilization, "
      "enable_chunked_prefill: true, context_chunking_policy: equal_progress, batch_wait_timeout_iters: 5, "
      "batch_wait_max_tokens_ratio: 0.25, tokens_per_block: 64, attention_dp_balance: true, "
      "attention_dp_timeout_iters: 60, attention_dp_batching_wait_iters: 0}");
  const auto& other = std::get<policy::TrtllmSpec>(trtllm.rules);
  CHECK(other.max_batch_size == 9);
  CHECK(other.max_num_tokens == 100);
  CHECK(other.capacity_scheduler_policy == policy::CapacityPolicy::MaxUtilization);
  CHECK(other.enable_chunked_prefill);
  CHECK(other.context_chunking_policy == policy::ChunkingPolicy::EqualProgress);
  CHECK(other.batch_wait_timeout_iters == 5);
  CHECK(other.batch_wait_max_tokens_ratio == 0.25);
  CHECK(other.attention_dp_balance);
  CHECK(other.attention_dp_timeout_iters == 60);
  CHECK(other.attention_dp_batching_wait_iters == 0);
  CHECK(trtllm.block_tokens == 64);
}

TEST_CASE("engines: without settings each kind has its engine's block") {
  CHECK(engine_of("{kind: vllm}").block_tokens == 16);
  CHECK(engine_of("{kind: sglang}").block_tokens == 1);
  CHECK(engine_of("{kind: tensorrt_llm}").block_tokens == 32);
}

TEST_CASE("engines: vLLM alone launches one attention kernel for prompts and decodes unless told otherwise") {
  CHECK(engine_of("{kind: vllm}").one_attention_kernel);
  CHECK_FALSE(engine_of("{kind: sglang}").one_attention_kernel);
  CHECK_FALSE(engine_of("{kind: tensorrt_llm}").one_attention_kernel);
  CHECK_FALSE(engine_of("{kind: vllm, attention: two_kernels}").one_attention_kernel);
  CHECK(engine_of("{kind: sglang, attention: one_kernel}").one_attention_kernel);
}

TEST_CASE("engines: what stands beside a profile goes before it") {
  const auto plain = engine_of("{profile: sglang-0.5}");
  const auto changed = engine_of("{profile: sglang-0.5, chunked_prefill_size: 2048, front_end: {workers: 3}}");
  CHECK(std::get<policy::SglangSpec>(plain.rules).chunked_prefill_size == 8192);
  CHECK(std::get<policy::SglangSpec>(changed.rules).chunked_prefill_size == 2048);
  CHECK(plain.front_end.per_prompt_token == SimTime{1500});
  CHECK(changed.front_end.per_prompt_token == SimTime{1500});  // mappings are joined
  CHECK(changed.front_end.workers == 3);
  CHECK(plain.front_end.per_output_token == SimTime{46'000});  // 1 s / 21,752, to the microsecond
}

TEST_CASE("engines: every profile of the catalogue is read and is called as its file") {
  const auto names = config::catalog_names("models/catalog/engines");
  CHECK(names.size() >= 6);
  for (const std::string& name : names) {
    CAPTURE(name);
    const config::Experiment experiment = read({.pools = "{serve: {engine: {profile: " + name + "}}}"});
    CHECK(experiment.resolved.find("name: " + name + "\n") != std::string::npos);
    CHECK(experiment.resolved.find("sources:") != std::string::npos);
    CHECK(capacity_of(experiment.pools[0], experiment.llm, experiment.chips.at("h100-sxm")).blocks_per_rank > 0);
  }
}

TEST_CASE("engines: an experiment with a profile as it was understood is the same experiment") {
  const config::Experiment once = read({.pools = "{serve: {engine: {profile: trtllm-1.2, max_num_tokens: 4096}}}"});
  const TempYaml again(once.resolved);
  CHECK(config::read_experiment(again.path(), {}).resolved == once.resolved);
}

TEST_CASE("engine memory: SGLang reserves for chunk and graphs and chips but at least 10 GiB on a large card") {
  // 512 + 1.5 * 8,192 + 2 * 256 + 1024 / 8 = 13,440 MiB of 81,920: 0.8359, in three digits 0.836.
  const auto one = pool("{kind: sglang}");
  CHECK(memory_share(one.engine, one.plan, Bytes{81'920 * kMiB}) == 0.836);
  // Chunk 2,048: 512 + 3,072 + 512 + 128 = 4,224, so 10,240 of 81,920.
  const auto small = pool("{kind: sglang, chunked_prefill_size: 2048}");
  CHECK(memory_share(small.engine, small.plan, Bytes{81'920 * kMiB}) == 0.875);
  // On a card of 40 GiB the same 4,224 of 40,960: 0.8969.
  CHECK(memory_share(small.engine, small.plan, Bytes{40'960 * kMiB}) == 0.897);
  // From four ranks on it captures 512: 512 + 12,288 + 1,024 + 4 * 128 = 14,336 MiB of 81,920.
  const auto four = read({.pools = "{serve: {engine: {kind: sglang}, parallel: {tensor: 4}}}"}).pools[0];
  CHECK(four.engine.graph_max == 512);
  CHECK(memory_share(four.engine, four.plan, Bytes{81'920 * kMiB}) == 0.825);
  // What is set holds.
  const auto set = pool("{kind: sglang, mem_fraction_static: 0.7}");
  CHECK(memory_share(set.engine, set.plan, Bytes{81'920 * kMiB}) == 0.7);
}

TEST_CASE("engine memory: SGLang reserves more for attention ranks") {
  // 16 chips in 8 ranks of 2: 512 + 12,288 + 512 + 2,048 + 3 * 256 * 8 = 21,504 MiB of 143,360: 0.85.
  const auto ranks = config::EngineSpec{.rules = policy::SglangSpec{}, .graph_max = 256, .memory = {.utilisation = {}}};
  CHECK(memory_share(ranks, {.tensor = 2, .attention_data = 8}, Bytes{143'360 * kMiB}) == 0.85);
}

TEST_CASE("engine memory: TensorRT-LLM takes a share of what weights and reserve leave") {
  // Llama-3.1-8B in BF16 on an H100: 16,060,522,496 B of weights. A block of 32 tokens takes 32 * 131,072 B.
  const config::Experiment experiment =
      read({.pools = "{serve: {engine: {kind: tensorrt_llm, memory_reserve: 2 GB, free_gpu_memory_fraction: 0.5}}}"});
  const models::AcceleratorSpec& chip = experiment.chips.at("h100-sxm");
  const Capacity capacity = capacity_of(experiment.pools[0], experiment.llm, chip);
  const double free = chip.memory.value() - 2e9 - capacity.weights_per_chip.value();
  CHECK(capacity.blocks_per_rank == static_cast<std::uint32_t>(0.5 * free / (32 * 131'072)));
}

TEST_CASE("graph sizes: SGLang's list") {
  const auto sizes = graph_sizes(engine_of("{kind: sglang, cuda_graph_max_bs: 600}"));
  CHECK(std::vector<std::uint32_t>(sizes.begin(), sizes.begin() + 7) ==
        std::vector<std::uint32_t>{1, 2, 4, 8, 12, 16, 24});
  // 16 .. 256 by 8 are 31, 272 .. 496 by 16 are 15, 512, 544 and 576 are 3, and 600 itself.
  CHECK(sizes.size() == 5 + 31 + 15 + 3 + 1);
  CHECK(sizes.back() == 600);
  CHECK(graph_sizes(engine_of("{kind: sglang, cuda_graph_max_bs: 10}")) == std::vector<std::uint32_t>{1, 2, 4, 8, 10});
}

TEST_CASE("graph sizes: TensorRT-LLM has graphs of all small batches where it does not pad to those it has") {
  CHECK_FALSE(engine_of("{kind: tensorrt_llm}").graph_padding);
  const auto exact = graph_sizes(engine_of("{kind: tensorrt_llm, cuda_graph_max_batch_size: 600}"));
  // 1 .. 32; 64 and 128; 256 and 512; 600 itself.
  CHECK(exact.size() == 32 + 2 + 2 + 1);
  CHECK(exact[30] == 31);
  CHECK(std::vector<std::uint32_t>(exact.begin() + 31, exact.end()) ==
        std::vector<std::uint32_t>{32, 64, 128, 256, 512, 600});
  CHECK(graph_sizes(engine_of("{kind: tensorrt_llm, cuda_graph_max_batch_size: 20}")).size() == 20);
  const auto sizes =
      graph_sizes(engine_of("{kind: tensorrt_llm, cuda_graph_padding: true, cuda_graph_max_batch_size: 600}"));
  // 1, 2, 4; 8 .. 128 by 8 are 16; 256 and 512; 600 itself.
  CHECK(sizes.size() == 3 + 16 + 2 + 1);
  CHECK(sizes[18] == 128);
  CHECK(sizes[19] == 256);
  CHECK(sizes.back() == 600);
}

TEST_CASE("precision: a checkpoint in MXFP4 is multiplied with 8-bit activations where the chip has such kernels") {
  const auto experts = [](const char* machine, const char* written) {
    const auto pools = std::string("{serve: {engine: {kind: vllm}, precision: {experts: ") + written + "}}}";
    return read({.topology = machine, .llm = "gpt-oss-120b", .pools = pools}).pools[0].precision.experts;
  };
  CHECK(experts("hgx-h200", "native") == models::GemmKind::W4a16);
  CHECK(experts("hgx-b200", "native") == models::GemmKind::W4a8);
  CHECK(experts("hgx-b200", "w4a16") == models::GemmKind::W4a16);
}

TEST_CASE("served chip: an engine that decodes by FlashAttention waits longer where the chip says how much") {
  auto experiment = read({.pools = "{serve: {engine: {kind: vllm, flash_attention: true}}}"});
  const auto fp8 = static_cast<std::size_t>(models::Dtype::Fp8);
  const auto& measured = *experiment.chips.at("h100-sxm").kernels.decode_attention[fp8];
  REQUIRE(measured.flash > Seconds{});
  const models::AcceleratorSpec flash = served_chip(experiment, experiment.pools[0]);
  CHECK(flash.kernels.decode_attention[fp8]->t0 == measured.t0);
  CHECK(flash.kernels.decode_attention[fp8]->added == measured.flash);
  experiment.pools[0].engine.flash_attention = false;
  CHECK(served_chip(experiment, experiment.pools[0]).kernels.decode_attention[fp8]->added == Seconds{});
}

TEST_CASE("served chip: prompts over an FP8 cache take as many times as long as over BF16 as the engine says") {
  const auto prompt = [](const char* engine, models::Dtype kv) {
    const auto experiment = read({.topology = "hgx-b200",
                                  .llm = "llama-3.1-70b",
                                  .pools = std::string("{serve: {engine: {kind: vllm") + engine + "}}}"});
    const cost::ContextAttentionShape shape{
        .tokens = 8192.0, .area_x2 = 8192.0 * 8192.0, .longest = 8192.0, .heads = 64, .kv_heads = 8, .head_dim = 128};
    const models::AcceleratorSpec chip = served_chip(experiment, experiment.pools[0]);
    const auto* const kernel = models::context_kernel(chip.kernels, kv, {.head_dim = 128, .group = 8});
    return cost::kernel_work(shape, *kernel, chip);  // without the start of a launch, which no rate scales
  };
  const Seconds bf16 = prompt("", models::Dtype::Bf16);
  CHECK(prompt("", models::Dtype::Fp8) < bf16);
  CHECK(prompt(", fp8_prompt_attention: 2.2", models::Dtype::Fp8).value() ==
        doctest::Approx(2.2 * bf16.value()).epsilon(1e-9));
  CHECK(prompt(", fp8_prompt_attention: 2.2", models::Dtype::Bf16) == bf16);
}

TEST_CASE("served chip: the first of an engine's all-reduce kernels that the chip has") {
  const auto all_reduce = [](const char* names, const char* more = "") {
    const auto experiment =
        read({.pools = std::string("{serve: {engine: {kind: vllm, all_reduce: ") + names + more + "}}}"});
    return served_chip(experiment, experiment.pools[0]).kernels.collectives;
  };
  CHECK(all_reduce("[]").all_reduce == "vllm-0.24");
  CHECK(all_reduce("[mine, trtllm-1.3, default]").all_reduce == "trtllm-1.3");
  CHECK(all_reduce("[mine, default]").all_reduce == "vllm-0.24");
  // 128 hidden vectors of 4,096 in BF16.
  CHECK(all_reduce("[]", ", one_shot_tokens: 128").one_shot_up_to == Bytes{128 * 4096 * 2.0});
}

TEST_CASE("served chip: kernels of experts are those that the engine names and the chip has for the format") {
  const auto served = [](const char* engine, const char* parallel) {
    auto experiment = read(
        {.topology = "hgx-b200",
         .llm = "deepseek-r1",
         .pools = std::string("{serve: {engine: {kind: vllm, experts: ") + engine + "}, parallel: " + parallel + "}}"});
    return served_chip(experiment, experiment.pools[0]).kernels;
  };
  const auto blocks = static_cast<std::size_t>(models::GemmKind::Fp8Block);
  const auto bf16 = static_cast<std::size_t>(models::GemmKind::Bf16);
  const models::KernelSet chosen = served("[mine, trtllm-gen, default]", "{tensor: 8}");
  REQUIRE(chosen.moe_in_use[blocks]);
  CHECK(chosen.moe_in_use[blocks]->t0 == chosen.moe_of.at("trtllm-gen")[blocks]->t0);
  CHECK(!chosen.moe_in_use[bf16]);  // the library has none
  CHECK(!served("[default, trtllm-gen]", "{tensor: 8}").moe_in_use[blocks]);
  CHECK(!served("[]", "{tensor: 8}").moe_in_use[blocks]);
  CHECK(!served("[trtllm-gen]", "{attention_data: 8, expert: 8}").moe_in_use[blocks]);  // tokens are dispatched
}
