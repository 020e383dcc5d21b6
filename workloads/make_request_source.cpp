#include "workloads/make_request_source.hpp"

#include "models/base/errors.hpp"
#include "workloads/call_limit.hpp"
#include "workloads/causal_source.hpp"
#include "workloads/impatient_source.hpp"
#include "workloads/session_draw.hpp"
#include "workloads/session_source.hpp"
#include "workloads/synthetic_source.hpp"
#include "workloads/trace_sessions.hpp"
#include "workloads/trace_source.hpp"

#include <string>
#include <utility>

namespace tokenyard::workloads {
namespace {

[[nodiscard]] std::unique_ptr<RequestSource> replay(const WorkloadSpec& spec, std::uint64_t seed,
                                                    std::unique_ptr<ByteSource> bytes) {
  const auto& trace = std::get<TraceSpec>(spec.source);
  std::string file = bytes->name();
  std::unique_ptr<ByteSource> again = trace.rate ? bytes->beside("") : nullptr;
  TiedRows rows = open_rows(trace, spec.max_context, seed, std::move(bytes));
  if (rows.rows().order() == TraceOrder::Sessions) {
    if (trace.rate || trace.spread_ties) {
      throw UserError(file +
                      ": holds sessions whose turns wait for each other; rate and spread_ties are of rows that do "
                      "not, speedup and arrivals change when sessions begin");
    }
    const SessionPlay play{
        .users = trace.users, .duration = spec.duration, .requests = spec.requests, .block_tokens = trace.block_tokens};
    return std::make_unique<SessionSource>(
        std::make_unique<TraceSessions>(std::move(rows).release(), spec, seed, std::move(file)), play);
  }
  if (trace.users || trace.wait_cap) {
    throw UserError(file + ": holds rows with times of their own; users and wait_cap are of traces of sessions");
  }
  auto source = std::make_unique<TraceSource>(spec, seed, std::move(rows), std::move(file), std::move(again));
  if (trace.causal) return std::make_unique<CausalSource>(std::move(source));
  return source;
}

/// Requests of a closed loop as sessions of one each.
class SingleTurns final : public SessionFeed {
 public:
  explicit SingleTurns(std::unique_ptr<RequestSource> source) : source_(std::move(source)) {}
  [[nodiscard]] std::optional<Session> next() override {
    auto arrival = source_->next();
    if (!arrival) return std::nullopt;
    Session session{.name = arrival->request.session.value_or(arrival->request.id.index()),
                    .slo_class = arrival->request.slo_class,
                    .tenant = arrival->request.tenant,
                    .priority = arrival->request.priority};
    session.turns.push_back({.prompt_tokens = arrival->request.prompt_tokens,
                             .output_tokens = arrival->fate.output_tokens,
                             .prefix = std::move(arrival->request.prefix),
                             .history = std::move(arrival->fate.history_ids)});
    return session;
  }

 private:
  std::unique_ptr<RequestSource> source_;
};

/// The source itself, whatever calls allow.
std::unique_ptr<RequestSource> source_of(const WorkloadSpec& spec, std::uint64_t seed,
                                         std::unique_ptr<ByteSource> trace) {
  const bool wants_trace = std::holds_alternative<TraceSpec>(spec.source);
  expect(wants_trace == (trace != nullptr), "a trace is given exactly when the workload replays one");
  if (wants_trace) return replay(spec, seed, std::move(trace));
  const auto& synthetic = std::get<SyntheticSpec>(spec.source);
  const auto* loop = std::get_if<ClosedLoop>(&synthetic.arrivals);
  // Users of a closed loop who try again are told of no answer before that: a session of one request each.
  const bool waits = loop != nullptr && tries_again(spec.classes);
  if (!tells_stories(synthetic) && !waits) return std::make_unique<SyntheticSource>(spec, seed);
  SessionPlay play{.duration = spec.duration, .requests = spec.requests};
  if (loop != nullptr) play.users = loop->concurrency;
  return std::make_unique<SessionSource>(std::make_unique<SessionDraw>(spec, seed), play);
}

}  // namespace

std::optional<DrawnSessions> drawn_sessions(const WorkloadSpec& spec, std::uint64_t seed) {
  const auto& synthetic = std::get<SyntheticSpec>(spec.source);
  const auto* loop = std::get_if<ClosedLoop>(&synthetic.arrivals);
  const std::optional<std::uint32_t> users = loop == nullptr ? std::nullopt : std::optional(loop->concurrency);
  if (tells_stories(synthetic) || (loop != nullptr && tries_again(spec.classes))) {
    return DrawnSessions{.feed = std::make_unique<SessionDraw>(spec, seed), .users = users};
  }
  if (loop == nullptr) return std::nullopt;
  return DrawnSessions{.feed = std::make_unique<SingleTurns>(std::make_unique<SyntheticSource>(spec, seed)),
                       .users = users};
}

std::unique_ptr<RequestSource> make_request_source(const WorkloadSpec& spec, std::uint64_t seed,
                                                   std::unique_ptr<ByteSource> trace) {
  std::unique_ptr<RequestSource> source = source_of(spec, seed, std::move(trace));
  if (spec.max_output) source = std::make_unique<CallLimit>(std::move(source), *spec.max_output);
  if (!is_impatient(spec.classes)) return source;
  return std::make_unique<ImpatientSource>(std::move(source), spec.classes, seed, spec.duration);
}

}  // namespace tokenyard::workloads
