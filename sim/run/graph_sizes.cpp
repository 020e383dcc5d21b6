#include "sim/run/graph_sizes.hpp"

#include <algorithm>

namespace tokenyard {
namespace {

using Sizes = std::vector<std::uint32_t>;

void add_range(Sizes& sizes, std::uint32_t from, std::uint32_t to, std::uint32_t by) {
  for (std::uint32_t size = from; size <= to; size += by) sizes.push_back(size);
}

/// What of the list is not above `max`.
Sizes up_to(Sizes sizes, std::uint32_t max) {
  std::erase_if(sizes, [max](std::uint32_t size) { return size > max; });
  return sizes;
}

Sizes with_max(Sizes sizes, std::uint32_t max) {
  sizes = up_to(std::move(sizes), max);
  if (sizes.empty() || sizes.back() != max) sizes.push_back(max);
  return sizes;
}

Sizes sizes_of(const policy::VllmSpec& rules, std::uint32_t largest, bool) {
  Sizes sizes{1, 2, 4};
  add_range(sizes, 8, 248, 8);
  add_range(sizes, 256, largest, 16);
  return up_to(std::move(sizes), std::min({2 * rules.max_num_seqs, largest, rules.max_num_batched_tokens}));
}

Sizes sizes_of(const policy::SglangSpec&, std::uint32_t largest, bool) {
  Sizes sizes{1, 2, 4, 8, 12};
  add_range(sizes, 16, 256, 8);
  add_range(sizes, 272, 496, 16);
  add_range(sizes, 512, largest, 32);
  return with_max(std::move(sizes), largest);
}

Sizes sizes_of(const policy::TrtllmSpec&, std::uint32_t largest, bool padding) {
  Sizes sizes;
  if (padding) {
    sizes = {1, 2, 4};
    add_range(sizes, 8, 128, 8);
  } else {
    add_range(sizes, 1, 32, 1);
    sizes.insert(sizes.end(), {64, 128});
  }
  for (std::uint32_t size = 256; size <= largest; size *= 2) sizes.push_back(size);
  return with_max(std::move(sizes), largest);
}

}  // namespace

std::vector<std::uint32_t> graph_sizes(const config::EngineSpec& engine) {
  if (!engine.graphs) return {};
  return std::visit([&](const auto& rules) { return sizes_of(rules, engine.graph_max, engine.graph_padding); },
                    engine.rules);
}

}  // namespace tokenyard
