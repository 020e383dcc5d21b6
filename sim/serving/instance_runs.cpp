#include "sim/serving/instance.hpp"

#include <algorithm>
#include <span>

// Runs of decode steps: what Instance does when its batch does not change.

namespace tokenyard::serving {

/// run_plain() for a single rank: sums what a stretch of equal steps does and books it at once.
void Instance::run_alone(SimTime until, std::uint64_t plain) {
  Rank& rank = ranks_[0];
  const std::uint32_t n = rank.decoding();
  while (plain > 0 && oldest().end <= until) {
    // Within one interval of the time series, and none but equal steps: else one at a time.
    const SimTime limit = std::min(until, meter_.run_end());
    bool equal = true;
    for (std::size_t i = 0; i < in_flight_; ++i) {
      const RankStep& step = steps_[(first_ + i) % steps_.size()].ranks[0];
      equal = equal && step.live && step.decode_tokens == n && step.shape.decodes == n &&
              step.shape.prefill_tokens == 0 && step.paused.empty();
    }
    if (!equal || !late_.empty() || settings_.log_steps || oldest().start < meter_.run_begin() || oldest().end > limit) {
      run_plain(oldest().end, 1);
      --plain;
      continue;
    }
    plain -= sum_run(limit, plain);
  }
}

/// Plays at most `plain` equal steps that end by `limit`, at least one; gives how many.
std::uint64_t Instance::sum_run(SimTime limit, std::uint64_t plain) {
  Rank& rank = ranks_[0];
  const std::uint32_t n = rank.decoding();
  // Steps only get longer: no more than this many end by the limit.
  const Step& youngest = steps_[in_flight_ == 1 ? first_ : 1 - first_];
  const auto room = static_cast<std::uint64_t>((limit - oldest().end).ns() / (youngest.end - youngest.start).ns()) + 2;
  const std::uint64_t count = std::min({plain, room, std::uint64_t{prices_.size()}});
  cost_.decode_run(n, rank.context() + n, std::span(prices_).first(count));

  const std::span<const std::uint32_t> ring = rank.block_ring();
  std::size_t at = rank.blocks_begin();
  std::uint64_t used = rank.used_blocks();
  const std::uint64_t used_before = used;
  const std::uint64_t first_context = oldest().ranks[0].shape.decode_context;
  metrics::RunFigures run{.decode_tokens = 0, .power = settings_.decode_power * static_cast<double>(settings_.chips)};
  SimTime level_since = meter_.level_since();
  std::size_t f = first_;
  std::uint64_t i = 0;
  for (; i < count && steps_[f].end <= limit; ++i) {
    Step& step = steps_[f];
    const SimTime now = step.end;
    run.busy += now - step.start;
    run.block_ns += used * static_cast<std::uint64_t>((now - level_since).ns());
    level_since = now;
    gaps_[i] = now - last_end_;
    last_end_ = now;
    used += ring[at];
    at = at == 0 ? ring.size() - 1 : at - 1;
    if (in_flight_ == 2) f = 1 - f;
    step.composed = now;
    step.start = in_flight_ == 1 ? now : steps_[f].end;
    step.end = step.start + prices_[i];
  }
  run.end = last_end_;
  run.steps = i;
  run.decode_tokens = i * n;
  run.attention_pairs_x2 = 2 * (i * first_context + n * (i * (i - 1) / 2));
  run.traffic_bytes = cost_.decode_run_traffic(n, first_context, i);
  run.used_blocks = used;
  run.gaps = std::span(gaps_).first(i);
  run.tokens_per_gap = n;
  meter_.run(run);
  first_ = f;
  RankStep* const live[] = {&steps_[f].ranks[0], &steps_[1 - f].ranks[0]};
  rank.skip_plain(i, static_cast<std::uint32_t>(used - used_before), std::span(live).first(in_flight_));
  return i;
}

/// Plays at most `plain` steps of nothing but the present decodes: one booked, one composed in its place.
void Instance::run_plain(SimTime until, std::uint64_t plain) {
  for (; plain > 0 && oldest().end <= until; --plain) {
    Step& step = oldest();
    const SimTime now = step.end;
    book(step);
    // The place of the step that ended becomes the youngest: with depth 2 the other one runs until its end.
    const SimTime queued_until = in_flight_ == 1 ? now : steps_[1 - first_].end;
    if (in_flight_ == 2) first_ = 1 - first_;
    for (std::size_t r = 0; r < ranks_.size(); ++r) {
      RankStep& rank_step = step.ranks[r];
      if (ranks_[r].decoding() > 0) {
        ranks_[r].next_plain(rank_step);
      } else if (rank_step.live) {
        ranks_[r].complete(rank_step);
        rank_step.clear();
      }
      shapes_[r] = rank_step.shape;
    }
    step.composed = now;
    step.start = std::max(now, queued_until);
    step.end = step.start + price();
    set_level(now);
  }
}

}  // namespace tokenyard::serving
