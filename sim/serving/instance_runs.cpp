#include "sim/serving/instance.hpp"

#include <algorithm>
#include <span>

// Runs of decode steps: what Instance does when its batch does not change.

namespace tokenyard::serving {

/// run_plain() for a single rank: sums what a stretch of equal steps does and books it at once.
void Instance::run_alone(Lane& lane, SimTime until, std::uint64_t plain) {
  Rank& rank = lane.ranks[0];
  const std::uint32_t n = rank.decoding();
  while (plain > 0 && lane.oldest().end <= until) {
    // Within one interval of the time series, and none but equal steps: else one at a time.
    const SimTime limit = std::min(until, meter_.run_end());
    bool equal = true;
    for (std::size_t i = 0; i < lane.in_flight; ++i) {
      const RankStep& step = lane.at(i).ranks[0];
      equal = equal && step.live && step.decode_tokens == n && step.shape.decodes == n &&
              step.shape.prefill_tokens == 0 && step.paused.empty();
    }
    if (!equal || !lane.late.empty() || settings_.log_steps || lane.oldest().start < meter_.run_begin() ||
        lane.oldest().end > limit) {
      run_plain(lane, lane.oldest().end, 1);
      --plain;
      continue;
    }
    plain -= sum_run(lane, limit, plain);
  }
}

/// Plays at most `plain` equal steps that end by `limit`, at least one; gives how many.
std::uint64_t Instance::sum_run(Lane& lane, SimTime limit, std::uint64_t plain) {
  Rank& rank = lane.ranks[0];
  const std::uint32_t n = rank.decoding();
  // Steps only get longer: no more than this many end by the limit.
  const Step& youngest = lane.at(lane.in_flight - 1);
  const auto room =
      static_cast<std::uint64_t>((limit - lane.oldest().end).ns() / (youngest.end - youngest.start).ns()) + 2;
  const std::uint64_t count = std::min({plain, room, std::uint64_t{prices_.size()}});
  const cost::StepShape next = rank.next_decodes();
  cost_.decode_run(next, std::span(prices_).first(count));
  shapes_[0] = next;
  // Where neither end spends, no step between them does (ChipClocks::attention_spends).
  const auto shape_of = [&](std::uint64_t i) {
    cost::StepShape shape = next;
    shape.decode_context += i * n;
    if (shape.longest_context > 0) shape.longest_context += static_cast<std::uint32_t>(i);
    return shape;
  };
  const auto spends = [&](std::uint64_t i) {
    const cost::StepShape shape = shape_of(i);
    return clocks_.spends(prices_[i], heavy_work({&shape, 1}));
  };
  const bool heavy =
      clocks_.limited() && (!clocks_.attention_spends() || spends(0) || (count > 1 && spends(count - 1)));
  const SimTime delayed = delay();  // by the collectives of n tokens, whatever their contexts

  DecodeBlocks::Walk walk = rank.block_walk();
  const std::uint32_t groups = settings_.layout().groups();
  std::uint64_t used = rank.used_blocks();
  std::uint64_t most = used;
  std::uint64_t unfilled = rank.unfilled_tokens();
  const cost::StepShape first = lane.oldest().ranks[0].shape;
  metrics::RunFigures run{.decode_tokens = 0, .power = settings_.decode_power * static_cast<double>(settings_.chips)};
  SimTime level_since = meter_.level_since();
  std::size_t f = lane.first;
  const bool sends = front_end_.sends();
  std::uint64_t i = 0;
  for (; i < count && lane.steps[f].end <= limit; ++i) {
    Step& step = lane.steps[f];
    const SimTime now = step.end;
    run.busy += now - step.start;
    run.exposed += now - step.start - step.alone;
    run.block_ns += used * static_cast<std::uint64_t>((now - level_since).ns());
    run.unfilled_ns += unfilled * static_cast<std::uint64_t>((now - level_since).ns());
    level_since = now;
    gaps_[i] = now - lane.last_end;
    lane.last_end = now;
    if (sends) front_end_.send(now, n);
    const DecodeBlocks::Walk::Change change = walk.next();
    used += std::uint64_t{change.taken} - change.freed;
    most = std::max(most, used);
    unfilled += std::uint64_t{change.taken} * settings_.block_tokens - std::uint64_t{groups} * n;
    if (lane.in_flight == 2) f = 1 - f;
    step.composed = now;
    step.start = lane.in_flight == 1 ? now : lane.steps[f].end;
    step.alone = prices_[i];
    if (heavy) {
      shapes_[0] = shape_of(i);
      step.alone += slowed(step.start, prices_[i]);
    }
    step.delay = delayed;
    step.end = step.start + step.alone + delayed;
  }
  run.end = lane.last_end;
  run.steps = i;
  run.decode_tokens = i * n;
  run.attention_pairs_x2 = 2 * (i * first.decode_context + n * (i * (i - 1) / 2));
  run.traffic_bytes = cost_.decode_run_traffic(n, first.decode_context, i);
  run.basis = cost_.decode_run_basis(first, i);
  run.exposed += cost_.decode_run_exposed(first, i);
  run.sent = cost_.bytes({&first, 1}) * i;  // by n tokens, whatever their contexts
  run.used_blocks = used;
  run.most_blocks = most;
  run.unfilled_tokens = unfilled;
  run.gaps = std::span(gaps_).first(i);
  run.tokens_per_gap = n;
  meter_.run(run);
  lane.first = f;
  RankStep* const live[] = {&lane.steps[f].ranks[0], &lane.steps[1 - f].ranks[0]};
  rank.skip_plain(i, walk, std::span(live).first(lane.in_flight));
  return i;
}

/// Plays at most `plain` steps of nothing but the present decodes: one booked, one composed in its place.
void Instance::run_plain(Lane& lane, SimTime until, std::uint64_t plain) {
  for (; plain > 0 && lane.oldest().end <= until; --plain) {
    Step& step = lane.oldest();
    const SimTime now = step.end;
    book(lane, step);
    if (front_end_.sends()) send_decodes(step);
    // The place of the step that ended becomes the youngest: with depth 2 the other one runs until its end.
    const SimTime queued_until = lane.in_flight == 1 ? now : lane.at(1).end;
    if (lane.in_flight == 2) lane.first = 1 - lane.first;
    if (lane.balance) balance(lane);  // nothing to hold, but the steps count
    for (std::size_t r = 0; r < lane.ranks.size(); ++r) {
      RankStep& rank_step = step.ranks[r];
      Rank& rank = lane.ranks[r];
      if (rank.decoding() > 0) {
        rank.next_plain(rank_step);
      } else if (rank_step.live) {
        rank.complete(rank_step);
        rank_step.clear();
      }
      shapes_[r] = rank_step.shape;
    }
    step.composed = now;
    schedule(step, std::max(now, queued_until));
    set_level(now);
  }
}

}  // namespace tokenyard::serving
