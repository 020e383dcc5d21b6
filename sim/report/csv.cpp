#include "sim/report/csv.hpp"

#include "models/base/errors.hpp"
#include "sim/report/csv_rows.hpp"

#include <algorithm>
#include <cstdint>
#include <tuple>

namespace tokenyard::report {
namespace {

using metrics::Part;

double ratio(double part, double whole) { return whole > 0.0 ? part / whole : 0.0; }

/// What an instance did between two instants, both a whole number of its own intervals.
metrics::Bin sum_of(const metrics::InstanceMeter& meter, SimTime from, SimTime interval) {
  const auto first = static_cast<std::size_t>(from.ns() / meter.interval().ns());
  const auto last = first + static_cast<std::size_t>(interval.ns() / meter.interval().ns());
  metrics::Bin sum;
  for (std::size_t i = first; i < std::min(last, meter.bins().size()); ++i) sum += meter.bins()[i];
  return sum;
}

}  // namespace

void write_requests(const std::vector<metrics::RequestRecord>& requests, const std::vector<metrics::SloTarget>& classes,
                    std::ostream& out) {
  // Id and place in one word: a million of them are sorted in less time than the records behind pointers.
  expect(requests.size() < (std::uint64_t{1} << 32), "a run keeps fewer than 2^32 requests");
  std::vector<std::uint64_t> order(requests.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = (std::uint64_t{requests[i].id.index()} << 32) | i;
  std::sort(order.begin(), order.end());

  CsvRows rows(out,
               "request,class,prompt_tokens,output_tokens,prefill_instance,decode_instance,preemptions,"
               "arrival_s,admitted_s,first_token_s,last_token_s,ttft_s,tpot_s,latency_s,"
               "queue_s,prefill_s,kv_wait_s,kv_transfer_s,decode_wait_s,preempted_s,decode_s,front_end_s,"
               "cached_tokens,tenant");
  for (const std::uint64_t key : order) {
    const metrics::RequestRecord& request = requests[key & 0xFFFF'FFFFU];
    rows.count(request.id.index());
    rows.text(classes.at(request.slo_class.index()).name);
    rows.count(request.prompt_tokens);
    rows.count(request.output_tokens);
    rows.count(request.prefill_instance.index());
    rows.count(request.decode_instance.index());
    rows.count(request.preemptions);
    rows.time(request.arrival);
    rows.time(request.admitted);
    rows.time(request.first_token);
    rows.time(request.last_token);
    rows.time(request.ttft());
    if (request.output_tokens > 1) {
      rows.time(request.tpot());
    } else {
      rows.empty();
    }
    rows.time(request.latency());
    for (std::size_t i = 0; i < metrics::kParts; ++i) rows.time(metrics::part_of(request, static_cast<Part>(i)));
    rows.count(request.cached_tokens);
    rows.count(request.tenant);
    rows.end_row();
  }
  rows.finish();
}

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
  CsvRows rows(out, "plane,link,bandwidth_bytes_per_s,carried_bytes,busy_s,utilisation");
  for (const metrics::LinkFigures& link : links) {
    rows.text(link.plane);
    rows.text(link.link);
    rows.number(link.bandwidth_bytes_per_s);
    rows.number(link.bytes);
    rows.number(link.busy_s);
    rows.number(link.utilisation);
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
               "prefix_hit_rate,evicted_blocks_per_s,recomputed_blocks_per_s,repeated_tokens_per_s");
  if (meters.empty()) end = SimTime{};
  for (SimTime from; from < end; from += coarsest) {
    const SimTime length = std::min(coarsest, end - from);
    const auto ns = static_cast<double>(length.ns());
    const double seconds = length.seconds().value();
    for (std::size_t i = 0; i < meters.size(); ++i) {
      const metrics::PoolFacts& pool = *pool_of[i];
      const metrics::Bin sum = sum_of(meters[i], from, coarsest);
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
      if (sum.cache.asked_tokens > 0) {
        rows.number(static_cast<double>(sum.cache.found_tokens) / static_cast<double>(sum.cache.asked_tokens));
      } else {
        rows.empty();
      }
      rows.number(static_cast<double>(sum.cache.evicted_blocks) / seconds);
      rows.number(static_cast<double>(sum.cache.recomputed_blocks) / seconds);
      rows.number(static_cast<double>(sum.cache.repeated_tokens) / seconds);
      rows.end_row();
    }
  }
  rows.finish();
}

}  // namespace tokenyard::report
