#include "tools/tokenyard/commands.hpp"

#include "models/base/errors.hpp"
#include "models/base/units_text.hpp"
#include "sim/traffic/trace_jobs.hpp"
#include "tools/tokenyard/options.hpp"

#include <CLI/CLI.hpp>

#include <exception>
#include <iostream>
#include <memory>

namespace tokenyard::cli {
namespace {

struct TraceArguments {
  traffic::TraceJob job;
  std::vector<std::string> settings;
  std::vector<std::uint64_t> lru;
  std::uint64_t limit = 0;
  std::string to;
  std::string out;
  std::string from;  // of a slice
  std::string length;
};

/// The job as the options say; those of a slice are settings by another name.
traffic::TraceJob job_of(const TraceArguments& given) {
  traffic::TraceJob job = given.job;
  job.settings = overrides(given.settings);
  const auto add = [&](const char* option, const std::string& text, const char* key, bool positive) {
    if (text.empty()) return;
    try {
      const Seconds time = parse_seconds(text);
      if (time < Seconds{} || (positive && time == Seconds{})) {
        throw UserError(positive ? "must be above 0 s" : "must be 0 s or more");
      }
    } catch (const std::exception& error) {
      throw UserError(std::string(option) + ": " + error.what());
    }
    job.settings.push_back({key, text});
  };
  add("--from", given.from, "window_start", false);
  add("--for", given.length, "window", true);
  if (given.limit > 0) job.limit = given.limit;
  return job;
}

CLI::App* add(CLI::App& trace, const char* name, const char* what, TraceArguments& given) {
  auto* sub = trace.add_subcommand(name, what);
  sub->add_option("file", given.job.path, "trace file, plain or gzip, or a folder of JSON files")->required();
  sub->add_option("--set", given.settings, "KEY=VALUE: a key of workload.trace, e.g. --set format=mooncake")
      ->take_all()
      ->allow_extra_args(false);
  sub->add_option("--limit", given.limit, "at most so many requests; 0 = all")->capture_default_str();
  sub->add_option("--seed", given.job.seed, "of spread_ties")->capture_default_str();
  return sub;
}

}  // namespace

void add_trace(CLI::App& app, Command& command) {
  auto* trace = app.add_subcommand("trace", "look at recorded traffic, convert it, cut a piece out of it");
  trace->require_subcommand(1);
  const auto given = std::make_shared<TraceArguments>();

  auto* stats = add(*trace, "stats", "rate, burstiness, lengths, reuse of prefixes, sessions", *given);
  stats->add_option("--lru", given->lru, "measure reuse with an LRU cache of so many blocks too; may be repeated");
  stats->callback([given, &command] {
    command = [given] {
      std::cout << traffic::trace_stats(job_of(*given), given->lru);
      return 0;
    };
  });

  const auto writes = [&](CLI::App* sub) {
    sub->add_option("--to", given->to, "tokenyard, mooncake or azure; else its own format where that can be written");
    sub->add_option("--out", given->out, "file to write")->required();
    sub->callback([given, &command] {
      command = [given] {
        std::cout << traffic::trace_convert(job_of(*given), given->to, given->out);
        return 0;
      };
    });
  };
  writes(add(*trace, "convert", "write it in another format", *given));
  auto* slice = add(*trace, "slice", "write a window of it", *given);
  slice->add_option("--from", given->from, "begin of the window after the first request, e.g. 10 min");
  slice->add_option("--for", given->length, "its length, e.g. 60 s");
  writes(slice);
}

}  // namespace tokenyard::cli
