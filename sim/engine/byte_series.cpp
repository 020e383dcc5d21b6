#include "sim/engine/byte_series.hpp"

#include "models/base/errors.hpp"

#include <algorithm>

namespace tokenyard::engine {

double& ByteSeries::at(SimTime when) {
  auto index = static_cast<std::size_t>(when.ns() / interval_.ns());
  while (index >= kMost) {
    for (std::size_t i = 0; i < bytes_.size(); i += 2) {
      bytes_[i / 2] = bytes_[i] + (i + 1 < bytes_.size() ? bytes_[i + 1] : 0.0);
    }
    bytes_.resize((bytes_.size() + 1) / 2);
    interval_ = interval_ * 2;
    index /= 2;
  }
  if (index >= bytes_.size()) bytes_.resize(index + 1, 0.0);
  return bytes_[index];
}

void ByteSeries::add(SimTime from, SimTime to, double bytes) {
  expect(from <= to, "bytes come in the course of time");
  double& last = at(to);  // may double the interval
  const auto length = static_cast<double>((to - from).ns());
  const SimTime edge{to.ns() / interval_.ns() * interval_.ns()};
  if (from >= edge) {
    last += bytes;
    return;
  }
  while (from < to) {
    const SimTime next = std::min(SimTime{(from.ns() / interval_.ns() + 1) * interval_.ns()}, to);
    at(from) += bytes * (static_cast<double>((next - from).ns()) / length);
    from = next;
  }
}

}  // namespace tokenyard::engine
