#include "models/llm/speculation.hpp"

#include "models/base/errors.hpp"
#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;
using namespace tokenyard::models;
using doctest::Approx;

namespace {

LlmSpec with_mtp() {
  LlmSpec llm = test::tiny_moe();
  llm.mtp_layers = 1;
  return llm;
}

void refused(const SpeculationSpec& spec, const LlmSpec& llm, const char* field, const char* why) {
  try {
    validate(spec, llm);
    FAIL("was accepted");
  } catch (const SpecError& error) {
    CHECK(error.field() == field);
    CHECK(error.why() == why);
  }
}

}  // namespace

TEST_CASE("speculation: tokens a step are one and every draft that all before it reach") {
  CHECK(tokens_per_step({}) == 1.0);
  CHECK(tokens_per_step({.tokens = 1, .acceptance = {0.7}}) == Approx(1.7));
  CHECK(tokens_per_step({.tokens = 3, .acceptance = {0.8, 0.5, 0.25}}) == Approx(1 + 0.8 + 0.4 + 0.1));
  CHECK(tokens_per_step({.tokens = 3, .acceptance = {0.0, 1.0, 1.0}}) == 1.0);
}

TEST_CASE("speculation: what cannot be is refused") {
  validate(SpeculationSpec{}, test::tiny_dense());
  validate(SpeculationSpec{.tokens = 2, .acceptance = {0.0, 1.0}}, with_mtp());
  refused({.tokens = 16, .acceptance = std::vector<double>(16, 0.5)}, with_mtp(), "tokens", "at most 15 drafts a step");
  refused({.tokens = 3, .acceptance = {0.8, 0.5}}, with_mtp(), "acceptance",
          "has 2 probabilities for 3 drafts; give one a draft, or one number for all");
  refused({.tokens = 1, .acceptance = {1.5}}, with_mtp(), "acceptance", "must be from 0 to 1");
  refused({.tokens = 1, .acceptance = {0.5}}, test::tiny_dense(), "draft",
          "tiny-dense has no multi-token-prediction layer; this works: eagle");
}

TEST_CASE("speculation: the layer of a latent MoE model is one of its MoE layers") {
  const LlmSpec layer = drafting_model({.tokens = 1, .acceptance = {0.5}}, with_mtp());
  CHECK(layer.layers == 1);
  CHECK(layer.moe_layers() == 1);
  CHECK(layer.mla.has_value());
}

TEST_CASE("speculation: an Eagle layer is dense and sees everything") {
  LlmSpec llm = test::tiny_dense();
  llm.gqa->window = 64;
  llm.gqa->windowed_layers = 2;
  const LlmSpec layer = drafting_model({.tokens = 1, .acceptance = {0.5}, .drafter = Drafter::Eagle}, llm);
  CHECK(layer.layers == 1);
  CHECK(layer.ffn == 4096);
  CHECK(layer.gqa->windowed_layers == 0);
  CHECK_FALSE(layer.moe.has_value());
}

TEST_CASE("speculation: a drafting model has weights and cache of its own and the vocabulary of the other") {
  LlmSpec small = test::tiny_dense();
  small.name = "small";
  small.layers = 2;
  small.native = GemmKind::Fp8;
  SpeculationSpec spec{.tokens = 2, .acceptance = {0.7, 0.6}, .drafter = Drafter::Model, .model = small};
  const LlmSpec large = test::tiny_dense();
  validate(spec, large);
  // In FP8 as its checkpoint, whatever the large one's format, embedding and head included; on one stage of two.
  const ParallelPlan plan{.tensor = 2, .pipeline = 2};
  CHECK(draft_weight_bytes_per_chip(spec, large, plan, {.weights = GemmKind::Nvfp4}).value() ==
        weight_bytes_per_chip(small, {.tensor = 2}, {.weights = GemmKind::Fp8}).value());
  // 2 layers, K and V of one of two heads of 128
  CHECK(draft_kv_bytes_per_token_per_chip(spec, large, plan, Dtype::Bf16).value() == 2.0 * 2 * 128 * 2);
  // A dense model drafts for experts that stand in groups.
  CHECK(drafting_plan(small, {.attention_data = 4, .expert = 4}).expert == 1);
  spec.model->vocab = 7;
  refused(spec, large, "draft.llm",
          "small has 7 tokens in its vocabulary, tiny-dense has 8000; a model drafts for one of its own vocabulary");
}

TEST_CASE("speculation: weights and cache of the layer by hand") {
  // 16 experts of 3 * 1024 * 512 on 4 chips, a shared one, router 1024 * 16, attention as in the model, join 2048 *
  // 1024.
  const SpeculationSpec spec{.tokens = 1, .acceptance = {0.5}};
  const ParallelPlan plan{.attention_data = 4, .expert = 4};
  const double attention = count_parameters(with_mtp()).attention_per_layer;
  const double expert = 3.0 * 1024 * 512;
  const double weights = attention + 16 / 4 * expert + expert + 1024 * 16 + 2048 * 1024;
  CHECK(draft_weight_bytes_per_chip(spec, with_mtp(), plan, {}).value() == Approx(2 * weights));
  CHECK(draft_kv_bytes_per_token_per_chip(spec, with_mtp(), plan, Dtype::Bf16).value() == 2 * (128 + 32));
  CHECK(draft_weight_bytes_per_chip({}, with_mtp(), plan, {}).value() == 0.0);
  CHECK(draft_kv_bytes_per_token_per_chip({}, with_mtp(), plan, Dtype::Bf16).value() == 0.0);
}
