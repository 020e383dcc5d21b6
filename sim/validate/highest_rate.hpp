#pragma once

#include "sim/validate/point.hpp"
#include "sim/validate/prediction.hpp"

#include <atomic>
#include <functional>
#include <optional>

namespace tokenyard::validate {

/// Rates that are tried: kRateStep to a whole power, in requests/s.
inline constexpr double kRateStep = 1.02;

/// The largest whole number that is good, where all below a good one are good and all above a bad one bad: from `first`
/// on in steps of 8, 16, 32 ... until one good and one bad number are known, then halves of what lies between. Nothing
/// when none within `farthest` of `first` is good, or all are. Asks for each number once.
[[nodiscard]] std::optional<int> largest_good(int first, int farthest, const std::function<bool(int)>& good);

/// The point with Poisson arrivals at this rate for its search's span, the first 0.4 of them a warm-up: 2,000 requests
/// at least, whose batches have then filled, 100,000 at most. REQUIRES: point.search.
[[nodiscard]] Point at_rate(const Point& point, double rate);

/// The run at the highest of the rates that keeps both limits of the point's search, and that rate (Prediction's
/// highest_rate). Limits are kept when the 99th percentiles of TTFT and TPOT of the requests after the warm-up are not
/// above them. Each trial is a run in a process of its own, a child of this one. Throws UserError when the point cannot
/// be played, or no rate within a factor of 50 of where it starts is the highest. A prediction that is not complete was
/// interrupted. REQUIRES: point.search.
[[nodiscard]] Prediction predict_highest_rate(const Point& point, const std::atomic<bool>* interrupted);

}  // namespace tokenyard::validate
