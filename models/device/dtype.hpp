#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tokenyard::models {

/// Number formats that a chip has a dense peak for.
enum class Dtype : std::uint8_t { Fp32, Tf32, Bf16, Fp8, Int8, Fp4 };
inline constexpr std::size_t kDtypes = 6;

/// How the weights of a matrix product are stored and multiplied: the kernel families that serving engines offer.
enum class GemmKind : std::uint8_t {
  Bf16,      ///< BF16 weights and activations
  Fp8,       ///< FP8 per tensor, static scales: no quantisation pass over the activations
  Fp8Block,  ///< FP8 in 128 x 128 blocks (DeepSeek), activations quantised in the kernel
  Int8,      ///< INT8 weights and activations (W8A8)
  Nvfp4,     ///< FP4 in blocks of 16 with an FP8 scale
  W4a16,     ///< MXFP4 weights (blocks of 32), BF16 activations and arithmetic
  W4a8       ///< MXFP4 weights, MXFP8 activations: FP8 arithmetic (Blackwell)
};
inline constexpr std::size_t kGemmKinds = 7;

/// "bf16", "fp8", "fp8_block", "int8", "nvfp4", "w4a16", "w4a8": as written in YAML.
[[nodiscard]] std::string_view name(GemmKind kind);
[[nodiscard]] std::optional<GemmKind> gemm_kind(std::string_view name);
[[nodiscard]] std::string_view name(Dtype dtype);
[[nodiscard]] std::optional<Dtype> dtype(std::string_view name);

/// The format whose dense peak bounds the product: W4a16 multiplies in BF16.
[[nodiscard]] Dtype compute_dtype(GemmKind kind);

/// Bytes a weight takes with its scales: 2, 1, 1 + 4/16384, 1, 0.5 + 1/16, 0.5 + 1/32 twice.
[[nodiscard]] double weight_bytes(GemmKind kind);

/// Bytes an activation element takes when the kernel reads it: 2, 1, 1, 1, 0.5, 2, 1 + 1/32.
[[nodiscard]] double activation_bytes(GemmKind kind);

/// Bytes of a KV-cache element: Bf16 2, Fp8 and Int8 1. REQUIRES: one of these three.
[[nodiscard]] double kv_bytes(Dtype dtype);

}  // namespace tokenyard::models
