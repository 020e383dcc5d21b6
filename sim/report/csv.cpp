#include "sim/report/csv.hpp"

#include "models/base/errors.hpp"
#include "sim/report/csv_rows.hpp"

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <utility>

namespace tokenyard::report {
namespace {

double ratio(double part, double whole) { return whole > 0.0 ? part / whole : 0.0; }

/// What an instance and its prefix cache did between two instants, both a whole number of its own intervals.
std::pair<metrics::Bin, metrics::CacheSums> sum_of(const metrics::InstanceMeter& meter, SimTime from,
                                                   SimTime interval) {
  const auto first = static_cast<std::size_t>(from.ns() / meter.interval().ns());
  const auto last = first + static_cast<std::size_t>(interval.ns() / meter.interval().ns());
  metrics::Bin sum;
  metrics::CacheSums cache;
  for (std::size_t i = first; i < std::min(last, meter.bins().size()); ++i) {
    sum += meter.bins()[i];
    cache += meter.cache_in(i);
  }
  return {sum, cache};
}

}  // namespace

void write_steps(const std::vector<metrics::StepRecord>& steps, std::ostream& out) {
  // Instances book their steps in spurts, so the order of the records says nothing.
  std::vector<std::size_t> order(steps.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&steps](std::size_t a, std::size_t b) {
    return std::tie(steps[a].start, steps[a].instance, a) < std::tie(steps[b].start, steps[b].instance, b);
  });

  CsvRows rows(out, "instance,composed_s,start_s,end_s,decodes,prefill_tokens,chunks,decode_context_tokens");
  for (const std::size_t i : order) {
    const metrics::StepRecord& step = steps[i];
    rows.count(step.instance.index());
    rows.time(step.composed);
    rows.time(step.start);
    rows.time(step.end);
    rows.count(step.decodes);
    rows.count(step.prefill_tokens);
    rows.count(step.chunks);
    rows.count(step.decode_context);
    rows.end_row();
  }
  rows.finish();
}

void write_links(const std::vector<metrics::LinkFigures>& links, std::ostream& out) {
  CsvRows rows(out,
               "plane,link,bandwidth_bytes_per_s,carried_bytes,busy_s,utilisation,collective_bytes,mean_utilisation,"
               "peak_utilisation");
  for (const metrics::LinkFigures& link : links) {
    rows.text(link.plane);
    rows.text(link.link);
    rows.number(link.bandwidth_bytes_per_s);
    rows.number(link.bytes);
    rows.number(link.busy_s);
    rows.number(link.utilisation);
    rows.number(link.collective_bytes);
    rows.number(link.mean_utilisation);
    rows.number(link.peak_utilisation);
    rows.end_row();
  }
  rows.finish();
}

void write_timeseries(const std::vector<metrics::PoolFacts>& pools, const std::deque<metrics::InstanceMeter>& meters,
                      SimTime end, std::ostream& out) {
  std::vector<const metrics::PoolFacts*> pool_of;
  for (const metrics::PoolFacts& pool : pools) pool_of.insert(pool_of.end(), pool.instances, &pool);
  expect(pool_of.size() == meters.size(), "every meter belongs to a pool");

  SimTime coarsest{1};
  for (const metrics::InstanceMeter& meter : meters) coarsest = std::max(coarsest, meter.interval());
  for (const metrics::InstanceMeter& meter : meters) {
    expect(coarsest.ns() % meter.interval().ns() == 0, "intervals differ by doubling only");
  }

  CsvRows rows(out,
               "time_s,interval_s,instance,pool,busy,running_mean,waiting_mean,kv_occupancy,"
               "prefill_tokens_per_s,decode_tokens_per_s,mfu,"
               "prefix_hit_rate,evicted_blocks_per_s,recomputed_blocks_per_s,repeated_tokens_per_s,"
               "kv_unfilled_tokens,kv_fragmentation");
  if (meters.empty()) end = SimTime{};
  for (SimTime from; from < end; from += coarsest) {
    const SimTime length = std::min(coarsest, end - from);
    const auto ns = static_cast<double>(length.ns());
    const double seconds = length.seconds().value();
    for (std::size_t i = 0; i < meters.size(); ++i) {
      const metrics::PoolFacts& pool = *pool_of[i];
      const auto [sum, cache] = sum_of(meters[i], from, coarsest);
      const auto tokens = static_cast<double>(sum.prefill_tokens + sum.decode_tokens);
      rows.time(from);
      rows.time(length);
      rows.count(i);
      rows.text(pool.name);
      rows.number(static_cast<double>(sum.busy_ns) / ns);
      rows.number(static_cast<double>(sum.running_ns) / ns);
      rows.number(static_cast<double>(sum.waiting_ns) / ns);
      rows.number(ratio(static_cast<double>(sum.block_ns), ns * static_cast<double>(pool.blocks_per_instance)));
      rows.number(static_cast<double>(sum.prefill_tokens) / seconds);
      rows.number(static_cast<double>(sum.decode_tokens) / seconds);
      rows.number(ratio(pool.matmul_per_token.value() * tokens, seconds * pool.chips_per_instance * pool.peak.value()));
      if (cache.asked_tokens > 0) {
        rows.number(static_cast<double>(cache.found_tokens) / static_cast<double>(cache.asked_tokens));
      } else {
        rows.empty();
      }
      rows.number(static_cast<double>(cache.evicted_blocks) / seconds);
      rows.number(static_cast<double>(cache.recomputed_blocks) / seconds);
      rows.number(static_cast<double>(cache.repeated_tokens) / seconds);
      rows.number(static_cast<double>(sum.unfilled_ns) / ns);
      rows.number(ratio(static_cast<double>(sum.unfilled_ns), static_cast<double>(sum.block_ns) * pool.block_tokens));
      rows.end_row();
    }
  }
  rows.finish();
}

}  // namespace tokenyard::report
