#include "sim/report/table.hpp"

#include "sim/report/figure_text.hpp"
#include "sim/report/grid.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tokenyard::report {
namespace {

using metrics::Part;
using metrics::Spread;
using metrics::Summary;

constexpr std::size_t kColumns = 100;
constexpr std::size_t kLongestName = 24;  // of planes and links
constexpr std::size_t kShortName = 16;    // where more stands beside it
constexpr double kShownShare = 0.005;     // of the time of steps; less is only in summary.json

/// "0.1230", or "-" for a figure that is 0 because nothing was there to measure.
std::string ratio_if(double ratio, bool there) { return there ? ratio_text(ratio) : "-"; }

const char* window_end_text(metrics::WindowEnd end) {
  switch (end) {
    case metrics::WindowEnd::LastToken:
      return "last token";
    case metrics::WindowEnd::LastArrival:
      return "last arrival";
    case metrics::WindowEnd::EndOfSending:
      return "end of sending";
  }
  return "";
}

std::string title(const Summary& summary) {
  std::string text;
  if (!summary.complete) {
    text +=
        fmt::format("INCOMPLETE: the run was interrupted, these figures are of the {} of {} requests that had ended\n",
                    count_text(summary.requests_finished), count_text(summary.requests_arrived));
  }
  text += cut_name(summary.name, kColumns) + '\n';
  std::string facts = count_text(summary.chips) + " chips";
  if (summary.chips_idle > 0) facts += fmt::format(" ({} more stay idle)", count_text(summary.chips_idle));
  facts += fmt::format(", {} requests arrived, {} finished", count_text(summary.requests_arrived),
                       count_text(summary.requests_finished));
  if (summary.given_up.requests() > 0) {
    const metrics::GivenUp& gone = summary.given_up;
    const std::string rejected = gone.rejected > 0 ? fmt::format(", {} rejected", count_text(gone.rejected)) : "";
    facts += fmt::format(", {} given up ({} timed out, {} cancelled{})", count_text(gone.requests()),
                         count_text(gone.timed_out), count_text(gone.cancelled), rejected);
  }
  facts += fmt::format(", {} measured; rates are of the {} to the {}", count_text(summary.requests_measured),
                       time_text(summary.window_s), window_end_text(summary.window_end));
  if (summary.warm_up_s > 0.0) facts += fmt::format(" after {} of warm-up", time_text(summary.warm_up_s));
  return text + wrapped(facts, kColumns, "", "");
}

std::string latency(const Summary& summary) {
  Grid grid;
  grid.row({"latency", "mean", "p50", "p90", "p99"});
  const auto add = [&grid](const char* name, const Spread& spread) {
    if (spread.count == 0) {
      grid.row({name, "-", "-", "-", "-"});
    } else {
      grid.row(
          {name, time_text(spread.mean_s), time_text(spread.p50_s), time_text(spread.p90_s), time_text(spread.p99_s)});
    }
  };
  add("  time to first token (TTFT)", summary.ttft);
  add("  TTFT from admission", summary.ttft_from_admission);
  add("  time per output token (TPOT)", summary.tpot);
  add("  inter-token latency (ITL)", summary.itl);
  add("  end to end", summary.latency);
  return grid.text();
}

std::string parts(const Summary& summary) {
  const double whole = summary.latency.mean_s;
  Grid grid;
  grid.row({"where the time goes", "mean", "share of end to end"});
  for (std::size_t i = 0; i < metrics::kParts; ++i) {
    const auto part = static_cast<Part>(i);
    const double mean = summary.parts[i].mean_s;
    const bool always = part == Part::Queue || part == Part::Prefill || part == Part::Decode;
    if (!always && !(mean > 0.0)) continue;  // a run without hand-off or preemption has nothing to say of them
    const bool any = summary.parts[i].count > 0;
    grid.row({"  " + part_text(part), any ? time_text(mean) : "-", ratio_if(mean / whole, any && whole > 0.0)});
  }
  return grid.text();
}

std::string throughput(const Summary& summary) {
  Grid grid;
  grid.row({"throughput", "total", "per chip", "per user"});
  grid.row({"  output tokens/s", number_text(summary.output_tokens_per_s),
            number_text(summary.output_tokens_per_s_per_chip),
            summary.tpot.count > 0 ? number_text(summary.tokens_per_s_per_user) : "-"});
  grid.row({"  prompt tokens/s", number_text(summary.prompt_tokens_per_s),
            summary.chips > 0 ? number_text(summary.prompt_tokens_per_s / summary.chips) : "-"});
  grid.row({"  requests/s", number_text(summary.requests_per_s)});
  return grid.text();
}

std::string goodput(const Summary& summary) {
  Grid grid;
  grid.row({"goodput", "requests/s", "output tokens/s", "share of requests"});
  if (summary.classes.size() != 1) {
    grid.row({"  all classes", number_text(summary.good_requests_per_s), number_text(summary.good_tokens_per_s),
              ratio_if(summary.good_share, summary.requests_measured + summary.given_up_after_warm_up.requests() > 0)});
  }
  for (std::size_t i = 0; i < summary.classes.size(); ++i) {
    const metrics::SloTarget& target = summary.classes[i];
    const metrics::ClassFigures& figures = summary.by_class.at(i);
    const metrics::ClassRates& rates = summary.class_rates.at(i);
    const std::uint64_t all = figures.requests + figures.given_up.requests();
    std::string promise = fmt::format("  {}: TTFT <= {}, TPOT <= {}", cut_name(target.name, kShortName),
                                      time_text(target.ttft.value()), time_text(target.tpot.value()));
    if (target.e2e) promise += fmt::format(", all <= {}", time_text(target.e2e->value()));
    grid.row({promise, number_text(rates.good_requests_per_s), number_text(rates.good_tokens_per_s),
              ratio_if(static_cast<double>(figures.good_requests) / static_cast<double>(all), all > 0)});
  }
  return grid.text();
}

/// Latencies of each class; empty where there is one.
std::string classes(const Summary& summary) {
  constexpr std::size_t kMost = 12;
  Grid grid;
  grid.row({"class", "requests", "given up", "TTFT p50", "TTFT p99", "TPOT p50", "TPOT p99"});
  for (std::size_t i = 0; i < std::min(summary.class_latency.size(), kMost); ++i) {
    const metrics::ClassLatency& latency = summary.class_latency[i];
    const metrics::ClassFigures& figures = summary.by_class.at(i);
    const auto time = [](const Spread& of, double figure) { return of.count > 0 ? time_text(figure) : "-"; };
    grid.row({"  " + cut_name(summary.classes.at(i).name, kShortName), count_text(figures.requests),
              count_text(figures.given_up.requests()), time(latency.ttft, latency.ttft.p50_s),
              time(latency.ttft, latency.ttft.p99_s), time(latency.tpot, latency.tpot.p50_s),
              time(latency.tpot, latency.tpot.p99_s)});
  }
  std::string text = grid.text();
  if (summary.class_latency.size() > kMost) {
    text += fmt::format("  and {} more in summary.json\n", count_text(summary.class_latency.size() - kMost));
  }
  return text;
}

/// Pools with speculative decoding; empty without.
std::string drafts(const Summary& summary) {
  Grid grid;
  grid.row({"speculation", "drafts", "accepted", "tokens a step"});
  bool any = false;
  for (const metrics::PoolFigures& pool : summary.pools) {
    if (pool.facts.drafts == 0) continue;
    any = true;
    grid.row({"  " + cut_name(pool.facts.name, kShortName), count_text(pool.facts.drafts),
              ratio_text(pool.draft_acceptance), number_text(pool.tokens_per_step)});
  }
  return any ? grid.text() : std::string();
}

std::string pools(const Summary& summary) {
  Grid use;
  Grid load;
  use.row({"pool", "instances x chips", "busy", "MFU", "in prefill steps", "in decode steps", "memory bw"});
  load.row({"load", "batch", "waiting", "KV mean", "KV peak", "preemptions", "prefill tokens/s", "decode tokens/s"});
  for (const metrics::PoolFigures& pool : summary.pools) {
    const std::string name = "  " + cut_name(pool.facts.name, kShortName);
    use.row({name,
             fmt::format("{} x {} {}", pool.facts.instances, pool.facts.chips_per_instance,
                         cut_name(pool.facts.chip, kShortName)),
             ratio_text(pool.busy), ratio_text(pool.mfu),
             ratio_if(pool.mfu_prefill_steps, pool.mfu_prefill_steps > 0.0),
             ratio_if(pool.mfu_decode_steps, pool.mfu_decode_steps > 0.0), ratio_text(pool.bandwidth_utilisation)});
    load.row({name, number_text(pool.running_mean), number_text(pool.waiting_mean), ratio_text(pool.kv_occupancy_mean),
              ratio_text(pool.kv_occupancy_peak), count_text(pool.preemptions), number_text(pool.prefill_tokens_per_s),
              number_text(pool.decode_tokens_per_s)});
  }
  return use.text() + load.text() + drafts(summary);
}

/// Tiers behind prefix caches; nothing when there are none.
std::string tiers(const Summary& summary) {
  Grid grid;
  grid.row({"cache tiers", "tokens found", "read", "written"});
  bool any = false;
  for (const metrics::PoolFigures& pool : summary.pools) {
    for (std::size_t i = 0; i < metrics::kCacheTiers; ++i) {
      const metrics::CacheSums& cache = pool.cache;
      if (cache.read_blocks[i] + cache.written_blocks[i] == 0) continue;
      any = true;
      const auto bytes = [&pool](std::uint64_t blocks) {
        return prefixed_text(static_cast<double>(blocks) * pool.facts.kv_block.value(), "B");
      };
      grid.row({fmt::format("  {} {}", cut_name(pool.facts.name, kShortName), metrics::kCacheTierNames[i]),
                count_text(cache.found_in_tier[i]), bytes(cache.read_blocks[i]), bytes(cache.written_blocks[i])});
    }
  }
  return any ? grid.text() : "";
}

/// Prefix caches that were asked; nothing when there are none.
std::string caches(const Summary& summary) {
  Grid grid;
  const bool expires = std::any_of(summary.pools.begin(), summary.pools.end(),
                                   [](const metrics::PoolFigures& pool) { return pool.cache.expired_blocks > 0; });
  const auto add = [&](std::vector<std::string> cells, const std::string& expired) {
    if (expires) cells.push_back(expired);
    grid.row(std::move(cells));
  };
  add({"prefix cache", "hit rate", "of blocks", "tokens found", "evicted blocks", "of these recomputed"}, "expired");
  bool any = false;
  for (const metrics::PoolFigures& pool : summary.pools) {
    const metrics::CacheSums& cache = pool.cache;
    if (cache.asked_tokens == 0) continue;
    any = true;
    const auto rate = [](std::uint64_t found, std::uint64_t asked) {
      return ratio_if(static_cast<double>(found) / static_cast<double>(asked), asked > 0);
    };
    add({"  " + cut_name(pool.facts.name, kShortName), rate(cache.found_tokens, cache.asked_tokens),
         rate(cache.found_blocks, cache.asked_blocks), count_text(cache.found_tokens), count_text(cache.evicted_blocks),
         count_text(cache.recomputed_blocks)},
        count_text(cache.expired_blocks));
  }
  return any ? grid.text() + tiers(summary) : "";
}

std::string tenants(const Summary& summary) {
  constexpr std::size_t kMost = 12;
  Grid grid;
  grid.row({"tenant", "requests", "good", "prompt found", "TTFT p50", "TTFT p99", "TPOT p50", "TPOT p99"});
  for (std::size_t i = 0; i < std::min(summary.tenants.size(), kMost); ++i) {
    const metrics::TenantSummary& tenant = summary.tenants[i];
    const auto share = [](std::uint64_t part, std::uint64_t whole) {
      return ratio_if(static_cast<double>(part) / static_cast<double>(whole), whole > 0);
    };
    const bool tpot = tenant.tpot.count > 0;
    grid.row({fmt::format("  {}", tenant.tenant), count_text(tenant.requests),
              share(tenant.good_requests, tenant.requests + tenant.given_up.requests()),
              share(tenant.cached_tokens, tenant.prompt_tokens), time_text(tenant.ttft.p50_s),
              time_text(tenant.ttft.p99_s), tpot ? time_text(tenant.tpot.p50_s) : "-",
              tpot ? time_text(tenant.tpot.p99_s) : "-"});
  }
  std::string text = grid.text();
  if (summary.tenants.size() > kMost) {
    text += fmt::format("  and {} more in summary.json\n", count_text(summary.tenants.size() - kMost));
  }
  return text;
}

std::string planes(const Summary& summary) {
  Grid grid;
  const char* const moved = tiers(summary).empty() ? "KV hand-offs" : "KV moved";  // to and from tiers besides
  grid.row({"network", "collectives", "mean use", moved, "mean use", "busiest link", "mean use", "peak"});
  for (const metrics::PlaneFigures& plane : summary.planes) {
    const bool flows = plane.bytes + plane.request_bytes > 0.0;
    const bool links = !plane.busiest_link.empty();
    grid.row({"  " + cut_name(plane.plane, kLongestName), prefixed_text(plane.collective_bytes, "B"),
              ratio_text(plane.collective_utilisation), prefixed_text(plane.bytes, "B"),
              ratio_if(plane.mean_utilisation, flows), cut_name(plane.busiest_link, kLongestName),
              ratio_if(plane.peak_link_utilisation, links), ratio_if(plane.peak_utilisation, links)});
  }
  Grid users;
  users.row({"users", "calls and tokens"});
  bool played = false;
  for (const metrics::PlaneFigures& plane : summary.planes) {
    if (plane.request_bytes <= 0.0) continue;
    played = true;
    users.row({"  " + cut_name(plane.plane, kLongestName), prefixed_text(plane.request_bytes, "B")});
  }
  Grid waits;
  waits.row({"exposed communication", "of prefill steps", "of decode steps"});
  bool any = false;
  for (const metrics::PoolFigures& pool : summary.pools) {
    if (pool.facts.collectives.empty()) continue;
    any = true;
    waits.row({"  " + cut_name(pool.facts.name, kShortName),
               ratio_if(pool.exposed_prefill_steps, pool.mfu_prefill_steps > 0.0),
               ratio_if(pool.exposed_decode_steps, pool.mfu_decode_steps > 0.0)});
  }
  return grid.text() + (played ? users.text() : "") + (any ? waits.text() : "");
}

std::string energy(const Summary& summary) {
  double joules = 0.0;
  for (const metrics::PoolFigures& pool : summary.pools) joules += pool.energy_j;
  std::string text =
      fmt::format("energy   {}, {} on average", prefixed_text(joules, "J"), prefixed_text(summary.mean_power_w, "W"));
  if (summary.output_tokens_per_s > 0.0) {
    text += fmt::format(", {} per output token", prefixed_text(summary.joules_per_output_token, "J"));
  }
  return text + '\n';
}

/// "TTFT: 0.15 (p90 0.40, bias -0.10) off in 45 measurements of h100-sxm, llama-3.1-70b, vllm, batches of 17 to 64".
std::string confidence(const Summary& summary) {
  std::string text;
  for (const metrics::Confidence& one : summary.confidence) {
    std::string line = fmt::format("{}: ", metrics::name(one.metric));
    if (one.errors) {
      line += fmt::format("{:.3f} off at the median, {:.3f} at p90, bias {:+.3f}, in {} measurements of {}",
                          one.errors->median, one.errors->p90, one.errors->bias, count_text(one.errors->n), one.basis);
    } else {
      line += "not measured";
    }
    if (one.extrapolated) line += "; extrapolated: " + one.reason;
    text += wrapped(line, kColumns, text.empty() ? "accuracy " : "         ", "         ");
  }
  return text;
}

/// "decode: 0.31 of the time of steps is priced outside of what was measured: small_kernels 0.20, head 0.11".
std::string basis(const Summary& summary) {
  std::string text;
  for (const metrics::PoolFigures& pool : summary.pools) {
    std::string line;
    for (std::size_t i = 0; i < kPriceFamilies; ++i) {
      const double share = pool.priced.outside[i];
      if (share < kShownShare) continue;
      line += fmt::format("{}{} {:.2f}", line.empty() ? "" : ", ", name(static_cast<PriceFamily>(i)), share);
    }
    const std::string shown = cut_name(pool.facts.name, kShortName);
    if (!line.empty()) {
      text += wrapped(fmt::format("{}: {:.2f} of the time of steps is priced outside of what was measured: {}", shown,
                                  pool.priced.all_outside(), line),
                      kColumns, "         ", "         ");
    }
    if (pool.priced.table > 0.0) {
      text += wrapped(fmt::format("{}: {:.2f} of the time of steps is from your tables", shown, pool.priced.table),
                      kColumns, "         ", "         ");
    }
  }
  return text;
}

std::string notes(const Summary& summary) {
  std::string text;
  for (const std::string& note : summary.notes) text += wrapped(note, kColumns, "note: ", "      ");
  if (!summary.exact_percentiles) {
    text += "note: more than 2^18 requests: percentiles of requests are at most 0.05 % off\n";
  }
  return text;
}

}  // namespace

std::string run_table(const Summary& summary) {
  std::string text = title(summary);
  const auto block = [&text](const std::string& lines) { text += '\n' + lines; };
  block(latency(summary));
  block(parts(summary));
  block(throughput(summary));
  block(goodput(summary));
  if (!summary.class_latency.empty()) block(classes(summary));
  block(pools(summary));
  if (const std::string lines = caches(summary); !lines.empty()) block(lines);
  if (!summary.tenants.empty()) block(tenants(summary));
  if (!summary.planes.empty()) block(planes(summary));
  block(energy(summary));
  return text + confidence(summary) + basis(summary) + notes(summary);
}

}  // namespace tokenyard::report
