#include "models/cost/layer_work.hpp"

#include "models/llm/parallel_plan.hpp"
#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string_view>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::cost;
using doctest::Approx;
using models::GemmKind;

namespace {

const Product& first(const std::vector<Product>& products, std::string_view line) {
  const auto product = std::find_if(products.begin(), products.end(), [&](const Product& p) { return p.line == line; });
  REQUIRE(product != products.end());
  return *product;
}
const Product& first(const LayerWork& work, std::string_view line) { return first(work.products, line); }

double small_kernels(const LayerWork& work) {
  double count = 0;
  for (const Pointwise& kernel : work.pointwise) count += kernel.layers;
  return count;
}

}  // namespace

TEST_CASE("layer work: grouped-query heads are split and KV heads replicated when they run out") {
  // 8 heads, 2 KV heads of 128. Split 2: 4 + 2 * 1 heads. Split 4: 2 + 2 * 1, each KV head on two chips.
  CHECK(first(layer_work(test::tiny_dense(), {.tensor = 1}, {}), "qkv").shape.n == 12 * 128);
  CHECK(first(layer_work(test::tiny_dense(), {.tensor = 2}, {}), "qkv").shape.n == 6 * 128);
  CHECK(first(layer_work(test::tiny_dense(), {.tensor = 4}, {}), "qkv").shape.n == 4 * 128);
  CHECK(first(layer_work(test::tiny_dense(), {.tensor = 4}, {}), "attention output").shape.k == 2 * 128);
}

TEST_CASE("layer work: both latents go down whole on every chip and up by heads") {
  const LayerWork work = layer_work(test::tiny_moe(), {.tensor = 4}, {});
  CHECK(first(work, "latent down").shape.n == 256 + 128 + 32);
  CHECK(first(work, "queries up").shape.n == 2 * (64 + 32));
  // Up for two of eight heads: one head after the other in decodes, to keys and values of both at once in prompts.
  CHECK(first(work.absorbed, "absorbed latent").shape.batch == 2);
  CHECK(first(work.expanded, "expanded latent").shape.n == 2 * (64 + 64));
  CHECK(first(work.expanded, "expanded latent").shape.k == 128);
  // Keys without their rotary part are read and written, their rotary part once, and once for each head.
  REQUIRE(work.joined.size() == 1);
  CHECK(work.joined[0].token.bytes == 2.0 * (2 * 2 * 64 + 32 + 2 * 32));
  CHECK(layer_work(test::tiny_moe(), {.tensor = 4}, {}, {.rotary_in_attention = true}).joined[0].token.bytes ==
        2.0 * 2 * 2 * 64);
}

TEST_CASE("layer work: latents are appended by a kernel of their own where the engine embeds apart") {
  const auto kernels = [](bool within, bool apart, models::Dtype kv) {
    return layer_work(test::tiny_moe(), {.tensor = 4}, {.kv = kv}, {.rotary_in_attention = within}, apart).pointwise;
  };
  const auto bytes = [&](models::Dtype kv) {
    const auto more = kernels(true, true, kv);
    REQUIRE(more.size() == kernels(true, false, kv).size() + 1);
    const auto append = std::find_if(more.begin(), more.end(),
                                     [](const Pointwise& p) { return p.kind == models::SmallKernel::Rotary; });
    REQUIRE(append != more.end());
    CHECK(append->layers == 4);
    return append->token.bytes;
  };
  // Latent and rotary part of one token, read in BF16 and written as the cache has them, whole on every chip.
  CHECK(bytes(models::Dtype::Bf16) == (128 + 32) * (2.0 + 2.0));
  CHECK(bytes(models::Dtype::Fp8) == (128 + 32) * (2.0 + 1.0));
  CHECK(kernels(false, true, models::Dtype::Bf16).size() == kernels(false, false, models::Dtype::Bf16).size());
}

TEST_CASE("layer work: only latent attention has products by the kind of token") {
  const LayerWork work = layer_work(test::tiny_dense(), {}, {});
  CHECK(work.absorbed.empty());
  CHECK(work.expanded.empty());
  CHECK(work.joined.empty());
}

TEST_CASE("layer work: an ungated FFN goes up once") {
  models::LlmSpec llm = test::tiny_dense();
  CHECK(first(layer_work(llm, {}, {}), "dense ffn").shape.n == 2 * 4096);
  llm.gated_ffn = false;
  CHECK(first(layer_work(llm, {}, {}), "dense ffn").shape.n == 4096);
}

TEST_CASE("layer work: small kernels are those that engines launch") {
  // Two norms, rotary embedding, activation.
  CHECK(small_kernels(layer_work(test::tiny_dense(), {}, {})) == 4 * 4);
  // The output of attention is quantised by one more; FP8 in blocks is quantised inside the products.
  CHECK(small_kernels(layer_work(test::tiny_dense(), {}, {.weights = GemmKind::Fp8})) == 4 * 5);
  CHECK(small_kernels(layer_work(test::tiny_dense(), {}, {.weights = GemmKind::Fp8Block})) == 4 * 4);
  // Four layers with a norm, one of the latents and rotary embedding; one dense FFN with a norm and an activation;
  // three MoE layers with a norm, the routing, and activation and sum of the shared expert.
  CHECK(small_kernels(layer_work(test::tiny_moe(), {}, {})) == 4 * 3 + 2 + 3 * 4);
}

TEST_CASE("layer work: engines with rotary embedding apart launch more than the attention tables contain") {
  const models::SmallKernels within{.rotary_in_attention = true};
  const auto kernels = [&](models::Dtype kv, bool apart) {
    return small_kernels(layer_work(test::tiny_dense(), {}, {.kv = kv}, within, apart));
  };
  CHECK(kernels(models::Dtype::Bf16, true) - kernels(models::Dtype::Bf16, false) == 4);
  // Queries for a cache of one byte are quantised.
  CHECK(kernels(models::Dtype::Fp8, true) - kernels(models::Dtype::Fp8, false) == 4 * 2);
  // Where attention contains nothing else, the rotary kernel is counted already.
  CHECK(small_kernels(layer_work(test::tiny_dense(), {}, {}, {}, true)) == 4 * 4);
}

TEST_CASE("layer work: FFN and the projection behind attention have their own formats where a checkpoint says so") {
  const LayerWork work = layer_work(test::tiny_moe(), {}, {.ffn = GemmKind::Nvfp4, .attention_output = GemmKind::Fp8});
  CHECK(first(work, "latent down").kind == GemmKind::Bf16);
  CHECK(first(work, "queries up").kind == GemmKind::Bf16);
  CHECK(first(work, "attention output").kind == GemmKind::Fp8);
  CHECK(first(work, "dense ffn").kind == GemmKind::Nvfp4);
  CHECK(first(work, "shared experts").kind == GemmKind::Nvfp4);
  CHECK(first(work, "router").kind == GemmKind::Bf16);
  // The output of attention is quantised by a kernel in each of the four layers; norms before attention are not.
  const auto count = [&](models::SmallKernel kind) {
    double layers = 0;
    for (const Pointwise& kernel : work.pointwise) layers += kernel.kind == kind ? kernel.layers : 0.0;
    return layers;
  };
  CHECK(count(models::SmallKernel::Quantise) == 4);
  CHECK(count(models::SmallKernel::NormQuantise) == 1);            // before the dense FFN
  CHECK(count(models::SmallKernel::ActivationQuantise) == 1 + 3);  // in it, in the shared experts
}

TEST_CASE("layer work: queries and keys are normalised head by head where a model has such norms") {
  models::LlmSpec llm = test::tiny_dense();
  const LayerWork plain = layer_work(llm, {.tensor = 2}, {});
  llm.gqa->head_norms = true;
  // One more in each of four layers where it is fused with rotary embedding.
  CHECK(small_kernels(layer_work(llm, {.tensor = 2}, {})) == small_kernels(plain) + 4);
  const LayerWork work = layer_work(llm, {.tensor = 2}, {}, {}, true);
  // Two more in each of four layers. A chip of two has 4 of 8 heads and one of 2 KV heads of 128; read and written in
  // BF16, a head a row.
  CHECK(small_kernels(work) == small_kernels(plain) + 2 * 4);
  std::vector<double> bytes;
  for (const Pointwise& kernel : work.pointwise) {
    if (kernel.kind == models::SmallKernel::Norm && kernel.token.width == 128) bytes.push_back(kernel.token.bytes);
  }
  CHECK(bytes == std::vector<double>{4.0 * 4 * 128, 4.0 * 1 * 128});
}

TEST_CASE("layer work: queries of a rank are two products with a norm between") {
  models::LlmSpec llm = test::tiny_dense();
  llm.gqa->q_rank = 96;
  const LayerWork work = layer_work(llm, {.tensor = 2}, {});
  // Down to the rank on every chip, beside one of two KV heads' key and value; up to 4 of 8 heads of 128.
  CHECK(work.products[0].line == "qkv");
  CHECK(work.products[0].shape.n == 96 + 2 * 128);
  CHECK(work.products[1].line == "queries up");
  CHECK(work.products[1].shape.n == 4 * 128);
  CHECK(work.products[1].shape.k == 96);
  CHECK(small_kernels(work) == small_kernels(layer_work(test::tiny_dense(), {.tensor = 2}, {})) + 4);
  // What a chip reads is what the plan reserves for it: the head, split over both chips, comes on top.
  Bytes read = head_product(llm, {.tensor = 2}).weights();
  for (const Product& product : work.products) read += product.weights();
  const Bytes embedding{2.0 * 8000 * 1024 / 2};
  CHECK((read + embedding).value() == models::weight_bytes_per_chip(llm, {.tensor = 2}, {}).value());
}

TEST_CASE("layer work: what the tables of other kernels contain is no kernel of its own") {
  CHECK(small_kernels(layer_work(test::tiny_dense(), {}, {}, {.rotary_in_attention = true})) == 4 * 3);
  CHECK(small_kernels(layer_work(test::tiny_moe(), {}, {}, {.rotary_in_attention = true})) == 4 * 2 + 2 + 3 * 4);
  CHECK(small_kernels(layer_work(test::tiny_moe(), {}, {}, {.routing_in_experts = true})) == 4 * 3 + 2 + 3 * 3);
}

TEST_CASE("layer work: a norm that quantises writes what the product reads") {
  // Input and residual read, residual written: 6 bytes of BF16; the product reads 2, 1 or half a byte.
  const auto norm_bytes = [](GemmKind kind) {
    return layer_work(test::tiny_dense(), {}, {.weights = kind}).pointwise.front().token.bytes;
  };
  CHECK(norm_bytes(GemmKind::Bf16) == 8.0 * 1024);
  CHECK(norm_bytes(GemmKind::Fp8) == 7.0 * 1024);
  CHECK(norm_bytes(GemmKind::Nvfp4) == 6.5 * 1024);
}

TEST_CASE("layer work: multiplies exactly the weights that a chip stores") {
  // All but the embedding (looked up) and the routed experts (a kernel of their own) is in a product.
  for (const models::LlmSpec& llm : {test::tiny_dense(), test::tiny_moe()}) {
    for (const std::uint32_t tensor : {1U, 2U, 4U, 8U}) {
      CAPTURE(llm.name);
      CAPTURE(tensor);
      const models::ParallelPlan plan{.tensor = tensor};
      const models::Precision precision{.weights = GemmKind::Fp8, .experts = GemmKind::Fp8};
      const LayerWork work = layer_work(llm, plan, precision);
      Bytes multiplied = head_product(llm, plan).weights();
      for (const Product& product : work.products) multiplied += product.weights();
      Bytes absorbed;
      Bytes expanded;
      for (const Product& product : work.absorbed) absorbed += product.weights();
      for (const Product& product : work.expanded) expanded += product.weights();
      CHECK(absorbed.value() == Approx(expanded.value()).epsilon(1e-12));  // the same ones
      multiplied += absorbed;

      const models::Parameters p = models::count_parameters(llm);
      const double experts = llm.moe ? llm.moe_layers() * llm.moe->experts * p.expert / tensor : 0.0;
      const Bytes stored = models::weight_bytes_per_chip(llm, plan, precision);
      CHECK(multiplied.value() + p.embedding / tensor * 2.0 + experts == Approx(stored.value()).epsilon(1e-12));
    }
  }
}

TEST_CASE("layer work: a cached token takes on all layers what the plan reserves for it") {
  for (const models::LlmSpec& llm : {test::tiny_dense(), test::tiny_moe()}) {
    for (const std::uint32_t tensor : {1U, 2U, 4U}) {
      const models::ParallelPlan plan{.tensor = tensor};
      const Bytes reserved = models::kv_bytes_per_token_per_chip(llm, plan, models::Dtype::Fp8);
      CHECK((kv_bytes_per_layer(llm, plan, models::Dtype::Fp8) * llm.layers).value() == Approx(reserved.value()));
    }
  }
}
