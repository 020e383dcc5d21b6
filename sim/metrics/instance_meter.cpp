#include "sim/metrics/instance_meter.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <cmath>

namespace tokenyard::metrics {
namespace {

/// More bins than this are merged in pairs: a long run keeps a coarser series, never an endless one.
constexpr std::size_t kMaxBins = 4096;

/// Milliwatts times nanoseconds are picojoules.
Uint128 picojoules(Watts power, SimTime span) {
  return static_cast<Uint128>(std::llround(power.value() * 1e3)) * static_cast<Uint128>(span.ns());
}

/// Of what a step does, the part it has done at an instant of it, by time: whole ones, all at its end.
std::uint64_t done_until(const StepFigures& step, std::uint64_t amount, SimTime until) {
  if (until >= step.end) return amount;
  const auto past = static_cast<Uint128>((until - step.start).ns());
  return static_cast<std::uint64_t>(amount * past / static_cast<Uint128>((step.end - step.start).ns()));
}

/// Half as many bins, each the sum of two neighbours.
template <class Sums>
void merge_pairs(std::vector<Sums>& bins) {
  for (std::size_t i = 0; i < bins.size(); i += 2) {
    Sums merged = bins[i];
    if (i + 1 < bins.size()) merged += bins[i + 1];
    bins[i / 2] = merged;
  }
  bins.resize((bins.size() + 1) / 2);
}

}  // namespace

Bin& Bin::operator+=(const Bin& other) {
  running_ns += other.running_ns;
  waiting_ns += other.waiting_ns;
  block_ns += other.block_ns;
  unfilled_ns += other.unfilled_ns;
  busy_ns += other.busy_ns;
  decode_tokens += other.decode_tokens;
  prefill_tokens += other.prefill_tokens;
  return *this;
}

InstanceMeter::InstanceMeter(SimTime from, SimTime interval) : from_(from), interval_(interval) {
  expect(interval > SimTime{}, "the interval of a time series is positive");
  find_run_limits();
}

void InstanceMeter::find_run_limits() {
  run_bin_ = static_cast<std::size_t>(now_.ns() / interval_.ns());
  run_begin_ = interval_ * static_cast<std::int64_t>(run_bin_);
  run_end_ = run_begin_ + interval_;
  // A step that ends with warm-up is not measured, one that starts with its end is.
  if (now_ >= from_) {
    run_begin_ = std::max(run_begin_, from_);
  } else {
    run_end_ = std::min(run_end_, from_);
  }
}

Bin& InstanceMeter::bin_at(SimTime when) {
  auto index = static_cast<std::size_t>(when.ns() / interval_.ns());
  while (index >= kMaxBins) {
    merge_pairs(bins_);
    merge_pairs(cache_bins_);
    for (auto& of_bins : sent_bins_) merge_pairs(of_bins);
    interval_ = interval_ * 2;
    index /= 2;
    run_bin_ /= 2;
  }
  if (index >= bins_.size()) bins_.resize(index + 1);
  return bins_[index];
}

void InstanceMeter::add_to_bins(SimTime from, SimTime to) {
  while (from < to) {
    Bin& bin = bin_at(from);  // may widen the interval
    const SimTime edge{(from.ns() / interval_.ns() + 1) * interval_.ns()};
    const SimTime until = std::min(edge, to);
    add_level(bin, until - from);
    from = until;
  }
}

void InstanceMeter::add_level(Bin& bin, SimTime span) const {
  const auto ns = static_cast<std::uint64_t>(span.ns());
  bin.running_ns += level_.running * ns;
  bin.waiting_ns += level_.waiting * ns;
  bin.block_ns += level_.used_blocks * ns;
  bin.unfilled_ns += level_.unfilled_tokens * ns;
}

void InstanceMeter::add_sent(const Bin& bin, const CollectiveBytes& bytes) {
  const auto index = static_cast<std::size_t>(&bin - bins_.data());
  for (std::size_t i = 0; i < kSenders; ++i) {
    const CollectiveBytes::Of& of = bytes.of[i];
    if (of.inside == 0 && of.across == 0) continue;
    std::vector<CollectiveBytes::Of>& of_bins = sent_bins_[i];
    if (index >= of_bins.size()) of_bins.resize(index + 1);
    of_bins[index] += of;
  }
}

CollectiveBytes InstanceMeter::sent_in(std::size_t index) const {
  CollectiveBytes bytes;
  for (std::size_t i = 0; i < kSenders; ++i) {
    if (index < sent_bins_[i].size()) bytes.of[i] = sent_bins_[i][index];
  }
  return bytes;
}

void InstanceMeter::cache(SimTime now, const CacheSums& did) {
  const auto index = static_cast<std::size_t>(&bin_at(now) - bins_.data());
  if (index >= cache_bins_.size()) cache_bins_.resize(index + 1);
  cache_bins_[index] += did;
  if (now >= from_) cached += did.work();
}

void InstanceMeter::advance(SimTime now) {
  if (now <= now_) return;
  if (level_ != Level{}) {
    if (now <= run_end_) {
      add_level(run_bin(), now - now_);
    } else {
      add_to_bins(now_, now);
    }
    if (now > from_) {
      peak_blocks_ = std::max(peak_blocks_, level_.used_blocks);  // may have stood since before warm-up ended
      const auto ns = static_cast<Uint128>((now - std::max(now_, from_)).ns());
      running_ns_ += level_.running * ns;
      waiting_ns_ += level_.waiting * ns;
      block_ns_ += level_.used_blocks * ns;
      unfilled_ns_ += level_.unfilled_tokens * ns;
    }
  }
  now_ = now;
  if (now_ >= run_end_) find_run_limits();
}

void InstanceMeter::run(const RunFigures& run) {
  expect(run.end >= now_ && run.end <= run_end_, "a run lies within its limits");
  Bin& bin = run_bin();
  const auto ns = static_cast<std::uint64_t>((run.end - now_).ns());
  bin.running_ns += level_.running * ns;
  bin.waiting_ns += level_.waiting * ns;
  bin.block_ns += run.block_ns;
  bin.unfilled_ns += run.unfilled_ns;
  bin.busy_ns += run.busy.ns();
  bin.decode_tokens += run.decode_tokens;
  add_sent(bin, run.sent);
  level_.used_blocks = run.used_blocks;
  level_.unfilled_tokens = run.unfilled_tokens;
  if (run.end > from_) {
    running_ns_ += level_.running * static_cast<Uint128>(ns);
    waiting_ns_ += level_.waiting * static_cast<Uint128>(ns);
    block_ns_ += run.block_ns;
    unfilled_ns_ += run.unfilled_ns;
    peak_blocks_ = std::max(peak_blocks_, run.most_blocks);
    decode_steps += run.steps;
    decode_busy += run.busy;
    decode_exposed += run.exposed;
    decode_tokens += run.decode_tokens;
    pairs_x2_ += run.attention_pairs_x2;
    traffic_ += run.traffic_bytes;
    traffic_decode_ += run.traffic_bytes;
    basis += run.basis;
    sent += run.sent;
    picojoules_ += picojoules(run.power, run.busy);
    gaps_.add(run.gaps, run.tokens_per_gap);
    tokens_out += run.gaps.size() * run.tokens_per_gap;
  } else if (run.end == from_) {
    peak_blocks_ = std::max(peak_blocks_, run.used_blocks);  // what stands when warm-up ends
  }
  now_ = run.end;
  if (now_ >= run_end_) find_run_limits();
}

void InstanceMeter::step(const StepFigures& step) {
  if (step.start >= run_begin_ && step.end < run_end_) {
    Bin& bin = run_bin();
    bin.busy_ns += (step.end - step.start).ns();
    bin.decode_tokens += step.decode_tokens;
    bin.prefill_tokens += step.prefill_tokens;
    add_sent(bin, step.sent);
  } else {
    spread(step);
  }
  if (step.end > from_) measure(step);
}

/// Over the intervals that it lies in, which add up to the step.
void InstanceMeter::spread(const StepFigures& step) {
  std::uint64_t decode_given = 0;
  std::uint64_t prefill_given = 0;
  const auto sent_until = [&](SimTime until) {
    return step.sent.changed([&](std::uint64_t bytes) { return done_until(step, bytes, until); });
  };
  CollectiveBytes sent_before;
  SimTime from = step.start;
  do {
    Bin& bin = bin_at(from);
    const SimTime until = std::min(SimTime{(from.ns() / interval_.ns() + 1) * interval_.ns()}, step.end);
    const std::uint64_t decodes = done_until(step, step.decode_tokens, until);
    const std::uint64_t prefills = done_until(step, step.prefill_tokens, until);
    bin.busy_ns += (until - from).ns();
    bin.decode_tokens += decodes - decode_given;
    bin.prefill_tokens += prefills - prefill_given;
    decode_given = decodes;
    prefill_given = prefills;
    if (step.sent.any()) {
      const CollectiveBytes sent_now = sent_until(until);
      add_sent(bin, sent_now - sent_before);
      sent_before = sent_now;
    }
    from = until;
  } while (from < step.end);
}

/// What of it lies after warm-up.
void InstanceMeter::measure(const StepFigures& step) {
  const SimTime begin = std::max(step.start, from_);
  const auto measured = [&](std::uint64_t amount) {
    return begin == step.start ? amount : amount - done_until(step, amount, begin);
  };
  const SimTime busy = step.end - begin;
  if (begin == step.start) {
    basis += step.basis;
  } else {
    for (std::size_t i = 0; i < kPriceFamilies; ++i) basis.outside[i] += measured(step.basis.outside[i]);
    basis.table += measured(step.basis.table);
  }
  sent += begin == step.start ? step.sent : step.sent.changed(measured);
  const std::uint64_t traffic = measured(static_cast<std::uint64_t>(step.traffic.value()));
  const std::uint64_t decodes = measured(step.decode_tokens);
  const SimTime exposed{static_cast<std::int64_t>(measured(static_cast<std::uint64_t>(step.exposed.ns())))};
  pairs_x2_ += measured(step.attention_pairs_x2);
  picojoules_ += picojoules(step.power, busy);
  traffic_ += traffic;
  decode_tokens += decodes;
  drafts_accepted += measured(step.drafts_accepted);
  prefill_tokens += measured(step.prefill_tokens);
  if (step.prefill_tokens > 0) {
    ++mixed_steps;
    mixed_busy += busy;
    mixed_exposed += exposed;
    decode_tokens_mixed += decodes;
  } else {
    ++decode_steps;
    decode_busy += busy;
    decode_exposed += exposed;
    traffic_decode_ += traffic;
  }
}

}  // namespace tokenyard::metrics
