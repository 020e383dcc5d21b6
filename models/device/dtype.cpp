#include "models/device/dtype.hpp"

#include "models/base/errors.hpp"

namespace tokenyard::models {
namespace {

struct KindFigures {
  std::string_view name;
  Dtype compute;
  double weight_bytes;
  double activation_bytes;
};

// By GemmKind. Scales: 4 bytes for a block of 128 x 128, one for 16 FP4 values, one for 32 MXFP4 or MXFP8 values.
constexpr std::array<KindFigures, kGemmKinds> kKinds{{
    {"bf16", Dtype::Bf16, 2.0, 2.0},
    {"fp8", Dtype::Fp8, 1.0, 1.0},
    {"fp8_block", Dtype::Fp8, 1.0 + 4.0 / 16384.0, 1.0},
    {"int8", Dtype::Int8, 1.0, 1.0},
    {"nvfp4", Dtype::Fp4, 0.5 + 1.0 / 16.0, 0.5},
    {"w4a16", Dtype::Bf16, 0.5 + 1.0 / 32.0, 2.0},
    {"w4a8", Dtype::Fp8, 0.5 + 1.0 / 32.0, 1.0 + 1.0 / 32.0},
}};

constexpr std::array<std::string_view, kDtypes> kDtypeNames{"fp32", "tf32", "bf16", "fp8", "int8", "fp4"};

const KindFigures& figures(GemmKind kind) {
  const auto index = static_cast<std::size_t>(kind);
  expect(index < kKinds.size(), "the kind is one of GemmKind");
  return kKinds[index];
}

}  // namespace

std::string_view name(GemmKind kind) { return figures(kind).name; }

std::optional<GemmKind> gemm_kind(std::string_view name) {
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    if (kKinds[i].name == name) return static_cast<GemmKind>(i);
  }
  return std::nullopt;
}

std::string_view name(Dtype dtype) {
  const auto index = static_cast<std::size_t>(dtype);
  expect(index < kDtypeNames.size(), "the format is one of Dtype");
  return kDtypeNames[index];
}

std::optional<Dtype> dtype(std::string_view name) {
  for (std::size_t i = 0; i < kDtypeNames.size(); ++i) {
    if (kDtypeNames[i] == name) return static_cast<Dtype>(i);
  }
  return std::nullopt;
}

Dtype compute_dtype(GemmKind kind) { return figures(kind).compute; }
double weight_bytes(GemmKind kind) { return figures(kind).weight_bytes; }
double activation_bytes(GemmKind kind) { return figures(kind).activation_bytes; }

double kv_bytes(Dtype dtype) {
  expect(dtype == Dtype::Bf16 || dtype == Dtype::Fp8 || dtype == Dtype::Int8, "a KV cache is bf16, fp8 or int8");
  return dtype == Dtype::Bf16 ? 2.0 : 1.0;
}

}  // namespace tokenyard::models
