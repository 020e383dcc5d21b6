#include "sim/traffic/offered.hpp"

#include "models/base/errors.hpp"
#include "sim/config/experiment.hpp"
#include "sim/files/output_file.hpp"
#include "sim/files/trace_file.hpp"
#include "sim/report/figure_text.hpp"
#include "sim/traffic/stats_table.hpp"
#include "workloads/make_request_source.hpp"
#include "workloads/traces/trace_stats.hpp"
#include "workloads/traces/trace_writer.hpp"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

namespace tokenyard::traffic {
namespace {

using workloads::Arrival;
using workloads::RequestSource;
using workloads::TraceRecord;

/// Requests of a source as if every answer took a time of its own: a server with room for all.
class Unhindered {
 public:
  Unhindered(RequestSource& source, const Preview& asked, std::uint32_t users)
      : source_(source), asked_(asked), users_(users) {}

  [[nodiscard]] std::optional<Arrival> next() {
    if (users_ > 0) return next_of_loop();
    if (!source_.interactive()) return source_.next();
    while (true) {
      const auto due = source_.due();
      if (!running_.empty() && (!due || running_.top().first <= *due)) {
        const auto [end, request] = running_.top();
        running_.pop();
        source_.on_end(RequestId{request}, end, workloads::Ending::Answered);
      } else if (!due) {
        return std::nullopt;
      } else if (auto arrival = source_.next()) {
        running_.emplace(end_of(*arrival), arrival->request.id.index());
        return arrival;
      }
    }
  }

 private:
  using Running = std::pair<SimTime, std::uint32_t>;  // end, request
  [[nodiscard]] SimTime end_of(const Arrival& arrival) const {
    return arrival.request.arrival + asked_.first_token +
           asked_.per_token * (std::int64_t{arrival.fate.output_tokens} - 1);
  }
  /// A user of a closed loop asks when its last answer has come.
  [[nodiscard]] std::optional<Arrival> next_of_loop() {
    auto arrival = source_.next();
    if (!arrival) return std::nullopt;
    if (running_.size() == users_) {
      arrival->request.arrival = running_.top().first;
      running_.pop();
    }
    running_.emplace(end_of(*arrival), arrival->request.id.index());
    return arrival;
  }

  RequestSource& source_;
  const Preview& asked_;
  std::uint32_t users_;
  std::priority_queue<Running, std::vector<Running>, std::greater<>> running_;
};

/// Arrivals in at most 48 windows, which are joined in pairs as time goes on.
class Windows {
 public:
  void add(SimTime at) {
    while (at.ns() / width_ns_ >= static_cast<std::int64_t>(kMost)) {
      for (std::size_t i = 0; i < kMost / 2; ++i) counts_[i] = counts_[2 * i] + counts_[2 * i + 1];
      std::fill(counts_.begin() + kMost / 2, counts_.end(), 0);
      width_ns_ *= 2;
    }
    const auto window = static_cast<std::size_t>(at.ns() / width_ns_);
    ++counts_[window];
    used_ = window + 1;
  }
  [[nodiscard]] std::string plot() const {
    return rate_plot({counts_.begin(), counts_.begin() + static_cast<std::ptrdiff_t>(used_)},
                     static_cast<double>(width_ns_) * 1e-9);
  }

 private:
  static constexpr std::size_t kMost = 48;
  std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>(kMost);
  std::size_t used_ = 0;
  std::int64_t width_ns_ = 1'000'000'000;
};

[[nodiscard]] TraceRecord record_of(Arrival arrival, const workloads::WorkloadSpec& spec) {
  TraceRecord record;
  record.at_ns = arrival.request.arrival.ns();
  record.prompt_tokens = arrival.request.prompt_tokens;
  record.output_tokens = arrival.fate.output_tokens;
  record.prefix = std::move(arrival.request.prefix);
  if (arrival.request.slo_class != ClassId{0}) record.category = spec.classes[arrival.request.slo_class.index()].name;
  record.priority = arrival.request.priority;
  record.tenant = arrival.request.tenant;
  record.session = arrival.request.session;
  return record;
}

/// The turns of a session, as records of a trace of sessions.
void append_session(workloads::Session session, const workloads::WorkloadSpec& spec, workloads::TraceWriter& writer,
                    std::string& text) {
  for (std::size_t i = 0; i < session.turns.size(); ++i) {
    const workloads::Turn& turn = session.turns[i];
    auto names = workloads::names_of(session, i);
    TraceRecord record;
    if (i == 0 && session.start) record.at_ns = session.start->ns();
    record.prompt_tokens = turn.prompt_tokens;
    record.output_tokens = turn.output_tokens;
    record.prefix = std::move(names.prefix);
    record.answer = std::move(names.history);
    if (session.slo_class != ClassId{0}) record.category = spec.classes[session.slo_class.index()].name;
    record.priority = session.priority;
    record.tenant = session.tenant;
    record.session = session.name;
    record.turn = static_cast<std::uint32_t>(i);
    record.after = turn.after;
    record.wait_ns = turn.wait.ns();
    writer.append(record, text);
  }
}

/// Writes the sessions of a workload that waits for answers: as many as may be begun before `most` requests have been
/// sent, whatever the answers take; all where they have starts and there is no limit. Gives how many turns there are.
std::uint64_t write_sessions(workloads::DrawnSessions drawn, const workloads::WorkloadSpec& spec,
                             std::optional<std::uint64_t> most, std::ostream& out) {
  workloads::TraceWriter writer("tokenyard", workloads::TraceOrder::Sessions, 0);
  std::string text = writer.header();
  const std::uint64_t users = drawn.users.value_or(0);
  std::uint64_t turns = 0;
  std::uint64_t longest = 0;
  const auto enough = [&](std::uint64_t count) {
    if (!most) return false;
    if (users == 0) return count >= *most;                              // each sends its first request when it starts
    return count >= *most + users || turns >= *most + users * longest;  // all but one a user have ended
  };
  for (std::uint64_t count = 0; !enough(count); ++count) {
    auto session = drawn.feed->next();
    if (!session) break;
    turns += session->turns.size();
    longest = std::max<std::uint64_t>(longest, session->turns.size());
    append_session(std::move(*session), spec, writer, text);
    if (text.size() < (1U << 16U)) continue;
    out << text;
    text.clear();
  }
  out << text;
  return turns;
}

}  // namespace

std::string preview(const std::filesystem::path& file, const Preview& asked) {
  const config::Experiment experiment = config::read_experiment(file, asked.overrides);
  const workloads::WorkloadSpec& spec = experiment.workload;
  std::unique_ptr<workloads::ByteSource> trace;
  std::uint32_t users = 0;
  if (const auto* recorded = std::get_if<workloads::TraceSpec>(&spec.source)) {
    trace = files::open_trace(recorded->path);
  } else if (const auto* loop =
                 std::get_if<workloads::ClosedLoop>(&std::get<workloads::SyntheticSpec>(spec.source).arrivals)) {
    users = loop->concurrency;
  }
  const auto source = workloads::make_request_source(spec, experiment.seed, std::move(trace));
  if (source->interactive()) users = 0;  // it waits for answers itself
  std::optional<workloads::DrawnSessions> sessions;
  const bool drawn = std::holds_alternative<workloads::SyntheticSpec>(spec.source);
  if (!asked.out.empty() && drawn) sessions = workloads::drawn_sessions(spec, experiment.seed);
  const std::optional<std::uint64_t> most = asked.limit ? asked.limit : spec.requests;
  if (sessions && sessions->users && !most) {
    throw UserError(file.string() +
                    ": how much its users ask by the end of `duration` depends on the answers; give "
                    "workload.requests, or --limit a number of requests that is enough");
  }
  Unhindered requests(*source, asked, users);

  std::optional<files::OutputFile> output;
  if (!asked.out.empty()) output.emplace(asked.out);
  std::ostream* const out = output ? &output->stream() : nullptr;
  workloads::TraceWriter writer("tokenyard", workloads::TraceOrder::Rows, 0);
  std::string text = writer.header();
  workloads::TraceStats stats(asked.lru_blocks);
  Windows windows;
  std::uint64_t count = 0;
  experiment.source->located([&] {
    while (!asked.limit || count < *asked.limit) {
      auto arrival = requests.next();
      if (!arrival || (users > 0 && spec.duration && arrival->request.arrival > *spec.duration)) break;
      ++count;
      windows.add(arrival->request.arrival);
      const TraceRecord record = record_of(std::move(*arrival), spec);
      stats.add(record, false);
      if (out == nullptr || sessions) continue;
      writer.append(record, text);
      if (text.size() < (1U << 16U)) continue;
      *out << text;
      text.clear();
    }
  });
  if (count == 0) throw UserError(file.string() + ": the workload offers no request");
  stats.finish();
  std::uint64_t turns = 0;
  if (out != nullptr) {
    if (sessions) {
      if (sessions->users) users = *sessions->users;
      turns = write_sessions(std::move(*sessions), spec, most, *out);
    } else {
      *out << text;
    }
    output->commit();
  }
  std::string said = stats_table(stats, asked.lru_blocks) + "\n" + windows.plot();
  for (const std::string& note : source->notes()) said += "note: " + note + "\n";
  if (source->interactive() || users > 0) {
    said += "note: what is sent depends on the answers; here the first token takes " +
            report::time_text(asked.first_token.seconds().value()) + " and each other " +
            report::time_text(asked.per_token.seconds().value()) + "\n";
  }
  if (out != nullptr && turns > 0) {
    said += report::count_text(turns) + " turns of sessions written to " + asked.out + "; replay them with the same " +
            "requests, duration and slo as here" + (users > 0 ? ", and trace.users: " + std::to_string(users) : "") +
            "\n";
  } else if (out != nullptr) {
    said += report::count_text(count) + " requests written to " + asked.out + "\n";
  }
  return said;
}

}  // namespace tokenyard::traffic
