#include "models/device/accelerator.hpp"

#include "models/base/errors.hpp"
#include "models/device/figure_group.hpp"

#include <string_view>

namespace tokenyard::models {
namespace {

using Group = FigureGroup;

void check(const RepeatedReads& repeated, const Group& group) {
  group.not_negative("repeated.below", repeated.below.value());
  group.efficiency("repeated.share", repeated.share);
}

void check(const GemmCoefficients& gemm, const Group& group) {
  group.not_negative("t0", gemm.t0.value());
  group.efficiency("eff_flops", gemm.eff_flops);
  group.efficiency("eff_bw", gemm.eff_bw);
  group.positive("p", gemm.p);
  group.not_negative("k_latency", gemm.k_latency.value());
  group.not_negative("act_pass", gemm.act_pass);
  group.not_negative("walk", gemm.walk.value());
  group.not_negative("store", gemm.store.value());
  group.not_negative("last_wave", gemm.last_wave);
  group.not_negative("split", gemm.split.value());
  group.not_negative("start", gemm.start.value());
  check(gemm.repeated, group);
  group.sourced(gemm.provenance);
}

void check(const DecodeAttentionCoefficients& attention, const Group& group) {
  group.not_negative("t0", attention.t0.value());
  group.efficiency("eff_bw", attention.eff_bw);
  group.positive("p", attention.p);
  group.not_negative("per_head", attention.per_head.value());
  group.not_negative("per_part", attention.per_part.value());
  group.not_negative("resident", attention.resident);
  group.not_negative("last_wave", attention.last_wave);
  group.not_negative("flash", attention.flash.value());
  check(attention.repeated, group);
  group.sourced(attention.provenance);
}

void check(const ContextAttentionCoefficients& attention, const Group& group) {
  group.not_negative("t0", attention.t0.value());
  group.positive("eff_flops", attention.eff_flops);  // FP8 products may pass the BF16 peak they are held against
  group.efficiency("eff_io", attention.eff_io);
  group.positive("p", attention.p);
  group.not_negative("tile_keys", attention.tile_keys);
  group.not_negative("softmax_dim", attention.softmax_dim);
  group.not_negative("tile_dim", attention.tile_dim);
  group.not_negative("tile_rows", attention.tile_rows);
  group.not_negative("last_tiles", attention.last_tiles);
  group.positive("alone", attention.alone);
  group.sourced(attention.provenance);
}

void check(const SkewCoefficients& skew, const Group& group) {
  group.not_negative("per_key", skew.per_key.value());
  group.not_negative("unsplit", skew.unsplit);
  group.sourced(skew.provenance);
}

void check(const MixedAttentionCoefficients& mixed, const Group& group) {
  group.not_negative("t0", mixed.t0.value());
  group.positive("eff_flops", mixed.eff_flops);  // as above
  group.efficiency("eff_bw", mixed.eff_bw);
  group.not_negative("block_keys", mixed.block_keys);
  group.not_negative("per_empty", mixed.per_empty.value());
  group.positive("blocks", mixed.blocks);
  group.positive("tile_rows", mixed.tile_rows);
  group.not_negative("reuse", mixed.reuse.value());
  group.sourced(mixed.provenance);
}

void check(const MlaDecodeCoefficients& mla, const Group& group) {
  group.not_negative("t0", mla.t0.value());
  group.positive("eff_flops", mla.eff_flops);  // as above
  group.efficiency("eff_bw", mla.eff_bw);
  group.positive("p", mla.p);
  group.not_negative("query_io", mla.query_io);
  group.not_negative("walk", mla.walk.value());
  group.not_negative("resident", mla.resident);
  group.not_negative("last_walk", mla.last_walk);
  group.not_negative("another_read", mla.another_read);
  group.not_negative("split", mla.split.value());
  check(mla.repeated, group);
  group.sourced(mla.provenance);
}

void check(const MoeCoefficients& moe, const Group& group) {
  group.not_negative("t0", moe.t0.value());
  group.efficiency("eff_flops", moe.eff_flops);
  group.efficiency("eff_bw", moe.eff_bw);
  group.positive("p", moe.p);
  group.not_negative("act_io", moe.act_io);
  group.not_negative("per_local_expert", moe.per_local_expert.value());
  group.not_negative("per_hit_expert", moe.per_hit_expert.value());
  group.not_negative("per_token", moe.per_token.value());
  group.not_negative("tile_rows", moe.tile_rows);
  group.not_negative("tile_most", moe.tile_most);
  group.not_negative("tile_fill", moe.tile_fill);
  group.not_negative("per_tile_row", moe.per_tile_row.value());
  group.sourced(moe.provenance);
}

void check(const SmallKernelCoefficients& small, const Group& group) {
  group.not_negative("t0", small.t0.value());
  group.efficiency("eff_bw", small.eff_bw);
  group.not_negative("row_latency", small.row_latency.value());
  group.positive("p", small.p);
  group.not_negative("near.below", small.near.below.value());
  group.efficiency("near.share", small.near.share);
  group.sourced(small.provenance);
}

/// Every family of `families` that is there; `name_of` an index is its key in the catalogue entry.
template <class Families, class Name>
void check_all(const Families& families, const std::string& at, Name name_of) {
  for (std::size_t i = 0; i < families.size(); ++i) {
    if (families[i]) check(*families[i], Group(at + "." + std::string(name_of(i))));
  }
}

void check(const KernelSet& kernels) {
  const auto kind = [](std::size_t i) { return name(static_cast<GemmKind>(i)); };
  const auto format = [](std::size_t i) { return name(static_cast<Dtype>(i)); };
  check_all(kernels.gemm, "kernels.gemm", kind);
  check_all(kernels.decode_attention, "kernels.attention_decode", format);
  check_all(kernels.context_attention, "kernels.attention_context", format);
  for (std::size_t i = 0; i < kDecodeHeads; ++i) {
    check_all(kernels.decode_by_heads[i], "kernels.attention_decode." + std::string(name(static_cast<DecodeHeads>(i))),
              format);
  }
  for (std::size_t i = 0; i < kContextHeads; ++i) {
    check_all(kernels.context_by_heads[i],
              "kernels.attention_context." + std::string(name(static_cast<ContextHeads>(i))), format);
  }
  Group("kernels.attention_split").not_negative("keys", kernels.attention_split.keys);
  Group("kernels.attention_split").not_negative("blocks", kernels.attention_split.blocks);
  Group("kernels.attention_split").not_negative("root", kernels.attention_split.root);
  Group("kernels.multiprocessors").not_negative("count", kernels.multiprocessors);
  check_all(kernels.attention_skew, "kernels.attention_skew", format);
  check_all(kernels.mixed_attention, "kernels.attention_mixed", format);
  check_all(kernels.mla_decode, "kernels.mla_decode", format);
  check_all(kernels.mla_context, "kernels.mla_context", format);
  check_all(kernels.moe, "kernels.moe", kind);
  for (const auto& [library, kinds] : kernels.moe_of) check_all(kinds, "kernels.moe_of." + library, kind);

  check(kernels.small.other, Group("kernels.small"));
  check_all(kernels.small.by_kind, "kernels.small", [](std::size_t i) { return name(static_cast<SmallKernel>(i)); });

  Group("kernels.head").not_negative("t0", kernels.head_t0.value());

  validate(kernels.collectives);
}

std::string peaks_of(const AcceleratorSpec& spec) {
  std::string names;
  for (std::size_t i = 0; i < kDtypes; ++i) {
    if (spec.peak[i]) names += (names.empty() ? "" : ", ") + std::string(name(static_cast<Dtype>(i)));
  }
  return names.empty() ? "none" : names;
}

}  // namespace

FlopPerSecond AcceleratorSpec::peak_of(Dtype dtype) const {
  const auto& figure = peak.at(static_cast<std::size_t>(dtype));
  if (!figure) {
    throw SpecError("weights", name + " has no dense peak for " + std::string(models::name(dtype)) +
                                   "; it has one for: " + peaks_of(*this));
  }
  return *figure;
}

void validate(const AcceleratorSpec& spec) {
  if (spec.name.empty()) throw SpecError("name", "a chip has a name");
  if (!spec.peak[static_cast<std::size_t>(Dtype::Bf16)]) {
    throw SpecError("peak.bf16", "every chip needs a dense BF16 peak (FP16 where the chip has no BF16)");
  }
  for (std::size_t i = 0; i < kDtypes; ++i) {
    if (spec.peak[i] && !(spec.peak[i]->value() > 0.0)) {
      throw SpecError("peak." + std::string(name(static_cast<Dtype>(i))),
                      "must be above 0; leave out a format it lacks");
    }
  }
  if (!(spec.memory.value() > 0.0)) throw SpecError("memory.capacity", "must be above 0");
  if (!(spec.memory_bandwidth.value() > 0.0)) throw SpecError("memory.bandwidth", "must be above 0");
  if (spec.scale_up.value() < 0.0) throw SpecError("links.scale_up", "must be 0 or more");
  if (spec.scale_out.value() < 0.0) throw SpecError("links.scale_out", "must be 0 or more");
  const PowerSpec& power = spec.power;
  if (!(power.tdp.value() > 0.0)) throw SpecError("power.tdp", "must be above 0");
  if (power.idle > power.tdp) throw SpecError("power.idle", "is above power.tdp; an idle chip draws less");
  if (power.decode > power.tdp) throw SpecError("power.decode", "is above power.tdp");
  if (power.prefill > power.tdp) throw SpecError("power.prefill", "is above power.tdp");
  if (power.idle > power.decode) throw SpecError("power.decode", "is below power.idle");
  if (power.idle > power.prefill) throw SpecError("power.prefill", "is below power.idle");
  check(spec.kernels);
}

}  // namespace tokenyard::models
