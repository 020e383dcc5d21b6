#include "models/llm/architecture.hpp"

#include "models/base/errors.hpp"

#include <cmath>
#include <iomanip>
#include <sstream>
#include <string>

namespace tokenyard::models {
namespace {

void require(std::uint32_t value, const char* field) {
  if (value == 0) throw SpecError(field, "must be at least 1");
}

void check(const GqaSpec& gqa, std::uint32_t layers) {
  require(gqa.heads, "attention.heads");
  require(gqa.kv_heads, "attention.kv_heads");
  require(gqa.head_dim, "attention.head_dim");
  if (gqa.heads % gqa.kv_heads != 0) {
    throw SpecError("attention.kv_heads", std::to_string(gqa.kv_heads) + " do not divide the " +
                                              std::to_string(gqa.heads) +
                                              " heads; every KV head serves as many queries");
  }
  if ((gqa.window == 0) != (gqa.windowed_layers == 0)) {
    throw SpecError("attention.windowed_layers", "window and windowed_layers are given together or not at all");
  }
  if (gqa.windowed_layers > layers) {
    throw SpecError("attention.windowed_layers", "there are only " + std::to_string(layers) + " layers");
  }
}

void check(const MlaSpec& mla) {
  require(mla.heads, "attention.heads");
  require(mla.q_rank, "attention.q_rank");
  require(mla.kv_rank, "attention.kv_rank");
  require(mla.rope_dim, "attention.rope_dim");
  require(mla.nope_dim, "attention.nope_dim");
  require(mla.v_dim, "attention.v_dim");
}

void check(const MoeSpec& moe, std::uint32_t layers) {
  require(moe.experts, "moe.experts");
  require(moe.top_k, "moe.top_k");
  require(moe.expert_ffn, "moe.expert_ffn");
  if (moe.top_k > moe.experts) {
    throw SpecError("moe.top_k", "a token cannot choose " + std::to_string(moe.top_k) + " of " +
                                     std::to_string(moe.experts) + " experts");
  }
  const bool limited = moe.groups > 0 || moe.top_groups > 0;
  if (limited && (moe.groups == 0 || moe.experts % moe.groups != 0)) {
    throw SpecError("moe.groups", std::to_string(moe.groups) + " groups do not divide the " +
                                      std::to_string(moe.experts) + " experts; leave groups and top_groups out");
  }
  if (limited && (moe.top_groups == 0 || moe.top_groups > moe.groups)) {
    throw SpecError("moe.top_groups", "lies from 1 to the " + std::to_string(moe.groups) + " groups");
  }
  if (moe.dense_layers >= layers) {
    throw SpecError("moe.dense_layers", "must leave at least one of the " + std::to_string(layers) +
                                            " layers; leave moe out for a dense model");
  }
}

/// Throws when what the makers state is not what the architecture gives. Published figures are rounded, and may leave
/// the embedding out of the active parameters: 3 % of either reading is close enough.
void check_published(const LlmSpec& spec) {
  const Parameters p = count_parameters(spec);
  const auto close = [](double published, double ours) { return std::abs(published / ours - 1.0) <= 0.03; };
  const auto refuse = [](const char* field, double ours) {
    std::ostringstream why;
    why << std::setprecision(4) << "the architecture has " << ours / 1e9
        << " billion; correct it, or leave published out";
    throw SpecError(field, why.str());
  };
  if (spec.published_total && !close(*spec.published_total, p.total)) refuse("published.total", p.total);
  if (spec.published_active && !close(*spec.published_active, p.active) &&
      !close(*spec.published_active, p.active - p.embedding)) {
    refuse("published.active", p.active);
  }
}

double attention_parameters(const LlmSpec& spec) {
  const double hidden = spec.hidden;
  if (spec.mla) {
    const MlaSpec& m = *spec.mla;
    const double heads = m.heads;
    return hidden * m.q_rank + m.q_rank * heads * (m.nope_dim + m.rope_dim) + hidden * (m.kv_rank + m.rope_dim) +
           m.kv_rank * heads * (m.nope_dim + m.v_dim) + heads * m.v_dim * hidden;
  }
  const GqaSpec& g = *spec.gqa;
  const double query = 1.0 * g.heads * g.head_dim;
  const double queries = g.q_rank > 0 ? g.q_rank * (hidden + query) : hidden * query;
  return queries + hidden * query + 2.0 * hidden * g.kv_heads * g.head_dim;
}

}  // namespace

void validate(const LlmSpec& spec) {
  if (spec.name.empty()) throw SpecError("name", "a model has a name");
  require(spec.layers, "layers");
  require(spec.hidden, "hidden");
  require(spec.vocab, "vocab");
  require(spec.max_context, "max_context");
  if (spec.gqa.has_value() == spec.mla.has_value()) {
    throw SpecError("attention", "a model has either grouped-query or latent attention, exactly one of them");
  }
  if (spec.gqa) check(*spec.gqa, spec.layers);
  if (spec.mla) check(*spec.mla);
  if (spec.moe) check(*spec.moe, spec.layers);
  if (spec.dense_layers() > 0 && spec.ffn == 0) {
    throw SpecError("ffn", "must be at least 1: " + std::to_string(spec.dense_layers()) + " layers have a dense FFN");
  }
  if (spec.dense_layers() == 0 && spec.ffn != 0) throw SpecError("ffn", "must be 0: every layer is a MoE layer");
  if (spec.native_experts && !spec.moe) throw SpecError("native_experts", "a dense model has no experts");
  check_published(spec);
}

Parameters count_parameters(const LlmSpec& spec) {
  const double hidden = spec.hidden;
  const double matrices = spec.gated_ffn ? 3.0 : 2.0;
  Parameters p;
  p.attention_per_layer = attention_parameters(spec);
  p.dense_ffn_per_layer = matrices * hidden * spec.ffn;
  p.embedding = hidden * spec.vocab;
  p.head = p.embedding;

  double per_moe_layer = 0.0;
  double active_per_moe_layer = 0.0;
  if (spec.moe) {
    const MoeSpec& moe = *spec.moe;
    p.expert = matrices * hidden * moe.expert_ffn;
    p.shared_per_layer = matrices * hidden * moe.shared_ffn;
    p.router_per_layer = hidden * moe.experts;
    const double always = p.shared_per_layer + p.router_per_layer;
    per_moe_layer = always + moe.experts * p.expert;
    active_per_moe_layer = always + moe.top_k * p.expert;
  }

  const double dense = spec.layers * p.attention_per_layer + spec.dense_layers() * p.dense_ffn_per_layer;
  const double tables = p.embedding + (spec.tied_embeddings ? 0.0 : p.head);
  p.total = dense + spec.moe_layers() * per_moe_layer + tables;
  p.active = dense + spec.moe_layers() * active_per_moe_layer + tables;
  p.active_matmul = dense + spec.moe_layers() * active_per_moe_layer + p.head;
  return p;
}

Flop matmul_flop_per_token(const LlmSpec& spec) { return Flop{2.0 * count_parameters(spec).active_matmul}; }

Flop attention_flop_per_context_token(const LlmSpec& spec) {
  const double per_layer = spec.mla ? 2.0 * spec.mla->heads * (2.0 * spec.mla->kv_rank + spec.mla->rope_dim)
                                    : 4.0 * spec.gqa->heads * spec.gqa->head_dim;
  return Flop{spec.layers * per_layer};
}

Bytes kv_bytes_per_token(const LlmSpec& spec, Dtype kv) {
  const double elements =
      spec.mla ? 1.0 * spec.mla->kv_rank + spec.mla->rope_dim : 2.0 * spec.gqa->kv_heads * spec.gqa->head_dim;
  return Bytes{spec.layers * elements * kv_bytes(kv)};
}

}  // namespace tokenyard::models
