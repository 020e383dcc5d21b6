#include "models/device/attention_kernels.hpp"

#include <cstddef>
#include <initializer_list>
#include <optional>

namespace tokenyard::models {
namespace {

constexpr double kWideGroup = 8.0;

/// What a size of heads has besides; absent: nothing.
struct Size {
  std::optional<DecodeHeads> narrow;
  std::optional<DecodeHeads> wide;
  std::optional<DecodeHeads> window;
};

Size size_of(double head_dim) {
  using enum DecodeHeads;
  if (head_dim <= 64.0) return {.narrow = Heads64, .wide = Heads64Wide, .window = Heads64Window};
  if (head_dim <= 128.0) return {.narrow = {}, .wide = Wide, .window = {}};
  if (head_dim <= 192.0) return {.narrow = Heads192, .wide = Heads192Wide, .window = Heads192Window};
  return {.narrow = Heads256, .wide = Heads256Wide, .window = {}};
}

template <class Coefficients>
const Coefficients* there(const std::optional<Coefficients>& coefficients) {
  return coefficients ? &*coefficients : nullptr;
}

}  // namespace

std::optional<DecodeHeads> decode_heads(const HeadShape& heads) {
  const Size size = size_of(heads.head_dim);
  if (heads.group <= 1.0) return DecodeHeads::Single;
  if (heads.windowed && size.window) return size.window;
  return heads.group > kWideGroup && size.wide ? size.wide : size.narrow;
}

std::optional<ContextHeads> context_heads(const HeadShape& heads) {
  if (heads.head_dim > 128.0) return ContextHeads::Heads256;
  if (heads.windowed) return ContextHeads::Window;
  return std::nullopt;
}

const DecodeAttentionCoefficients* decode_kernel(const KernelSet& kernels, Dtype kv, const HeadShape& heads) {
  const auto format = static_cast<std::size_t>(kv);
  for (const std::optional<DecodeHeads>& wanted : {decode_heads(heads), size_of(heads.head_dim).narrow}) {
    if (!wanted) continue;
    const auto& own = kernels.decode_by_heads[static_cast<std::size_t>(*wanted)][format];
    if (own) return &*own;
  }
  return there(kernels.decode_attention[format]);
}

const ContextAttentionCoefficients* context_kernel(const KernelSet& kernels, Dtype kv, const HeadShape& heads) {
  const auto format = static_cast<std::size_t>(kv);
  if (const auto wanted = context_heads(heads)) {
    const auto& own = kernels.context_by_heads[static_cast<std::size_t>(*wanted)][format];
    if (own) return &*own;
  }
  return there(kernels.context_attention[format]);
}

}  // namespace tokenyard::models
