#include "sim/config/read_trace.hpp"

#include "models/base/errors.hpp"
#include "sim/config/read_arrivals.hpp"
#include "workloads/traces/formats.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace tokenyard::config {
namespace {

using namespace workloads;

RowLayout read_columns(YamlMap map) {
  RowLayout columns;
  const auto read = [&](std::string_view key, std::string& column) {
    if (map.given(key)) column = map.text(key);
  };
  read("time", columns.time);
  columns.prompt = map.text("prompt");
  columns.output = map.text("output");
  read("prefix", columns.prefix);
  read("session", columns.session);
  read("category", columns.category);
  read("tenant", columns.tenant);
  read("priority", columns.priority);
  const std::string unit = map.choice("time_unit", {"s", "ms", "us", "ns"});
  columns.unit = unit == "s"    ? TimeUnit::Seconds
                 : unit == "ms" ? TimeUnit::Milliseconds
                 : unit == "us" ? TimeUnit::Microseconds
                                : TimeUnit::Nanoseconds;
  map.finish();
  return columns;
}

std::vector<std::string> choices(Fault fault) {
  if (fault == Fault::Malformed) return {"refuse", "drop"};
  if (fault == Fault::OverContext) return {"play", "refuse", "drop", "mend"};
  return {"refuse", "drop", "mend"};
}

void read_bad_rows(YamlMap map, TraceSpec& trace) {
  for (std::size_t i = 0; i < kFaults; ++i) {
    const auto fault = static_cast<Fault>(i);
    std::string key(kFaultNames[i]);
    std::replace(key.begin(), key.end(), ' ', '_');
    const std::string choice = map.choice(key, choices(fault));
    if (fault == Fault::OverContext) trace.limits_context = choice != "play";
    trace.policy.on[i] = choice == "drop" ? OnFault::Drop : choice == "mend" ? OnFault::Mend : OnFault::Refuse;
  }
  map.finish();
}

}  // namespace

TraceSpec read_trace(YamlMap map) {
  TraceSpec trace{.path = map.file("path").string(),
                  .format = map.choice("format", trace_formats()),
                  .session_scope = map.choice("hash_scope", {"global", "session"}) == "session",
                  .speedup = map.number("speedup", 1e-3, 1e6),
                  .window_start = SimTime::from(map.seconds("window_start")),
                  .spread_ties = map.choice("spread_ties", {"none", "uniform"}) == "uniform"};
  read_bad_rows(map.map_or_empty("bad_rows", "workload.trace.bad_rows"), trace);
  if (map.given("max_context")) {
    if (!trace.limits_context) map.fail("max_context", "has no meaning without `bad_rows: {over_context: ...}`");
    trace.policy.max_context = map.count("max_context", 2, kMaxTokens);
  }
  if (map.given("columns")) trace.columns = read_columns(map.map("columns", "workload.trace.columns"));
  if (map.given("rate")) trace.rate = map.rate("rate");
  if (map.given("window")) trace.window = SimTime::from(map.seconds("window"));
  if (map.given("tick")) trace.tick = SimTime::from(map.seconds("tick"));
  if (map.given("file_block_tokens")) trace.file_block_tokens = map.count("file_block_tokens", 1, kMaxTokens);
  if (map.given("block_tokens")) trace.block_tokens = map.count("block_tokens", 1, kMaxTokens);
  trace.causal = map.flag("causal");
  if (map.given("users")) trace.users = map.count("users", 1, 10'000'000);
  if (map.given("wait_cap")) trace.wait_cap = SimTime::from(map.seconds("wait_cap"));
  if (map.given("arrivals")) trace.arrivals = read_arrivals_of_trace(map.map("arrivals", "workload.arrivals"));
  map.finish();
  map.located([&] { validate(trace); });
  return trace;
}

TraceSpec read_trace_settings(const std::string& path, std::vector<Override> settings) {
  if (path.empty()) throw UserError("the name of the trace file is empty");
  std::string text = "'";
  for (const char letter : path) text += letter == '\'' ? std::string("''") : std::string(1, letter);
  settings.push_back({"path", text + "'"});
  TraceSpec trace = read_trace(YamlMap::of_settings("workload.trace", settings));
  if (trace.limits_context && trace.policy.max_context == 0) {
    throw UserError("--set bad_rows.over_context: here is no model that has a context; give max_context too");
  }
  return trace;
}

}  // namespace tokenyard::config
