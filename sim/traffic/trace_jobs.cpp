#include "sim/traffic/trace_jobs.hpp"

#include "models/base/errors.hpp"
#include "sim/config/read_trace.hpp"
#include "sim/files/output_file.hpp"
#include "sim/files/trace_file.hpp"
#include "sim/report/figure_text.hpp"
#include "sim/traffic/stats_table.hpp"
#include "workloads/trace_source.hpp"
#include "workloads/traces/formats.hpp"
#include "workloads/traces/prefix_blocks.hpp"
#include "workloads/traces/trace_writer.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <ostream>
#include <utility>

namespace tokenyard::traffic {
namespace {

using workloads::TraceOrder;
using workloads::TraceRecord;

/// The records of a trace that its settings keep, changed as they say.
class KeptRecords {
 public:
  explicit KeptRecords(const TraceJob& job)
      : trace_(config::read_trace_settings(job.path, job.settings)), limit_(job.limit), rows_(open(job)) {}

  [[nodiscard]] bool next(TraceRecord& record) {
    while (!limit_ || kept_ < *limit_) {
      if (!rows_.next(record)) return false;
      if (!in_window(record)) {
        if (ended_) return false;
        continue;
      }
      if (trace_.block_tokens > 0) {
        record.prefix = workloads::reblocked(record.prefix, record.prompt_tokens, trace_.block_tokens);
      }
      if (trace_.session_scope) {
        for (std::uint64_t& name : record.prefix.ids) {
          name = workloads::mixed(record.session.value_or(kept_), name);
        }
      }
      ++kept_;
      return true;
    }
    return false;
  }
  [[nodiscard]] const workloads::CheckedRows& rows() const { return rows_.rows(); }
  [[nodiscard]] bool in_sessions() const { return rows().order() == TraceOrder::Sessions; }
  [[nodiscard]] std::uint64_t kept() const { return kept_; }
  [[nodiscard]] const workloads::TraceSpec& spec() const { return trace_; }

 private:
  [[nodiscard]] workloads::TiedRows open(const TraceJob& job) const {
    if (trace_.rate || trace_.arrivals || trace_.users || trace_.causal) {
      throw UserError("--set: rate, arrivals, users and causal are of runs; a trace has its own times");
    }
    return workloads::open_rows(trace_, 0, job.seed, files::open_trace(trace_.path));
  }

  /// Of sessions the window decides by their first turns.
  [[nodiscard]] bool in_window(TraceRecord& record) {
    const bool clocked = record.at_ns && (!in_sessions() || (record.turn == 0 && rows().starts_known()));
    if (in_sessions() && !rows().starts_known()) record.at_ns.reset();  // on a clock of the session's own
    if (!clocked) return !in_sessions() || session_kept_;
    if (!first_ns_) first_ns_ = rows().origin_ns().value_or(*record.at_ns);
    const SimTime offset{*record.at_ns - *first_ns_};
    const bool behind = trace_.window && offset >= trace_.window_start + *trace_.window;
    ended_ = ended_ || behind;
    session_kept_ = offset >= trace_.window_start && !behind;
    record.at_ns = *first_ns_ + std::llround(static_cast<double>(offset.ns()) / trace_.speedup);
    return session_kept_;
  }

  workloads::TraceSpec trace_;
  std::optional<std::uint64_t> limit_;
  workloads::TiedRows rows_;
  std::optional<std::int64_t> first_ns_;
  std::uint64_t kept_ = 0;
  bool session_kept_ = true;
  bool ended_ = false;
};

[[nodiscard]] std::string notes_text(const workloads::CheckedRows& rows) {
  std::string text;
  for (const std::string& note : rows.notes()) text += "note: " + note + "\n";
  return text;
}

}  // namespace

std::string trace_stats(const TraceJob& job, const std::vector<std::uint64_t>& lru_blocks) {
  KeptRecords records(job);
  workloads::TraceStats stats(lru_blocks);
  TraceRecord record;
  while (records.next(record)) stats.add(record, records.in_sessions());
  if (records.kept() == 0) throw UserError(job.path + ": no request is left of it to count");
  stats.finish();
  return stats_table(stats, lru_blocks) + notes_text(records.rows());
}

std::string trace_convert(const TraceJob& job, const std::string& to, const std::string& out) {
  const auto& writable = workloads::TraceWriter::formats();
  KeptRecords records(job);
  std::string format = to;
  if (format.empty()) {
    format = records.spec().format;
    if (format == "auto") {
      const auto bytes = files::open_trace(records.spec().path);
      std::string start(64 * 1024, '\0');
      start.resize(bytes->read(start.data(), start.size()));
      format = workloads::detect_format(start);
    }
    if (std::find(writable.begin(), writable.end(), format) == writable.end()) format = "tokenyard";
  }
  if (std::find(writable.begin(), writable.end(), format) == writable.end()) {
    throw UserError("--to: '" + format + "' cannot be written; one of: tokenyard, mooncake, azure");
  }
  if (format == "mooncake" && records.spec().block_tokens > 0 &&
      records.spec().block_tokens != workloads::kMooncakeBlock) {
    throw UserError("--set block_tokens=" + std::to_string(records.spec().block_tokens) +
                    ": ids of a mooncake trace are of 512 tokens; leave it out, or convert to tokenyard");
  }
  files::OutputFile output(out);
  std::ostream& file = output.stream();
  workloads::TraceWriter writer(format, records.rows().order(), records.rows().origin_ns());
  std::string text = writer.header();
  TraceRecord record;
  while (records.next(record)) {
    writer.append(record, text);
    if (text.size() < (1U << 16U)) continue;
    file << text;
    text.clear();
  }
  if (records.kept() == 0) throw UserError(job.path + ": no request is left of it to write");
  file << text;
  output.commit();
  std::string said = report::count_text(records.kept()) + " requests written to " + out + ", format " + format + "\n";
  for (const std::string& lost : writer.left_out()) said += "note: " + format + " has no place for " + lost + "\n";
  return said + notes_text(records.rows());
}

}  // namespace tokenyard::traffic
