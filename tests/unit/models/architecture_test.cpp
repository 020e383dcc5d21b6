#include "models/llm/architecture.hpp"

#include "models/base/errors.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tokenyard;
using namespace tokenyard::models;
using doctest::Approx;

namespace {

LlmSpec dense() {
  return {.name = "small",
          .layers = 2,
          .hidden = 8,
          .vocab = 100,
          .max_context = 64,
          .ffn = 16,
          .gqa = GqaSpec{.heads = 4, .kv_heads = 2, .head_dim = 2}};
}

LlmSpec latent() {
  return {.name = "latent",
          .layers = 3,
          .hidden = 8,
          .vocab = 100,
          .max_context = 64,
          .ffn = 32,
          .mla = MlaSpec{.heads = 2, .q_rank = 6, .kv_rank = 4, .rope_dim = 2, .nope_dim = 3, .v_dim = 5},
          .moe = MoeSpec{.experts = 4, .top_k = 2, .expert_ffn = 16, .shared_ffn = 8, .dense_layers = 1}};
}

std::string refusal(const LlmSpec& llm) {
  try {
    validate(llm);
  } catch (const SpecError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("architecture: parameters of a dense model are counted matrix by matrix") {
  const Parameters p = count_parameters(dense());
  // Q and O 8x8 each, K and V 8x4 each
  CHECK(p.attention_per_layer == 2 * 64 + 2 * 32);
  CHECK(p.dense_ffn_per_layer == 3 * 8 * 16);
  CHECK(p.embedding == 800);
  CHECK(p.total == 2 * (192 + 384) + 2 * 800);
  CHECK(p.active == p.total);
  CHECK(p.active_matmul == p.total - 800);  // the look-up multiplies nothing
  CHECK(matmul_flop_per_token(dense()).value() == 2 * 1952);
}

TEST_CASE("architecture: queries of a rank go down to it and up again") {
  LlmSpec llm = dense();
  llm.gqa->q_rank = 3;
  // Queries 8x3 and 3x8, output 8x8, K and V 8x4 each
  CHECK(count_parameters(llm).attention_per_layer == 24 + 24 + 64 + 2 * 32);
}

TEST_CASE("architecture: a tied head is stored once and multiplied all the same") {
  LlmSpec tied = dense();
  tied.tied_embeddings = true;
  CHECK(count_parameters(tied).total == count_parameters(dense()).total - 800);
  CHECK(matmul_flop_per_token(tied) == matmul_flop_per_token(dense()));
}

TEST_CASE("architecture: an ungated FFN has two matrices") {
  LlmSpec plain = dense();
  plain.gated_ffn = false;
  CHECK(count_parameters(plain).dense_ffn_per_layer == 2 * 8 * 16);
}

TEST_CASE("architecture: latent attention is counted from its ranks") {
  // q_a 8x6, q_b 6x2x(3+2), kv_a 8x(4+2), kv_b 4x2x(3+5), o 2x5x8
  CHECK(count_parameters(latent()).attention_per_layer == 48 + 60 + 48 + 64 + 80);
}

TEST_CASE("architecture: a token uses the chosen experts and all of the rest") {
  const Parameters p = count_parameters(latent());
  CHECK(p.expert == 3 * 8 * 16);
  CHECK(p.shared_per_layer == 3 * 8 * 8);
  CHECK(p.router_per_layer == 8 * 4);
  // 1 dense layer of 3*8*32, 2 MoE layers; 4 experts stored and 2 used
  CHECK(p.total == 3 * 300 + 768 + 2 * (192 + 32 + 4 * 384) + 1600);
  CHECK(p.active == 3 * 300 + 768 + 2 * (192 + 32 + 2 * 384) + 1600);
}

TEST_CASE("architecture: attention work and KV bytes per token of context") {
  // GQA: QK^T and PV, 2 FLOP a product, 4 heads of 2, 2 layers
  CHECK(attention_flop_per_context_token(dense()).value() == 2 * 4 * 4 * 2);
  // K and V, 2 KV heads of 2, 2 layers, 2 bytes
  CHECK(kv_bytes_per_token(dense(), Dtype::Bf16).value() == 2 * 2 * 2 * 2 * 2);
  CHECK(kv_bytes_per_token(dense(), Dtype::Fp8).value() == 2 * 2 * 2 * 2);
  // MLA absorbed: 2 heads against latent and rope (4+2), then the latent again (4), 3 layers
  CHECK(attention_flop_per_context_token(latent()).value() == 3 * 2 * 2 * (4 + 2 + 4));
  CHECK(kv_bytes_per_token(latent(), Dtype::Bf16).value() == 3 * (4 + 2) * 2);
}

TEST_CASE("architecture: what cannot be a model is refused by the key it stands under") {
  CHECK(refusal(dense()) == "accepted");
  CHECK(refusal(latent()) == "accepted");
  LlmSpec llm = dense();
  SUBCASE("no layers") {
    llm.layers = 0;
    CHECK(refusal(llm) == "layers: must be at least 1");
  }
  SUBCASE("KV heads that do not divide the heads") {
    llm.gqa->kv_heads = 3;
    CHECK(refusal(llm) == "attention.kv_heads: 3 do not divide the 4 heads; every KV head serves as many queries");
  }
  SUBCASE("two kinds of attention") {
    llm.mla = latent().mla;
    CHECK(refusal(llm) == "attention: a model has either grouped-query or latent attention, exactly one of them");
  }
  SUBCASE("more windowed layers than layers") {
    llm.gqa->window = 8;
    llm.gqa->windowed_layers = 3;
    CHECK(refusal(llm) == "attention.windowed_layers: there are only 2 layers");
  }
  SUBCASE("a dense model without FFN") {
    llm.ffn = 0;
    CHECK(refusal(llm) == "ffn: must be at least 1: 2 layers have a dense FFN");
  }
  SUBCASE("more chosen experts than there are") {
    llm = latent();
    llm.moe->top_k = 5;
    CHECK(refusal(llm) == "moe.top_k: a token cannot choose 5 of 4 experts");
  }
  SUBCASE("nothing but dense layers") {
    llm = latent();
    llm.moe->dense_layers = 3;
    CHECK(refusal(llm) == "moe.dense_layers: must leave at least one of the 3 layers; leave moe out for a dense model");
  }
  SUBCASE("published parameters of another model") {
    llm.published_total = 3000;  // ours: 2752
    CHECK(refusal(llm) ==
          "published.total: the architecture has 2.752e-06 billion; correct it, or leave published out");
  }
}
