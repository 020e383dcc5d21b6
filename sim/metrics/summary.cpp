#include "sim/metrics/summary.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <numeric>

namespace tokenyard::metrics {
namespace {

Spread spread(Quantiles& of) {
  if (of.count() == 0) return {};
  return {of.count(), of.mean().value(), of.quantile(0.5).value(), of.quantile(0.9).value(), of.quantile(0.99).value()};
}

Spread spread(const SpanHistogram& of) {
  if (of.count() == 0) return {};
  return {of.count(), of.mean().value(), of.quantile(0.5).value(), of.quantile(0.9).value(), of.quantile(0.99).value()};
}

double ratio(double part, double whole) { return whole > 0.0 ? part / whole : 0.0; }

/// Sums of a pool's meters.
struct PoolSums {
  std::uint64_t decode_steps = 0, mixed_steps = 0, decode_tokens = 0, prefill_tokens = 0, decode_tokens_mixed = 0;
  std::uint64_t peak_blocks = 0, preemptions = 0, drafts_accepted = 0;
  double decode_busy_s = 0, mixed_busy_s = 0, decode_exposed_s = 0, mixed_exposed_s = 0, pairs = 0, traffic = 0,
         traffic_decode = 0, energy = 0;
  double block_ns = 0, unfilled_ns = 0, running_ns = 0, waiting_ns = 0;
  CacheSums cache{};
  PriceBasis basis{};
  CollectiveBytes sent{};

  void add(const MeterSums& meter) {
    decode_steps += meter.decode_steps;
    mixed_steps += meter.mixed_steps;
    decode_tokens += meter.decode_tokens;
    prefill_tokens += meter.prefill_tokens;
    decode_tokens_mixed += meter.decode_tokens_mixed;
    peak_blocks = std::max(peak_blocks, meter.peak_blocks());
    preemptions += meter.preemptions;
    basis += meter.basis;
    sent += meter.sent;
    drafts_accepted += meter.drafts_accepted;
    decode_busy_s += meter.decode_busy.seconds().value();
    mixed_busy_s += meter.mixed_busy.seconds().value();
    decode_exposed_s += meter.decode_exposed.seconds().value();
    mixed_exposed_s += meter.mixed_exposed.seconds().value();
    pairs += meter.attention_pairs();
    traffic += meter.traffic_bytes();
    traffic_decode += meter.traffic_bytes_decode();
    energy += meter.energy_joules();
    block_ns += meter.block_ns();
    unfilled_ns += meter.unfilled_ns();
    running_ns += meter.running_ns();
    waiting_ns += meter.waiting_ns();
  }
};

PoolFigures pool_figures(const PoolFacts& facts, const PoolSums& sums, double window_s) {
  const double instances = facts.instances;
  const double chips = instances * facts.chips_per_instance;
  const double matmul = facts.matmul_per_token.value();
  const double chip_seconds = window_s * chips;
  const double peak = facts.peak.value();
  const double bandwidth = facts.memory_bandwidth.value();
  const double busy_s = sums.decode_busy_s + sums.mixed_busy_s;
  const auto decode = static_cast<double>(sums.decode_tokens);
  const auto prefill = static_cast<double>(sums.prefill_tokens);
  const auto decode_mixed = static_cast<double>(sums.decode_tokens_mixed);
  const double flop = matmul * (decode + prefill);

  PoolFigures figures{.facts = facts, .steps = sums.decode_steps + sums.mixed_steps};
  figures.busy = ratio(busy_s, window_s * instances);
  figures.prefill_tokens_per_s = ratio(prefill, window_s);
  figures.decode_tokens_per_s = ratio(decode, window_s);
  figures.mfu = ratio(flop, chip_seconds * peak);
  figures.mfu_prefill_steps =
      ratio(matmul * (prefill + decode_mixed), sums.mixed_busy_s * facts.chips_per_instance * peak);
  figures.mfu_decode_steps =
      ratio(matmul * (decode - decode_mixed), sums.decode_busy_s * facts.chips_per_instance * peak);
  figures.mfu_with_attention = ratio(flop + facts.attention_per_pair.value() * sums.pairs, chip_seconds * peak);
  figures.bandwidth_utilisation = ratio(sums.traffic, chip_seconds * bandwidth);
  figures.bandwidth_utilisation_decode_steps =
      ratio(sums.traffic_decode, sums.decode_busy_s * facts.chips_per_instance * bandwidth);
  figures.exposed_prefill_steps = ratio(sums.mixed_exposed_s, sums.mixed_busy_s);
  figures.exposed_decode_steps = ratio(sums.decode_exposed_s, sums.decode_busy_s);
  const double instance_ns = window_s * instances * 1e9;
  figures.running_mean = ratio(sums.running_ns, instance_ns);
  figures.waiting_mean = ratio(sums.waiting_ns, instance_ns);
  figures.kv_occupancy_mean = ratio(sums.block_ns, instance_ns * static_cast<double>(facts.blocks_per_instance));
  figures.kv_occupancy_peak =
      ratio(static_cast<double>(sums.peak_blocks), static_cast<double>(facts.blocks_per_instance));
  figures.kv_unfilled_tokens = ratio(sums.unfilled_ns, instance_ns);
  figures.kv_fragmentation = ratio(sums.unfilled_ns, sums.block_ns * facts.block_tokens);
  figures.preemptions = sums.preemptions;
  for (std::size_t i = 0; i < kPriceFamilies; ++i) {
    figures.priced.outside[i] = ratio(static_cast<double>(sums.basis.outside[i]) * 1e-9, busy_s);
  }
  figures.priced.table = ratio(static_cast<double>(sums.basis.table) * 1e-9, busy_s);
  figures.cache = sums.cache;
  figures.sent = sums.sent;
  if (facts.drafts > 0) {
    const auto accepted = static_cast<double>(sums.drafts_accepted);
    figures.tokens_per_step = ratio(decode, decode - accepted);
    figures.draft_acceptance = ratio(accepted, (decode - accepted) * facts.drafts);
  }
  const double idle_s = std::max(0.0, window_s * instances - busy_s);
  figures.energy_j = sums.energy + idle_s * facts.chips_per_instance * facts.idle_power.value();
  return figures;
}

/// Requests a second, good ones among them: of those that ended in a window that ends before the run does (`ended`, by
/// class), else of the measured ones.
void add_rates(const Recorder& recorder, const std::vector<EndedFigures>* ended, Summary& summary) {
  const auto rate = [&](std::uint64_t count) { return ratio(static_cast<double>(count), summary.window_s); };
  EndedFigures all;
  for (std::size_t i = 0; i < recorder.by_class.size(); ++i) {
    const ClassFigures& measured = recorder.by_class[i];
    const std::uint64_t good = ended != nullptr ? ended->at(i).good_requests : measured.good_requests;
    const std::uint64_t tokens = ended != nullptr ? ended->at(i).good_output_tokens : measured.good_output_tokens;
    summary.class_rates.push_back({rate(good), rate(tokens)});
    all.requests += ended != nullptr ? ended->at(i).requests : measured.requests;
    all.prompt_tokens += ended != nullptr ? ended->at(i).prompt_tokens : 0;
    all.good_requests += good;
    all.good_output_tokens += tokens;
  }
  summary.requests_per_s = rate(all.requests);
  summary.prompt_tokens_per_s = rate(ended != nullptr ? all.prompt_tokens : recorder.prompt_tokens);
  summary.good_requests_per_s = rate(all.good_requests);
  summary.good_tokens_per_s = rate(all.good_output_tokens);
  std::uint64_t good = 0;
  for (const ClassFigures& figures : recorder.by_class) good += figures.good_requests;
  summary.good_share =
      ratio(static_cast<double>(good), static_cast<double>(recorder.measured + recorder.gone_after_warm_up.requests()));
}

/// Bytes of hand-offs, tiers, calls and tokens are counted where they enter.
std::vector<PlaneFigures> plane_figures(const std::vector<LinkFigures>& links) {
  std::vector<PlaneFigures> planes;
  std::vector<std::uint64_t> counts;
  for (const LinkFigures& link : links) {
    const auto known =
        std::find_if(planes.begin(), planes.end(), [&](const PlaneFigures& p) { return p.plane == link.plane; });
    const auto index = static_cast<std::size_t>(known - planes.begin());
    if (known == planes.end()) {
      planes.push_back({.plane = link.plane, .busiest_link = {}});
      counts.push_back(0);
    }
    PlaneFigures& plane = planes[index];
    if (link.flows) {
      ++counts[index];
      plane.mean_utilisation += link.utilisation;
      if (link.entry) plane.bytes += link.bytes - link.request_bytes;
      if (link.entry) plane.request_bytes += link.request_bytes;
    }
    plane.peak_utilisation = std::max(plane.peak_utilisation, link.peak_utilisation);
    if (plane.busiest_link.empty() || link.mean_utilisation > plane.peak_link_utilisation) {
      plane.peak_link_utilisation = link.mean_utilisation;
      plane.busiest_link = link.link;
    }
  }
  for (std::size_t i = 0; i < planes.size(); ++i) {
    if (counts[i] > 0) planes[i].mean_utilisation /= static_cast<double>(counts[i]);
  }
  return planes;
}

PlaneFigures& plane_named(std::vector<PlaneFigures>& planes, const std::string& name) {
  const auto known = std::find_if(planes.begin(), planes.end(), [&](const PlaneFigures& p) { return p.plane == name; });
  if (known != planes.end()) return *known;
  planes.push_back({.plane = name, .busiest_link = {}});
  return planes.back();
}

/// What the pools' collectives send on each plane, and how full that keeps the ports of their chips.
void add_collectives(const std::vector<PoolFigures>& pools, double window_s, std::vector<PlaneFigures>& planes) {
  struct Ports {
    std::string plane;
    double bytes_per_s;
  };
  std::vector<Ports> ports;
  for (const PoolFigures& pool : pools) {
    for (const CollectiveWire& wire : pool.facts.collectives) {
      plane_named(planes, wire.plane).collective_bytes += wire.on(pool.sent);
      ports.push_back({wire.plane, wire.port.value() * pool.facts.instances * pool.facts.chips_per_instance});
    }
  }
  for (PlaneFigures& plane : planes) {
    double capacity = 0.0;
    for (const Ports& some : ports) capacity += some.plane == plane.plane ? some.bytes_per_s : 0.0;
    plane.collective_utilisation = ratio(plane.collective_bytes, capacity * window_s);
  }
}

}  // namespace

const char* name(WindowEnd end) {
  switch (end) {
    case WindowEnd::LastToken:
      return "last_token";
    case WindowEnd::LastArrival:
      return "last_arrival";
    case WindowEnd::EndOfSending:
      return "end_of_sending";
  }
  return "";
}

/// Families are rounded one by one, to whole nanoseconds: of steps that no measurement covers they may be a little
/// more.
double PriceShares::all_outside() const { return std::min(1.0, std::accumulate(outside.begin(), outside.end(), 0.0)); }

Summary summarize(std::string name, Recorder& recorder, const std::deque<InstanceMeter>& meters,
                  const std::vector<PoolFacts>& pools, std::vector<LinkFigures> links, SimTime end,
                  const Steady* steady) {
  Summary summary{.name = std::move(name)};
  const SimTime whole = end - recorder.warm_up();
  const bool drains = steady != nullptr && (steady->end - recorder.warm_up()) * 2 >= whole;
  if (drains) summary.window_end = steady->at_arrival ? WindowEnd::LastArrival : WindowEnd::EndOfSending;
  const SimTime window = drains ? steady->end - recorder.warm_up() : whole;
  const double window_s = std::max(0.0, window.seconds().value());
  const auto in_window = [&](std::size_t i) -> const MeterSums& {
    return drains ? steady->meters.at(i) : meters.at(i);
  };
  summary.window_s = window_s;
  summary.warm_up_s = recorder.warm_up().seconds().value();
  summary.requests_finished = recorder.finished;
  summary.requests_measured = recorder.measured;
  summary.requests_preempted = recorder.preempted_requests;
  summary.given_up = recorder.gone;
  summary.given_up_after_warm_up = recorder.gone_after_warm_up;

  summary.ttft = spread(recorder.ttft);
  summary.ttft_from_admission = spread(recorder.ttft_from_admission);
  summary.tpot = spread(recorder.tpot);
  summary.latency = spread(recorder.latency);
  for (std::size_t i = 0; i < kParts; ++i) summary.parts[i] = spread(recorder.parts[i]);
  summary.exact_percentiles = recorder.latency.exact();
  SpanHistogram gaps;
  for (const InstanceMeter& meter : meters) gaps.add(meter.gaps());
  summary.itl = spread(gaps);

  double energy = 0.0;
  std::size_t next = 0;
  for (const PoolFacts& facts : pools) {
    PoolSums sums;
    for (std::uint32_t i = 0; i < facts.instances; ++i, ++next) {
      sums.add(in_window(next));
      sums.cache += meters[next].cached;
    }
    summary.pools.push_back(pool_figures(facts, sums, window_s));
    summary.chips += facts.instances * facts.chips_per_instance;
    energy += summary.pools.back().energy_j;
  }
  expect(next == meters.size(), "every meter belongs to a pool");

  std::uint64_t output = recorder.output_tokens;
  if (drains) {
    output = 0;
    for (const MeterSums& meter : steady->meters) output += meter.tokens_out;
  }
  summary.output_tokens_per_s = ratio(static_cast<double>(output), window_s);
  summary.output_tokens_per_s_per_chip = ratio(summary.output_tokens_per_s, summary.chips);
  summary.tokens_per_s_per_user = ratio(1.0, summary.tpot.mean_s);
  add_rates(recorder, drains ? &steady->ended_after_warm_up : nullptr, summary);
  summary.joules_per_output_token = ratio(energy, static_cast<double>(output));
  summary.mean_power_w = ratio(energy, window_s);
  summary.classes = recorder.classes();
  summary.by_class = recorder.by_class;
  for (std::size_t i = 0; i < recorder.class_ttft.size(); ++i) {
    summary.class_latency.push_back({spread(recorder.class_ttft[i]), spread(recorder.class_tpot[i])});
  }
  if (recorder.by_tenant.size() > 1 || (!recorder.by_tenant.empty() && recorder.by_tenant.begin()->first != 0)) {
    const bool alone = recorder.by_tenant.size() == 1;
    for (auto& [number, tenant] : recorder.by_tenant) {
      summary.tenants.push_back({.tenant = number,
                                 .requests = tenant.requests,
                                 .prompt_tokens = tenant.prompt_tokens,
                                 .cached_tokens = tenant.cached_tokens,
                                 .output_tokens = tenant.output_tokens,
                                 .good_requests = tenant.good_requests,
                                 .given_up = tenant.given_up,
                                 .ttft = spread(alone ? recorder.ttft : tenant.ttft),
                                 .tpot = spread(alone ? recorder.tpot : tenant.tpot)});
    }
  }
  summary.planes = plane_figures(links);
  add_collectives(summary.pools, window_s, summary.planes);
  summary.links = std::move(links);
  return summary;
}

}  // namespace tokenyard::metrics
