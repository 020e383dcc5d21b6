#pragma once

#include "models/base/units.hpp"
#include "models/cost/network_figures.hpp"
#include "models/cost/step_cost.hpp"
#include "models/device/accelerator.hpp"
#include "models/llm/architecture.hpp"
#include "models/llm/parallel_plan.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>

namespace tokenyard::test {

/// Software with round figures:
///   own all-reduce  min( 4 us + (p-1)(0.1 us + S/50G) , 9 us + 0.1 us (p-1) + 2(p-1)/p*S/80G ), whatever the size
///   library         10 us + 2 us (p-1) + X + sqrt(7 us * X), X = V/100G + S/400G ; switches 12 us + X + sqrt(40 us *
///   X),
///                   X = V/90G, from 2 MB ; two levels 50 us + X + sqrt(140 us * X), 0.8 of the uplink ; hop 8 and 20
///                   us
///   exchange        dispatch 10 us + 1 us log2 ep + bytes/50G ; combine 8 us + 2 us log2 ep + bytes/50G ; over several
///                   domains 12 us + 1 us log2 d and 10 us + 1 us log2 d
[[nodiscard]] inline models::CollectiveKernels round_collectives() {
  using namespace tokenyard::literals;
  const models::Provenance made_up{.source = "made up"};
  models::CollectiveKernels c;
  c.all_reduces["own"] = {.one_shot_t0 = 4_us,
                          .per_peer = 0.1_us,
                          .one_shot_eff = 0.5,
                          .two_shot_t0 = 9_us,
                          .two_shot_eff = 0.8,
                          .up_to = Bytes{1e12},
                          .provenance = made_up};
  models::LibraryCoefficients& library = c.libraries["library"];
  library.ring.fill({.launch = 10_us, .per_peer = 2_us, .copy = 4.0, .fill = 7_us, .provenance = made_up});
  library.in_network = models::InNetworkCoefficients{
      .launch = 12_us, .eff = 0.9, .fill = 40_us, .from = Bytes{2e6}, .provenance = made_up};
  library.two_level = {.launch = 50_us, .across_eff = 0.8, .fill = 140_us, .provenance = made_up};
  library.point_to_point = {.launch_inside = 8_us, .launch_across = 20_us, .provenance = made_up};
  models::ExchangeKernel& exchange = c.exchanges["exchange"];
  exchange.dispatch = {.launch = 10_us,
                       .per_doubling = 1_us,
                       .across_launch = 12_us,
                       .across_per_doubling = 1_us,
                       .eff = 0.5,
                       .provenance = made_up};
  exchange.combine = {.launch = 8_us,
                      .per_doubling = 2_us,
                      .across_launch = 10_us,
                      .across_per_doubling = 1_us,
                      .eff = 0.5,
                      .provenance = made_up};
  c.all_reduce = "own";
  c.library = "library";
  c.decode_exchange = c.prompt_exchange = "exchange";
  return c;
}

/// A chip whose figures are round, so that a test can price a kernel by hand. Peaks 100 (BF16), 200 (FP8) TFLOP/s,
/// 1 TB/s, 80 GB, ports of 100 GB/s.
///
///   gemm bf16       2 us + 0.1 us * K/1000 + FLOP/50T + bytes/800G                    (p = 1: the sum)
///   gemm fp8        4 us + sqrt((FLOP/100T)^2 + (bytes/1T)^2) + 4MK/1T                (p = 2, one activation pass)
///   decode attn     bf16: 10 us + bytes/800G (p = 1) ; fp8: (sqrt(8 us) + sqrt(bytes/1T))^2 (p = 0.5)
///   context attn    20 us + FLOP/50T + bytes/500G     (bf16 and fp8)
///   skew            10 ns a token that the longest is above the mean, from 20 decodes times KV heads on
///   mixed attn      10 us, FLOP/50T, bytes/800G, 100 keys a tile of 64 rows, 1 us an empty block, 100 at once, 25 MB
///   (bf16; only engines of one kernel launch it)
///   MLA decode      16 us + max(FLOP/50T, bytes/800G) ; MLA context 20 us + FLOP/50T + bytes/500G
///   MoE             30 us + 1 us a local expert + FLOP/50T + weights/800G + 2 passes  (bf16; fp8: FLOP/100T,
///   weights/1T) ; small 2 us + bytes/500G ; head 15 us ; collectives as above
[[nodiscard]] inline models::AcceleratorSpec round_chip() {
  using namespace tokenyard::literals;
  using models::Dtype;
  using models::GemmKind;
  const auto at = [](auto index) { return static_cast<std::size_t>(index); };
  const models::Provenance made_up{.source = "made up"};

  models::AcceleratorSpec chip;
  chip.name = "round-100";
  chip.vendor = "test";
  chip.peak[at(Dtype::Bf16)] = 100_TFLOPps;
  chip.peak[at(Dtype::Fp8)] = 200_TFLOPps;
  chip.memory = 80_GB;
  chip.memory_bandwidth = 1000_GBps;
  chip.scale_up = 100_GBps;
  chip.scale_out = 25_GBps;
  chip.power = {.idle = 100_W, .decode = 300_W, .prefill = 600_W, .tdp = 700_W};

  models::KernelSet& k = chip.kernels;
  k.gemm[at(GemmKind::Bf16)] = {.t0 = 2_us,
                                .eff_flops = 0.5,
                                .eff_bw = 0.8,
                                .p = 1.0,
                                .k_latency = 0.1_us,
                                .act_pass = 0.0,
                                .provenance = made_up};
  k.gemm[at(GemmKind::Fp8)] = {
      .t0 = 4_us, .eff_flops = 0.5, .eff_bw = 1.0, .p = 2.0, .k_latency = 0_us, .act_pass = 1.0, .provenance = made_up};
  k.decode_attention[at(Dtype::Bf16)] = {.t0 = 10_us, .eff_bw = 0.8, .p = 1.0, .provenance = made_up};
  k.decode_attention[at(Dtype::Fp8)] = {.t0 = 8_us, .eff_bw = 1.0, .p = 0.5, .provenance = made_up};
  for (const Dtype kv : {Dtype::Bf16, Dtype::Fp8}) {
    k.context_attention[at(kv)] = {.t0 = 20_us, .eff_flops = 0.5, .eff_io = 0.5, .provenance = made_up};
    k.mla_decode[at(kv)] = {.t0 = 16_us, .eff_flops = 0.5, .eff_bw = 0.8, .provenance = made_up};
    k.mla_context[at(kv)] = {.t0 = 20_us, .eff_flops = 0.5, .eff_io = 0.5, .provenance = made_up};
  }
  k.attention_skew[at(Dtype::Bf16)] = {.per_key = 0.01_us, .unsplit = 20, .provenance = made_up};
  k.mixed_attention[at(Dtype::Bf16)] = {.t0 = 10_us,
                                        .eff_flops = 0.5,
                                        .eff_bw = 0.8,
                                        .block_keys = 100,
                                        .per_empty = 1_us,
                                        .blocks = 100,
                                        .reuse = 25_MB,
                                        .provenance = made_up};
  k.moe[at(GemmKind::Bf16)] = {.t0 = 30_us,
                               .eff_flops = 0.5,
                               .eff_bw = 0.8,
                               .p = 1.0,
                               .act_io = 2.0,
                               .per_local_expert = 1_us,
                               .provenance = made_up};
  k.moe[at(GemmKind::Fp8)] = {.t0 = 30_us,
                              .eff_flops = 0.5,
                              .eff_bw = 1.0,
                              .p = 1.0,
                              .act_io = 2.0,
                              .per_local_expert = 1_us,
                              .provenance = made_up};
  k.small.other = {.t0 = 2_us, .eff_bw = 0.5, .provenance = made_up};
  k.head_t0 = 15_us;
  k.collectives = round_collectives();
  return chip;
}

/// Four layers of grouped-query attention (8 heads, 2 KV heads of 128) and a gated FFN; 82 million weights.
[[nodiscard]] inline models::LlmSpec tiny_dense() {
  models::LlmSpec llm;
  llm.name = "tiny-dense";
  llm.layers = 4;
  llm.hidden = 1024;
  llm.vocab = 8000;
  llm.max_context = 8192;
  llm.ffn = 4096;
  llm.gqa = models::GqaSpec{.heads = 8, .kv_heads = 2, .head_dim = 128};
  return llm;
}

/// Four layers of latent attention (8 heads); one dense FFN, then three layers of 16 experts, 2 chosen, 1 shared.
[[nodiscard]] inline models::LlmSpec tiny_moe() {
  models::LlmSpec llm;
  llm.name = "tiny-moe";
  llm.layers = 4;
  llm.hidden = 1024;
  llm.vocab = 8000;
  llm.max_context = 8192;
  llm.ffn = 4096;
  llm.mla = models::MlaSpec{.heads = 8, .q_rank = 256, .kv_rank = 128, .rope_dim = 32, .nope_dim = 64, .v_dim = 64};
  llm.moe = models::MoeSpec{.experts = 16, .top_k = 2, .expert_ffn = 512, .shared_ffn = 512, .dense_layers = 1};
  return llm;
}

/// What `ranks` chips of one switched domain see of each other.
[[nodiscard]] inline cost::GroupLinks one_domain(std::uint32_t ranks, BytesPerSecond port) {
  return {.ranks = ranks, .domains = 1, .port = port, .uplink = port, .latency = Seconds{1e-6}};
}

/// `llm` on round chips in one domain of 100 GB/s ports, split as `plan` says; nothing hidden, no host, no graphs.
[[nodiscard]] inline cost::StepCostSpec round_cost(models::LlmSpec llm, models::ParallelPlan plan = {}) {
  const BytesPerSecond port{100e9};
  cost::StepCostSpec spec;
  spec.llm = std::move(llm);
  spec.chip = round_chip();
  spec.plan = plan;
  spec.expert_load.routing = models::Routing::Balanced;
  spec.network = {.tensor = one_domain(plan.tensor, port),
                  .expert = one_domain(plan.stage_chips(), port),
                  .pipeline = one_domain(plan.pipeline, port),
                  .context = one_domain(plan.context, port),
                  .kv = one_domain(plan.kv, port)};
  return spec;
}

}  // namespace tokenyard::test
