#include "workloads/trace_source.hpp"

#include "models/base/errors.hpp"

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

}  // namespace

TraceSource::TraceSource(const WorkloadSpec& spec, std::unique_ptr<ByteSource> bytes)
    : rows_(LineReader{std::move(bytes)}),
      speedup_(std::get<TraceSpec>(spec.source).speedup),
      window_start_(std::get<TraceSpec>(spec.source).window_start),
      window_(std::get<TraceSpec>(spec.source).window),
      duration_(spec.duration),
      requests_(spec.requests),
      max_context_(spec.max_context) {}

/// A run without a single request would report nothing and look like a success.
std::optional<Arrival> TraceSource::end() {
  ended_ = true;
  if (sent_ > 0) return std::nullopt;
  if (!first_stamp_ns_) throw UserError(rows_.name() + ": has a header but no rows; there is nothing to replay");
  throw UserError(rows_.name() + ": no row to replay: the window starts at " + in_seconds(window_start_) +
                  (window_ ? " and lasts " + in_seconds(*window_) : "") +
                  (duration_ ? ", the duration is " + in_seconds(*duration_) : "") + ", but the row read last stands " +
                  in_seconds(last_offset_) + " after the first");
}

std::optional<Arrival> TraceSource::next() {
  if (ended_) return std::nullopt;
  if (requests_ && sent_ >= *requests_) return end();
  std::optional<TraceRow> row;
  do {
    row = rows_.next();
    if (!row) return end();
    if (!first_stamp_ns_) first_stamp_ns_ = row->stamp_ns;
    last_offset_ = SimTime{row->stamp_ns - *first_stamp_ns_};
  } while (last_offset_ < window_start_);

  const SimTime into_window = last_offset_ - window_start_;
  if (window_ && into_window >= *window_) return end();
  const SimTime arrival = faster(into_window, speedup_);
  if (duration_ && arrival > *duration_) return end();
  const std::uint64_t sum = std::uint64_t{row->prompt_tokens} + row->output_tokens;
  if (max_context_ > 0 && sum > max_context_) {
    rows_.fail("ContextTokens + GeneratedTokens", std::to_string(sum) + " tokens, but the model's context is " +
                                                      std::to_string(max_context_) +
                                                      "; take a model with a longer context or leave the row out");
  }
  expect(sent_ <= std::numeric_limits<std::uint32_t>::max(), "there are fewer than 2^32 requests");
  const RequestId id{static_cast<std::uint32_t>(sent_)};
  ++sent_;
  return Arrival{
      .request = {.id = id, .arrival = arrival, .prompt_tokens = row->prompt_tokens, .slo_class = ClassId{0}},
      .fate = {.output_tokens = row->output_tokens}};
}

std::optional<std::uint64_t> TraceSource::expected() const { return std::nullopt; }

std::optional<SimTime> TraceSource::horizon() const {
  std::optional<SimTime> last = duration_;
  if (window_) last = std::min(faster(*window_, speedup_), last.value_or(SimTime::never()));
  return last;
}

}  // namespace tokenyard::workloads
