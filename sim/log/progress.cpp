#include "sim/log/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <utility>

namespace tokenyard::log {

namespace {

constexpr std::chrono::milliseconds kBetweenLines{200};

std::string left(double fraction, std::chrono::duration<double> spent) {
  if (fraction <= 0.0) {
    return "";
  }
  const double left_s = spent.count() * (1.0 - fraction) / fraction;
  return left_s < 120.0 ? fmt::format("  {:.0f} s to go", left_s) : fmt::format("  {:.0f} min to go", left_s / 60.0);
}

}  // namespace

Progress::Progress()
    : out_(isatty(STDERR_FILENO) == 1 ? &std::cerr : nullptr),
      clock_(&std::chrono::steady_clock::now),
      began_(clock_()) {}

Progress::Progress(std::ostream& out, WallClock clock) : out_(&out), clock_(std::move(clock)), began_(clock_()) {}

Progress::~Progress() {
  if (width_ > 0) {
    *out_ << '\r' << std::string(width_, ' ') << '\r' << std::flush;
  }
}

bool Progress::is_due() {
  const auto now = clock_();
  if (now - shown_.value_or(began_) < kBetweenLines) {
    return false;
  }
  shown_ = now;
  return true;
}

void Progress::show(const ProgressState& state) {
  const double fraction = std::clamp(state.fraction, 0.0, 1.0);
  std::string line = fmt::format("{:3.0f} %  {:.3f} s simulated  {} requests{}", fraction * 100.0,
                                 state.now.seconds().value(), state.requests_done, left(fraction, *shown_ - began_));
  const std::size_t width = line.size();
  line.resize(std::max(width, width_), ' ');  // over the rest of a longer line before
  width_ = width;
  *out_ << '\r' << line << std::flush;
}

}  // namespace tokenyard::log
