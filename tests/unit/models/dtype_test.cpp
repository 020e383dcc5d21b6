#include "models/device/dtype.hpp"

#include "models/base/errors.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;
using namespace tokenyard::models;

TEST_CASE("dtype: every name leads back to its kind") {
  for (std::size_t i = 0; i < kGemmKinds; ++i) {
    const auto kind = static_cast<GemmKind>(i);
    CHECK(gemm_kind(name(kind)) == kind);
  }
  for (std::size_t i = 0; i < kDtypes; ++i) {
    const auto format = static_cast<Dtype>(i);
    CHECK(dtype(name(format)) == format);
  }
  CHECK(name(GemmKind::Fp8Block) == "fp8_block");
  CHECK_FALSE(gemm_kind("fp16").has_value());
  CHECK_FALSE(dtype("").has_value());
}

TEST_CASE("dtype: a weight carries its share of the scales") {
  CHECK(weight_bytes(GemmKind::Bf16) == 2.0);
  CHECK(weight_bytes(GemmKind::Fp8) == 1.0);
  CHECK(weight_bytes(GemmKind::Fp8Block) == 1.0 + 4.0 / (128.0 * 128.0));  // one FP32 scale a block
  CHECK(weight_bytes(GemmKind::Nvfp4) == 0.5 + 1.0 / 16.0);                // one FP8 scale for 16 values
  CHECK(weight_bytes(GemmKind::W4a16) == 0.5 + 1.0 / 32.0);                // one shared exponent for 32
}

TEST_CASE("dtype: the product is bounded by the format that multiplies") {
  CHECK(compute_dtype(GemmKind::Fp8Block) == Dtype::Fp8);
  CHECK(compute_dtype(GemmKind::Nvfp4) == Dtype::Fp4);
  CHECK(compute_dtype(GemmKind::W4a16) == Dtype::Bf16);  // weights are widened before they are multiplied
  CHECK(activation_bytes(GemmKind::W4a16) == 2.0);
  CHECK(weight_bytes(GemmKind::W4a8) == weight_bytes(GemmKind::W4a16));
  CHECK(compute_dtype(GemmKind::W4a8) == Dtype::Fp8);
  CHECK(activation_bytes(GemmKind::W4a8) == 1.0 + 1.0 / 32.0);  // MXFP8: one shared exponent for 32
  CHECK(activation_bytes(GemmKind::Nvfp4) == 0.5);
}

TEST_CASE("dtype: a KV cache is bf16 or fp8 or int8") {
  CHECK(kv_bytes(Dtype::Bf16) == 2.0);
  CHECK(kv_bytes(Dtype::Fp8) == 1.0);
  CHECK(kv_bytes(Dtype::Int8) == 1.0);
  CHECK_THROWS_AS((void)kv_bytes(Dtype::Fp4), BugError);
}
