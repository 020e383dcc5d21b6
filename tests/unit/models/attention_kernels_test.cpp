#include "models/device/attention_kernels.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <set>
#include <string_view>

using namespace tokenyard::models;

namespace {

constexpr auto kBf16 = static_cast<std::size_t>(Dtype::Bf16);

/// A chip that has a kernel for every kind of heads, told apart by its exponent: 1 for the one of other heads, then in
/// the order of DecodeHeads.
KernelSet all_kinds() {
  KernelSet kernels;
  kernels.decode_attention[kBf16] = {.p = 1.0};
  for (std::size_t i = 0; i < kDecodeHeads; ++i)
    kernels.decode_by_heads[i][kBf16] = {.p = 2.0 + static_cast<double>(i)};
  kernels.context_attention[kBf16] = {.p = 1.0};
  for (std::size_t i = 0; i < kContextHeads; ++i) {
    kernels.context_by_heads[i][kBf16] = {.p = 2.0 + static_cast<double>(i)};
  }
  return kernels;
}

double decode_p(const KernelSet& kernels, const HeadShape& heads) {
  const DecodeAttentionCoefficients* const found = decode_kernel(kernels, Dtype::Bf16, heads);
  REQUIRE(found != nullptr);
  return found->p;
}
double p_of(DecodeHeads heads) { return 2.0 + static_cast<double>(heads); }

}  // namespace

TEST_CASE("attention kernels: heads have the kernel that is compiled for them") {
  const KernelSet kernels = all_kinds();
  using enum DecodeHeads;
  CHECK(decode_p(kernels, {.head_dim = 128, .group = 8}) == 1.0);
  CHECK(decode_p(kernels, {.head_dim = 128, .group = 16}) == p_of(Wide));
  CHECK(decode_p(kernels, {.head_dim = 64, .group = 8}) == p_of(Heads64));
  CHECK(decode_p(kernels, {.head_dim = 64, .group = 9}) == p_of(Heads64Wide));
  CHECK(decode_p(kernels, {.head_dim = 64, .group = 8, .windowed = true}) == p_of(Heads64Window));
  CHECK(decode_p(kernels, {.head_dim = 192, .group = 8}) == p_of(Heads192));
  CHECK(decode_p(kernels, {.head_dim = 192, .group = 8, .windowed = true}) == p_of(Heads192Window));
  CHECK(decode_p(kernels, {.head_dim = 192, .group = 16}) == p_of(Heads192Wide));
  CHECK(decode_p(kernels, {.head_dim = 256, .group = 2}) == p_of(Heads256));
  CHECK(decode_p(kernels, {.head_dim = 256, .group = 16}) == p_of(Heads256Wide));
  for (const double head_dim : {64.0, 128.0, 256.0}) {
    CHECK(decode_p(kernels, {.head_dim = head_dim, .group = 1}) == p_of(Single));
  }
}

TEST_CASE("attention kernels: heads without a kernel of their own take the nearest") {
  KernelSet kernels = all_kinds();
  using enum DecodeHeads;
  const auto without = [&](DecodeHeads heads) {
    kernels.decode_by_heads[static_cast<std::size_t>(heads)][kBf16].reset();
  };
  CHECK(decode_p(kernels, {.head_dim = 80, .group = 4}) == 1.0);  // the next size above
  CHECK(decode_p(kernels, {.head_dim = 128, .group = 4, .windowed = true}) == 1.0);
  without(Heads192Wide);
  CHECK(decode_p(kernels, {.head_dim = 192, .group = 16}) == p_of(Heads192));
  without(Heads64Window);
  CHECK(decode_p(kernels, {.head_dim = 64, .group = 8, .windowed = true}) == p_of(Heads64));
  without(Heads64);
  CHECK(decode_p(kernels, {.head_dim = 64, .group = 8}) == 1.0);
  CHECK(decode_kernel(kernels, Dtype::Fp8, {.head_dim = 128, .group = 8}) == nullptr);
}

TEST_CASE("attention kernels: prompts have one for large heads and one for windows") {
  const KernelSet kernels = all_kinds();
  const auto p = [&](const HeadShape& heads) { return context_kernel(kernels, Dtype::Bf16, heads)->p; };
  CHECK(p({.head_dim = 64, .group = 1}) == 1.0);
  CHECK(p({.head_dim = 128, .group = 16}) == 1.0);
  CHECK(p({.head_dim = 64, .group = 8, .windowed = true}) == 2.0);
  CHECK(p({.head_dim = 256, .group = 8}) == 3.0);
  CHECK(context_kernel(kernels, Dtype::Int8, {.head_dim = 64, .group = 8}) == nullptr);
}

TEST_CASE("attention kernels: every kind has a name of its own") {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kDecodeHeads; ++i) names.insert(name(static_cast<DecodeHeads>(i)));
  CHECK(names.size() == kDecodeHeads);
  CHECK(name(DecodeHeads::Heads64Window) == "heads_64_window");
  CHECK(name(ContextHeads::Window) == "window");
  CHECK(name(ContextHeads::Heads256) == "heads_256");
}
