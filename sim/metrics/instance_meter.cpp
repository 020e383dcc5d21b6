#include "sim/metrics/instance_meter.hpp"

#include "models/base/errors.hpp"

#include <algorithm>

namespace tokenyard::metrics {
namespace {

/// More bins than this are merged in pairs: a long run keeps a coarser series, never an endless one.
constexpr std::size_t kMaxBins = 4096;

}  // namespace

Bin& Bin::operator+=(const Bin& other) {
  running_ns += other.running_ns;
  waiting_ns += other.waiting_ns;
  block_ns += other.block_ns;
  busy_ns += other.busy_ns;
  decode_tokens += other.decode_tokens;
  prefill_tokens += other.prefill_tokens;
  return *this;
}

InstanceMeter::InstanceMeter(SimTime from, SimTime interval) : from_(from), interval_(interval) {
  expect(interval > SimTime{}, "the interval of a time series is positive");
}

Bin& InstanceMeter::bin_at(SimTime when) {
  auto index = static_cast<std::size_t>(when.ns() / interval_.ns());
  while (index >= kMaxBins) {
    for (std::size_t i = 0; i < bins_.size(); i += 2) {
      Bin merged = bins_[i];
      if (i + 1 < bins_.size()) merged += bins_[i + 1];
      bins_[i / 2] = merged;
    }
    bins_.resize((bins_.size() + 1) / 2);
    interval_ = interval_ * 2;
    index /= 2;
  }
  if (index >= bins_.size()) bins_.resize(index + 1);
  return bins_[index];
}

void InstanceMeter::add_to_bins(SimTime from, SimTime to) {
  while (from < to) {
    Bin& bin = bin_at(from);  // may widen the interval
    const SimTime edge{(from.ns() / interval_.ns() + 1) * interval_.ns()};
    const SimTime until = std::min(edge, to);
    const auto ns = static_cast<double>((until - from).ns());
    bin.running_ns += level_.running * ns;
    bin.waiting_ns += level_.waiting * ns;
    bin.block_ns += static_cast<double>(level_.used_blocks) * ns;
    from = until;
  }
}

void InstanceMeter::advance(SimTime now) {
  if (now <= now_) return;
  if (level_.running != 0 || level_.waiting != 0 || level_.used_blocks != 0) {
    add_to_bins(now_, now);
    if (now > from_) {
      peak_blocks_ = std::max(peak_blocks_, level_.used_blocks);  // may have stood since before warm-up ended
      const auto ns = static_cast<double>((now - std::max(now_, from_)).ns());
      running_ns += level_.running * ns;
      waiting_ns += level_.waiting * ns;
      block_ns += static_cast<double>(level_.used_blocks) * ns;
    }
  }
  now_ = now;
}

void InstanceMeter::step(const StepFigures& step) {
  // Tokens of the step up to an instant: whole ones, so that the intervals add up to the step.
  const auto tokens_until = [&step](std::uint32_t tokens, SimTime until) -> std::uint64_t {
    if (until == step.end) return tokens;
    const auto past = static_cast<Uint128>((until - step.start).ns());
    return static_cast<std::uint64_t>(tokens * past / static_cast<Uint128>((step.end - step.start).ns()));
  };
  std::uint64_t decode_given = 0;
  std::uint64_t prefill_given = 0;
  SimTime from = step.start;
  do {
    Bin& bin = bin_at(from);
    const SimTime until = std::min(SimTime{(from.ns() / interval_.ns() + 1) * interval_.ns()}, step.end);
    const std::uint64_t decodes = tokens_until(step.decode_tokens, until);
    const std::uint64_t prefills = tokens_until(step.prefill_tokens, until);
    bin.busy_ns += (until - from).ns();
    bin.decode_tokens += decodes - decode_given;
    bin.prefill_tokens += prefills - prefill_given;
    decode_given = decodes;
    prefill_given = prefills;
    from = until;
  } while (from < step.end);

  if (step.end <= from_) return;
  const SimTime busy = step.end - std::max(step.start, from_);
  const double traffic = step.traffic.value();
  attention_pairs += static_cast<double>(step.attention_pairs_x2) / 2.0;
  energy_joules += step.energy.value();
  traffic_bytes += traffic;
  decode_tokens += step.decode_tokens;
  prefill_tokens += step.prefill_tokens;
  if (step.prefill_tokens > 0) {
    ++mixed_steps;
    mixed_busy += busy;
    decode_tokens_mixed += step.decode_tokens;
  } else {
    ++decode_steps;
    decode_busy += busy;
    traffic_bytes_decode += traffic;
  }
}

}  // namespace tokenyard::metrics
