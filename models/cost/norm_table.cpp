#include "models/cost/norm_table.hpp"

#include "models/base/errors.hpp"
#include "models/cost/kernels.hpp"

#include <cmath>

namespace tokenyard::cost {
namespace {

constexpr std::uint32_t kMantissaBits = 52;

/// log2 of the knots an octave. A straight line over a relative step h is off by at most h^2/8 * |p - 1|/4 of the
/// value: 64 knots give 8e-6 * |p - 1|, enough up to 10. A sharper knee, in the limit the corner of the plain maximum
/// (off by h/4), gets 4,096.
std::uint32_t knot_bits(double p) { return p <= 10.0 ? 6 : 12; }

}  // namespace

NormTable::NormTable(double floor, double slope, double p)
    : floor_(floor),
      slope_(slope),
      p_(p),
      shift_(kMantissaBits - knot_bits(p)),
      mask_((std::uint64_t{1} << shift_) - 1U),
      unit_(std::ldexp(1.0, -static_cast<int>(shift_))) {
  expect(floor >= 0.0 && slope >= 0.0 && p > 0.0, "a norm of what is not negative");
  const std::uint64_t lowest = std::bit_cast<std::uint64_t>(kLowest);
  const std::uint64_t knots = (std::bit_cast<std::uint64_t>(kHighest) - lowest) >> shift_;
  values_.reserve(static_cast<std::size_t>(knots) + 1);
  for (std::uint64_t i = 0; i <= knots; ++i) values_.push_back(formula(std::bit_cast<double>(lowest + (i << shift_))));
}

double NormTable::formula(double x) const { return p_norm(floor_, slope_ * x, p_); }

}  // namespace tokenyard::cost
