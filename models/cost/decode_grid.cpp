#include "models/cost/decode_grid.hpp"

#include "models/base/errors.hpp"

#include <limits>

namespace tokenyard::cost {
namespace {

constexpr double kUnlimited = std::numeric_limits<double>::max();
constexpr double kSingleBlocks = 4.0;  // of 256 threads that an SM holds
constexpr double kSingleKeys = 65536;  // a block of 1,024 threads loads so many elements of keys at least

}  // namespace

DecodeGrid::DecodeGrid(const models::KernelSet& kernels, const models::DecodeAttentionCoefficients& c,
                       const models::HeadShape& heads)
    : per_head_(c.per_head),
      per_part_(c.per_part),
      root_(kernels.attention_split.root > 0.0 ? kernels.attention_split.root : kUnlimited),
      most_(kernels.attention_split.blocks),
      places_(kernels.multiprocessors * c.resident),
      per_place_(1.0 / places_),
      last_wave_(c.last_wave),
      waves_(places_ > 0.0),
      single_(waves_ && heads.group <= 1.0) {
  if (kernels.attention_split.keys > 0.0) per_key_ = 1.0 / kernels.attention_split.keys;
  if (!single_) return;
  expect(heads.head_dim > 0.0, "a head has a size");
  per_key_ = heads.head_dim / kSingleKeys;
  places_ = kSingleBlocks * kernels.multiprocessors;
  per_place_ = 1.0 / places_;
}

DecodeGrid::Launch DecodeGrid::launch_single(double lanes, double length) const {
  const double fill = std::ceil(places_ / lanes);  // as many times 256 threads would fill the chip
  if (fill < 2.0) return {.parts = 1.0, .blocks = lanes};
  if (fill < kSingleBlocks) return {.parts = 1.0, .blocks = 2.0 * lanes};
  const double each = std::ceil(places_ / kSingleBlocks / lanes);
  const double parts = std::max(std::min(length * per_key_, each), 1.0);
  return {.parts = parts, .blocks = kSingleBlocks * lanes * parts};
}

}  // namespace tokenyard::cost
