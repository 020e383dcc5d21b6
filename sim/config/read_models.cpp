#include "sim/config/read_models.hpp"

#include "models/base/errors.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenyard::config {
namespace {

using models::AcceleratorSpec;
using models::AllReduceCoefficients;
using models::ContextAttentionCoefficients;
using models::DecodeAttentionCoefficients;
using models::Dtype;
using models::ExchangeCoefficients;
using models::GemmCoefficients;
using models::GemmKind;
using models::GqaSpec;
using models::kDtypes;
using models::KernelSet;
using models::kGemmKinds;
using models::LlmSpec;
using models::MlaDecodeCoefficients;
using models::MlaSpec;
using models::MoeCoefficients;
using models::MoeSpec;
using models::Provenance;
using models::SmallKernelCoefficients;

constexpr double kLargest = 1e12;  // of a plain number: exponents, passes

Provenance read_provenance(YamlMap& map) {
  Provenance provenance{.source = map.text("source"), .error_p50 = std::nullopt};
  if (map.given("error_p50")) provenance.error_p50 = map.number("error_p50", 0.0, 10.0);
  return provenance;
}

GemmCoefficients read_gemm(YamlMap map) {
  GemmCoefficients gemm{.t0 = map.seconds("t0"),
                        .eff_flops = map.number("eff_flops", 0.0, 1.0),
                        .eff_bw = map.number("eff_bw", 0.0, 1.0),
                        .p = map.number("p", 0.0, kLargest),
                        .k_latency = map.seconds("k_latency"),
                        .act_pass = map.number("act_pass", 0.0, kLargest),
                        .provenance = read_provenance(map)};
  map.finish();
  return gemm;
}

DecodeAttentionCoefficients read_decode_attention(YamlMap map) {
  DecodeAttentionCoefficients attention{.t0 = map.seconds("t0"),
                                        .eff_bw = map.number("eff_bw", 0.0, 1.0),
                                        .p = map.number("p", 0.0, kLargest),
                                        .provenance = read_provenance(map)};
  map.finish();
  return attention;
}

ContextAttentionCoefficients read_context_attention(YamlMap map) {
  ContextAttentionCoefficients attention{.t0 = map.seconds("t0"),
                                         .eff_flops = map.number("eff_flops", 0.0, 4.0),
                                         .eff_io = map.number("eff_io", 0.0, 1.0),
                                         .provenance = read_provenance(map)};
  map.finish();
  return attention;
}

MlaDecodeCoefficients read_mla_decode(YamlMap map) {
  MlaDecodeCoefficients mla{.t0 = map.seconds("t0"),
                            .eff_flops = map.number("eff_flops", 0.0, 4.0),
                            .eff_bw = map.number("eff_bw", 0.0, 1.0),
                            .provenance = read_provenance(map)};
  map.finish();
  return mla;
}

MoeCoefficients read_moe(YamlMap map) {
  MoeCoefficients moe{.t0 = map.seconds("t0"),
                      .eff_flops = map.number("eff_flops", 0.0, 1.0),
                      .eff_bw = map.number("eff_bw", 0.0, 1.0),
                      .p = map.number("p", 0.0, kLargest),
                      .act_io = map.number("act_io", 0.0, kLargest),
                      .per_local_expert = map.seconds("per_local_expert"),
                      .imbalance_exponent = map.number("imbalance_exponent", 0.0, 1.0),
                      .hit_factor = map.number("hit_factor", 0.0, 2.0),
                      .provenance = read_provenance(map)};
  map.finish();
  return moe;
}

SmallKernelCoefficients read_small(YamlMap map) {
  SmallKernelCoefficients small{
      .t0 = map.seconds("t0"), .eff_bw = map.number("eff_bw", 0.0, 1.0), .provenance = read_provenance(map)};
  map.finish();
  return small;
}

Seconds read_head(YamlMap map) {
  const Seconds t0 = map.seconds("t0");
  (void)map.text("source");
  map.finish();
  return t0;
}

AllReduceCoefficients read_all_reduce(YamlMap map) {
  AllReduceCoefficients reduce{.one_shot_t0 = map.seconds("one_shot_t0"),
                               .per_peer = map.seconds("per_peer"),
                               .one_shot_eff = map.number("one_shot_eff", 0.0, 1.0),
                               .two_shot_t0 = map.seconds("two_shot_t0"),
                               .two_shot_eff = map.number("two_shot_eff", 0.0, 1.0),
                               .provenance = read_provenance(map)};
  map.finish();
  return reduce;
}

ExchangeCoefficients read_exchange(YamlMap map) {
  ExchangeCoefficients exchange{.a0 = map.seconds("a0"),
                                .a1 = map.seconds("a1"),
                                .eta = map.number("eta", 0.0, 1.0),
                                .provenance = read_provenance(map)};
  map.finish();
  return exchange;
}

/// One family: a mapping of section `section` whose keys are the names of GemmKind (`by_kind`) or of KV formats.
template <class Families, class Read>
void read_family(YamlMap& kernels, const std::string& key, bool by_kind, const std::string& entry_section,
                 Families& families, Read read) {
  if (!kernels.given(key)) return;
  YamlMap map = kernels.map(key, "chip.kernels." + key);
  for (std::size_t i = 0; i < families.size(); ++i) {
    if (!by_kind) {
      const auto format = static_cast<Dtype>(i);
      if (format != Dtype::Bf16 && format != Dtype::Fp8 && format != Dtype::Int8) continue;  // no KV cache has it
    }
    const auto entry = by_kind ? name(static_cast<GemmKind>(i)) : name(static_cast<Dtype>(i));
    if (map.given(entry)) families[i] = read(map.map(entry, entry_section));
  }
  map.finish();
}

KernelSet read_kernels(YamlMap map) {
  KernelSet kernels;
  read_family(map, "gemm", true, "chip.kernels.gemm.KIND", kernels.gemm, read_gemm);
  read_family(map, "attention_decode", false, "chip.kernels.attention_decode.KV", kernels.decode_attention,
              read_decode_attention);
  read_family(map, "attention_context", false, "chip.kernels.context.KV", kernels.context_attention,
              read_context_attention);
  read_family(map, "mla_decode", false, "chip.kernels.mla_decode.KV", kernels.mla_decode, read_mla_decode);
  read_family(map, "mla_context", false, "chip.kernels.context.KV", kernels.mla_context, read_context_attention);
  read_family(map, "moe", true, "chip.kernels.moe.KIND", kernels.moe, read_moe);
  kernels.small = read_small(map.map("small", "chip.kernels.small"));
  kernels.head_t0 = read_head(map.map("head", "chip.kernels.head"));
  kernels.all_reduce = read_all_reduce(map.map("all_reduce", "chip.kernels.all_reduce"));
  kernels.dispatch = read_exchange(map.map("dispatch", "chip.kernels.exchange"));
  kernels.combine = read_exchange(map.map("combine", "chip.kernels.exchange"));
  map.finish();
  return kernels;
}

/// The source of a group of data-sheet figures: a reader of the file needs it, the simulation does not.
void finish_with_source(YamlMap& map) {
  (void)map.text("source");
  map.finish();
}

void read_data_sheet(YamlMap& map, AcceleratorSpec& chip) {
  YamlMap peak = map.map("peak", "chip.peak");
  for (std::size_t i = 0; i < kDtypes; ++i) {
    const auto format = static_cast<Dtype>(i);
    if (peak.given(name(format)) || format == Dtype::Bf16) chip.peak[i] = peak.flop_rate(name(format));
  }
  finish_with_source(peak);

  YamlMap memory = map.map("memory", "chip.memory");
  chip.memory = memory.bytes("capacity");
  chip.memory_bandwidth = memory.bandwidth("bandwidth");
  finish_with_source(memory);

  YamlMap links = map.map("links", "chip.links");
  chip.scale_up = links.bandwidth("scale_up");
  chip.scale_out = links.bandwidth("scale_out");
  finish_with_source(links);

  YamlMap power = map.map("power", "chip.power");
  chip.power = {.idle = power.watts("idle"),
                .decode = power.watts("decode"),
                .prefill = power.watts("prefill"),
                .tdp = power.watts("tdp")};
  finish_with_source(power);
}

void skip_description(YamlMap& map) {
  if (map.given("description")) (void)map.text("description");
}

GemmKind read_kind(YamlMap& map, std::string_view key) {
  std::vector<std::string> known;
  for (std::size_t i = 0; i < kGemmKinds; ++i) known.emplace_back(name(static_cast<GemmKind>(i)));
  const auto kind = models::gemm_kind(map.choice(key, known));
  expect(kind.has_value(), "a kind that choice() let through is known");
  return *kind;
}

void read_attention(YamlMap map, LlmSpec& llm) {
  const std::string kind = map.choice("kind", {"gqa", "mla"});
  if (kind == "gqa") {
    llm.gqa = GqaSpec{.heads = map.count("heads"),
                      .kv_heads = map.count("kv_heads"),
                      .head_dim = map.count("head_dim"),
                      .window = map.count("window", 0),
                      .windowed_layers = map.count("windowed_layers", 0)};
  } else {
    llm.mla = MlaSpec{.heads = map.count("heads"),
                      .q_rank = map.count("q_rank"),
                      .kv_rank = map.count("kv_rank"),
                      .rope_dim = map.count("rope_dim"),
                      .nope_dim = map.count("nope_dim"),
                      .v_dim = map.count("v_dim")};
  }
  map.finish();
}

MoeSpec read_experts(YamlMap map) {
  MoeSpec moe{.experts = map.count("experts"),
              .top_k = map.count("top_k"),
              .expert_ffn = map.count("expert_ffn"),
              .shared_ffn = map.count("shared_ffn", 0),
              .dense_layers = map.count("dense_layers", 0)};
  map.finish();
  return moe;
}

void read_published(YamlMap map, LlmSpec& llm) {
  constexpr double kMost = 1e15;
  llm.published_total = map.number("total", 1.0, kMost);
  llm.published_active = map.number("active", 1.0, kMost);
  finish_with_source(map);
}

}  // namespace

models::AcceleratorSpec read_chip(YamlMap map) {
  AcceleratorSpec chip;
  chip.name = map.text("name");
  skip_description(map);
  chip.vendor = map.text("vendor");
  chip.scenario = map.flag("scenario");
  read_data_sheet(map, chip);
  chip.kernels = read_kernels(map.map("kernels", "chip.kernels"));
  map.finish();
  map.located([&] { validate(chip); });
  return chip;
}

models::LlmSpec read_llm(YamlMap map) {
  LlmSpec llm;
  llm.name = map.text("name");
  skip_description(map);
  (void)map.text("source");
  llm.layers = map.count("layers");
  llm.hidden = map.count("hidden");
  llm.vocab = map.count("vocab");
  llm.max_context = map.count("max_context");
  llm.ffn = map.count("ffn", 0);
  llm.gated_ffn = map.flag("gated_ffn");
  llm.tied_embeddings = map.flag("tied_embeddings");
  llm.mtp_layers = map.count("mtp_layers", 0);
  llm.native = read_kind(map, "native");
  if (map.given("native_experts")) llm.native_experts = read_kind(map, "native_experts");
  read_attention(map.map("attention", "llm.attention"), llm);
  if (map.given("moe")) llm.moe = read_experts(map.map("moe", "llm.moe"));
  if (map.given("published")) read_published(map.map("published", "llm.published"), llm);
  map.finish();
  map.located([&] { validate(llm); });
  return llm;
}

}  // namespace tokenyard::config
