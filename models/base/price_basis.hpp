#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tokenyard {

/// Kinds of kernels that the price of a step is a sum of.
enum class PriceFamily : std::uint8_t {
  Products,
  DecodeAttention,
  ContextAttention,
  Experts,
  SmallKernels,
  Head,  ///< sampling and the copy of the tokens; the product of the head is one of Products
  AllReduce,
  Exchange,  ///< dispatch and combine
  StageHops
};
inline constexpr std::size_t kPriceFamilies = 9;

/// "products", "decode attention", ... as results name them.
[[nodiscard]] constexpr std::string_view name(PriceFamily family) {
  constexpr std::array<std::string_view, kPriceFamilies> names{"products",   "decode_attention", "context_attention",
                                                               "experts",    "small_kernels",    "head",
                                                               "all_reduce", "exchange",         "stage_hops"};
  return names.at(static_cast<std::size_t>(family));
}

/// What the time of steps rests on. Whole nanoseconds, so that it does not matter how steps are grouped.
struct PriceBasis {
  std::array<std::uint64_t, kPriceFamilies> outside{};  ///< by family: priced outside of what was measured
  std::uint64_t table = 0;                              ///< read from a table of the user's own kernels

  std::uint64_t& of(PriceFamily family) { return outside[static_cast<std::size_t>(family)]; }
  PriceBasis& operator+=(const PriceBasis& other) {
    for (std::size_t i = 0; i < kPriceFamilies; ++i) outside[i] += other.outside[i];
    table += other.table;
    return *this;
  }
  /// `part` of a step's `whole`, rounded down, so that shares of a step stay shares of its part.
  [[nodiscard]] PriceBasis scaled(std::int64_t part, std::int64_t whole) const {
    const auto of = [&](std::uint64_t ns) {
      return static_cast<std::uint64_t>(static_cast<double>(ns) *
                                        (static_cast<double>(part) / static_cast<double>(whole)));
    };
    PriceBasis scaled;
    for (std::size_t i = 0; i < kPriceFamilies; ++i) scaled.outside[i] = of(outside[i]);
    scaled.table = of(table);
    return scaled;
  }
  friend bool operator==(const PriceBasis&, const PriceBasis&) = default;
};

}  // namespace tokenyard
