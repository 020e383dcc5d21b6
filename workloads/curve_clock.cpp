#include "workloads/curve_clock.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tokenyard::workloads {

CurveClock::CurveClock(const RateCurve& curve) : curve_(curve) {}

double CurveClock::end_s() const {
  if (segment_ + 1 < curve_.at.size()) return turn_s_ + curve_.at[segment_ + 1].value();
  return curve_.period ? turn_s_ + curve_.period->value() : std::numeric_limits<double>::infinity();
}

void CurveClock::next_segment() {
  here_s_ = end_s();
  if (segment_ + 1 < curve_.at.size()) {
    ++segment_;
    return;
  }
  turn_s_ += curve_.period->value();
  segment_ = 0;
}

std::optional<double> CurveClock::real_s(double even_s) {
  while (true) {
    const bool last = segment_ + 1 == curve_.at.size();
    const double begin_s = turn_s_ + curve_.at[segment_].value();
    const double length_s = end_s() - begin_s;
    const double first = curve_.factor[segment_];
    const double slope = last || length_s <= 0.0 ? 0.0 : (curve_.factor[segment_ + 1] - first) / length_s;
    const double factor = first + slope * (here_s_ - begin_s);
    const double left_s = end_s() - here_s_;
    const double wanted = even_s - even_s_;
    const double area =
        std::isfinite(left_s) ? left_s * (factor + 0.5 * slope * left_s) : (factor > 0.0 ? left_s : 0.0);
    if (wanted <= area && (wanted > 0.0 || area > 0.0)) {
      // factor * x + slope * x^2 / 2 = wanted, in the form that does not cancel.
      const double root = std::sqrt(std::max(0.0, factor * factor + 2.0 * slope * wanted));
      here_s_ += factor + root > 0.0 ? 2.0 * wanted / (factor + root) : 0.0;
      even_s_ = even_s;
      return here_s_;
    }
    if (!std::isfinite(left_s)) return std::nullopt;  // the rate is 0 for ever
    even_s_ += area;
    next_segment();
  }
}

}  // namespace tokenyard::workloads
