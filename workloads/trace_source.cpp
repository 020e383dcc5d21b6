#include "workloads/trace_source.hpp"

#include "models/base/errors.hpp"
#include "workloads/servegen_reader.hpp"
#include "workloads/traces/formats.hpp"
#include "workloads/traces/prefix_blocks.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

namespace tokenyard::workloads {
namespace {

[[nodiscard]] SimTime faster(SimTime span, double speedup) {
  return SimTime{std::llround(static_cast<double>(span.ns()) / speedup)};
}

[[nodiscard]] std::string in_seconds(SimTime time) {
  std::string text = std::to_string(time.seconds().value());  // six digits
  return text.substr(0, text.size() - 3) + " s";
}

struct Scale {
  double speedup = 1.0;
  std::uint64_t rows = 0;  // how many are kept
};

/// What makes `rate` the mean rate of the rows that the window, `requests` and
/// `duration` leave. Of the n first ones, which stand o_1 .. o_n after the
/// window's start, the last arrives at (n - 1) / rate * o_n / (o_n - o_1): as
/// many are kept as arrive within the duration so.
[[nodiscard]] Scale scale_to(PerSecond rate, const WorkloadSpec& spec, TiedRows rows, const std::string& file) {
  const auto& trace = std::get<TraceSpec>(spec.source);
  TraceRecord record;
  std::optional<std::int64_t> first;
  std::optional<SimTime> begin;
  std::uint64_t count = 0;
  Scale scale;
  while ((!spec.requests || count < *spec.requests) && rows.next(record)) {
    if (!record.at_ns)
      rows.rows().fail("time",
                       "there is none, so there is no rate to scale; "
                       "give trace.arrivals instead");
    if (!first) first = rows.rows().origin_ns().value_or(*record.at_ns);
    const SimTime offset = SimTime{*record.at_ns - *first} - trace.window_start;
    if (offset < SimTime{}) continue;
    if (trace.window && offset >= *trace.window) break;
    if (!begin) begin = offset;
    ++count;
    if (offset == *begin) continue;
    const double speedup = rate.value() * (offset - *begin).seconds().value() / static_cast<double>(count - 1);
    if (!spec.duration || faster(offset, speedup) <= *spec.duration) scale = {.speedup = speedup, .rows = count};
  }
  if (scale.rows == 0) {
    throw UserError(file + ": " + std::to_string(count) +
                    " rows in the window, all at one instant; there is no rate "
                    "to scale, give speedup instead");
  }
  return scale;
}

}  // namespace

TiedRows open_rows(const TraceSpec& trace, std::uint32_t max_context, std::uint64_t seed,
                   std::unique_ptr<ByteSource> bytes) {
  const TraceFormat format{.name = trace.format, .columns = trace.columns, .block_tokens = trace.file_block_tokens};
  TracePolicy policy = trace.policy;
  if (max_context > 0) policy.max_context = max_context;
  std::unique_ptr<TraceReader> reader;
  if (trace.format == "servegen") {  // draws, hence has a seed
    reader = std::make_unique<ServegenReader>(std::move(bytes), seed);
  } else {
    reader = make_trace_reader(std::move(bytes), format);
  }
  return TiedRows{CheckedRows{std::move(reader), policy}, trace.spread_ties, trace.tick,
                  RandomStream{seed, "workload.trace.ties"}};
}

TraceSource::TraceSource(const WorkloadSpec& spec, std::uint64_t seed, std::unique_ptr<ByteSource> bytes)
    : TraceSource([&] {
        const auto& trace = std::get<TraceSpec>(spec.source);
        std::string file = bytes->name();
        std::unique_ptr<ByteSource> again = trace.rate ? bytes->beside("") : nullptr;
        TiedRows rows = open_rows(trace, spec.max_context, seed, std::move(bytes));
        return TraceSource(spec, seed, std::move(rows), std::move(file), std::move(again));
      }()) {}

TraceSource::TraceSource(const WorkloadSpec& spec, std::uint64_t seed, TiedRows rows, std::string file,
                         std::unique_ptr<ByteSource> again)
    : trace_(std::get<TraceSpec>(spec.source)),
      file_(std::move(file)),
      speedup_(trace_.speedup),
      rows_(std::move(rows)),
      duration_(spec.duration),
      requests_(spec.requests),
      classes_(spec.classes),
      histories_(trace_.block_tokens) {
  expect(rows_.rows().order() == TraceOrder::Rows, "sessions are played by another source");
  if (trace_.arrivals) clock_.emplace(*trace_.arrivals, RandomStream{seed, "workload.arrivals"});
  if (!trace_.rate) return;
  expect(again != nullptr, "a trace that is to be scaled to a rate can be read twice");
  const Scale scale = scale_to(*trace_.rate, spec, open_rows(trace_, spec.max_context, seed, std::move(again)), file_);
  speedup_ = scale.speedup;
  requests_ = scale.rows;
}

/// A run without a single request would report nothing and look like a success.
std::optional<Arrival> TraceSource::end() {
  ended_ = true;
  if (sent_ > 0) return std::nullopt;
  if (!any_) {
    const RowCounts& counts = rows_.rows().counts();
    if (counts.read > 0) throw UserError(file_ + ": all " + std::to_string(counts.read) + " rows were dropped");
    throw UserError(file_ + ": has no rows; there is nothing to replay");
  }
  throw UserError(file_ + ": no row to replay: the window starts at " + in_seconds(trace_.window_start) +
                  (trace_.window ? " and lasts " + in_seconds(*trace_.window) : "") +
                  (duration_ ? ", the duration is " + in_seconds(*duration_) : "") + ", but the row read last stands " +
                  in_seconds(last_offset_) + " after the first");
}

/// Reads on to the next row at or behind the window's start; false behind its
/// end.
bool TraceSource::next_in_window() {
  do {
    if (!rows_.next(record_)) return false;
    any_ = true;
    if (!record_.at_ns) {
      if (!clock_)
        rows_.rows().fail("time",
                          "there is none in this trace; give trace.arrivals, "
                          "such as {kind: poisson, rate: 1 /s}");
      return true;
    }
    if (!first_ns_) first_ns_ = rows_.rows().origin_ns().value_or(*record_.at_ns);
    last_offset_ = SimTime{*record_.at_ns - *first_ns_};
  } while (last_offset_ < trace_.window_start);
  return !trace_.window || last_offset_ - trace_.window_start < *trace_.window;
}

SimTime TraceSource::arrival_time() {
  return clock_ ? SimTime::from(clock_->next()) : faster(last_offset_ - trace_.window_start, speedup_);
}

std::optional<Arrival> TraceSource::next() {
  if (ended_) return std::nullopt;
  if ((requests_ && sent_ >= *requests_) || !next_in_window()) return end();
  const SimTime arrival = arrival_time();
  if (duration_ && arrival > *duration_) return end();
  expect(sent_ <= std::numeric_limits<std::uint32_t>::max(), "there are fewer than 2^32 requests");
  const RequestId id{static_cast<std::uint32_t>(sent_)};
  ++sent_;
  Arrival next{.request = {.id = id,
                           .arrival = arrival,
                           .prompt_tokens = static_cast<std::uint32_t>(record_.prompt_tokens),
                           .slo_class = class_named(classes_, record_.category),
                           .prefix = std::move(record_.prefix),
                           .priority = record_.priority,
                           .tenant = record_.tenant,
                           .session = record_.session},
               .fate = {.output_tokens = static_cast<std::uint32_t>(record_.output_tokens)}};
  PromptPrefix& prefix = next.request.prefix;
  if (record_.session && prefix.ids.empty()) {
    auto [own, answer] =
        histories_.next(*record_.session, record_.prompt_tokens, record_.output_tokens, record_.lost_front);
    prefix = std::move(own);
    next.fate.history_ids = std::move(answer);
    return next;
  }
  if (trace_.block_tokens > 0) prefix = reblocked(prefix, next.request.prompt_tokens, trace_.block_tokens);
  if (trace_.session_scope) {
    for (std::uint64_t& name : prefix.ids) name = mixed(record_.session.value_or(sent_), name);
  }
  return next;
}

std::optional<std::uint64_t> TraceSource::expected() const { return std::nullopt; }

std::optional<SimTime> TraceSource::horizon() const {
  std::optional<SimTime> last = duration_;
  if (trace_.window && !clock_) {
    last = std::min(faster(*trace_.window, speedup_), last.value_or(SimTime::never()));
  }
  return last;
}

}  // namespace tokenyard::workloads
