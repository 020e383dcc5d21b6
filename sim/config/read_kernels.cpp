#include "sim/config/read_kernels.hpp"

#include "sim/config/read_collectives.hpp"
#include "sim/config/read_provenance.hpp"
#include "sim/config/read_small.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace tokenyard::config {
namespace {

using models::ContextAttentionCoefficients;
using models::DecodeAttentionCoefficients;
using models::Dtype;
using models::GemmCoefficients;
using models::GemmKind;
using models::KernelSet;
using models::MixedAttentionCoefficients;
using models::MlaDecodeCoefficients;
using models::MoeCoefficients;
using models::SkewCoefficients;

constexpr double kLargest = 1e12;  // of a plain number: exponents, passes

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

models::RepeatedReads read_repeated(YamlMap& map) {
  if (!map.given("repeated")) return {};
  YamlMap repeated = map.map("repeated", "chip.kernels.repeated");
  models::RepeatedReads reads{.below = repeated.bytes("below"), .share = repeated.number("share", 0.0, 1.0)};
  repeated.finish();
  return reads;
}

DecodeAttentionCoefficients read_decode_attention(YamlMap map) {
  DecodeAttentionCoefficients attention{.t0 = map.seconds("t0"),
                                        .eff_bw = map.number("eff_bw", 0.0, 1.0),
                                        .p = map.number("p", 0.0, kLargest),
                                        .per_head = map.seconds("per_head"),
                                        .repeated = read_repeated(map),
                                        .flash = map.seconds("flash"),
                                        .provenance = read_provenance(map)};
  map.finish();
  return attention;
}

ContextAttentionCoefficients read_context_attention(YamlMap map) {
  ContextAttentionCoefficients attention{.t0 = map.seconds("t0"),
                                         .eff_flops = map.number("eff_flops", 0.0, 4.0),
                                         .eff_io = map.number("eff_io", 0.0, 1.0),
                                         .p = map.number("p", 0.0, kLargest),
                                         .tile_keys = map.number("tile_keys", 0.0, kLargest),
                                         .softmax_dim = map.number("softmax_dim", 0.0, kLargest),
                                         .provenance = read_provenance(map)};
  map.finish();
  return attention;
}

SkewCoefficients read_skew(YamlMap map) {
  SkewCoefficients skew{.per_key = map.seconds("per_key"),
                        .unsplit = map.number("unsplit", 0.0, kLargest),
                        .provenance = read_provenance(map)};
  map.finish();
  return skew;
}

MixedAttentionCoefficients read_mixed_attention(YamlMap map) {
  MixedAttentionCoefficients mixed{.t0 = map.seconds("t0"),
                                   .eff_flops = map.number("eff_flops", 0.0, 4.0),
                                   .eff_bw = map.number("eff_bw", 0.0, 1.0),
                                   .block_keys = map.number("block_keys", 0.0, kLargest),
                                   .per_empty = map.seconds("per_empty"),
                                   .blocks = map.number("blocks", 1.0, 1e6),
                                   .tile_rows = map.number("tile_rows", 1.0, 1e6),
                                   .packed = map.flag("packed"),
                                   .reuse = map.bytes("reuse"),
                                   .provenance = read_provenance(map)};
  map.finish();
  return mixed;
}

MlaDecodeCoefficients read_mla_decode(YamlMap map) {
  MlaDecodeCoefficients mla{.t0 = map.seconds("t0"),
                            .eff_flops = map.number("eff_flops", 0.0, 4.0),
                            .eff_bw = map.number("eff_bw", 0.0, 1.0),
                            .p = map.number("p", 0.0, kLargest),
                            .query_io = map.number("query_io", 0.0, kLargest),
                            .repeated = read_repeated(map),
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
                      .per_hit_expert = map.seconds("per_hit_expert"),
                      .per_token = map.seconds("per_token"),
                      .tile_rows = map.number("tile_rows", 0.0, 1e4),
                      .most_rows = map.number("most_rows", 0.0, 1e9),
                      .provenance = read_provenance(map)};
  map.finish();
  return moe;
}

Seconds read_head(YamlMap map) {
  const Seconds t0 = map.seconds("t0");
  (void)map.text("source");
  map.finish();
  return t0;
}

/// Experts of other libraries: a mapping of names, each with the kinds that the library has.
std::map<std::string, models::ExpertKernels> read_expert_libraries(YamlMap& kernels) {
  std::map<std::string, models::ExpertKernels> libraries;
  if (!kernels.given("moe_of")) return libraries;
  for (auto& [library, map] : kernels.named_maps("moe_of", "chip.kernels.moe")) {
    for (std::size_t i = 0; i < models::kGemmKinds; ++i) {
      const auto kind = name(static_cast<GemmKind>(i));
      if (map.given(kind)) libraries[library][i] = read_moe(map.map(kind, "chip.kernels.moe.KIND"));
    }
    map.finish();
  }
  return libraries;
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

}  // namespace

models::KernelSet read_kernels(YamlMap map) {
  KernelSet kernels;
  read_family(map, "gemm", true, "chip.kernels.gemm.KIND", kernels.gemm, read_gemm);
  read_family(map, "attention_decode", false, "chip.kernels.attention_decode.KV", kernels.decode_attention,
              read_decode_attention);
  read_family(map, "attention_context", false, "chip.kernels.context.KV", kernels.context_attention,
              read_context_attention);
  read_family(map, "attention_skew", false, "chip.kernels.attention_skew.KV", kernels.attention_skew, read_skew);
  read_family(map, "attention_mixed", false, "chip.kernels.attention_mixed.KV", kernels.mixed_attention,
              read_mixed_attention);
  read_family(map, "mla_decode", false, "chip.kernels.mla_decode.KV", kernels.mla_decode, read_mla_decode);
  read_family(map, "mla_context", false, "chip.kernels.context.KV", kernels.mla_context, read_context_attention);
  read_family(map, "moe", true, "chip.kernels.moe.KIND", kernels.moe, read_moe);
  kernels.moe_of = read_expert_libraries(map);
  kernels.small = read_small(map.map("small", "chip.kernels.small"));
  if (map.given("head")) kernels.head_t0 = read_head(map.map("head", "chip.kernels.head"));
  kernels.collectives = read_collectives(map.entry("collectives", "collectives", "models/catalog/collectives"));
  map.finish();
  return kernels;
}

}  // namespace tokenyard::config
