#include "models/base/errors.hpp"
#include "sim/claims/claim.hpp"
#include "sim/report/claim_files.hpp"

#include <algorithm>
#include <charconv>
#include <set>

namespace tokenyard::claims {
namespace {

using config::Override;
using config::YamlMap;

constexpr double kMost = 1e30;

std::vector<Override> read_settings(YamlMap& map) {
  std::vector<Override> settings;
  if (!map.given("set")) return settings;
  for (const std::string& text : map.texts("set")) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
      map.fail("set", "'" + text + "' is not PATH=VALUE");
    }
    settings.push_back({text.substr(0, equals), text.substr(equals + 1)});
  }
  return settings;
}

StepQuestion read_explain(YamlMap map) {
  const StepQuestion question{
      .decodes = map.count("decodes", 0), .context = map.count("context"), .prompt = map.count("prompt")};
  map.finish();
  return question;
}

CollectiveQuestion read_collective(YamlMap map) {
  CollectiveQuestion question;
  question.op = map.text("op");
  question.ranks = map.count("ranks", 2);
  const bool exchange = question.op == "dispatch" || question.op == "combine";
  const char* needed = exchange ? "tokens" : "size";
  const char* other = exchange ? "size" : "tokens";
  if (!map.given(needed)) map.fail(needed, "required for " + question.op);
  if (map.given(other)) map.fail(other, "has no meaning for " + question.op);
  if (exchange) {
    question.tokens = {map.count("tokens")};
  } else {
    question.sizes = {map.bytes("size")};
  }
  map.finish();
  return question;
}

Run read_run(const std::string& name, YamlMap map, const std::filesystem::path& folder) {
  Run run{.name = name};
  const bool experiment = map.given("experiment");
  if (experiment == map.given("machine")) {
    map.fail(experiment ? "machine" : "experiment", "either `experiment` or `machine` is needed");
  }
  if (experiment) {
    const std::string written = map.text("experiment");
    run.ask.experiment = (folder / written).lexically_normal();
    if (!std::filesystem::is_regular_file(run.ask.experiment)) {
      map.fail("experiment", "there is no file " + run.ask.experiment.string());
    }
  } else {
    run.ask.machine = map.text("machine");
  }
  run.ask.settings = read_settings(map);
  if (map.given("explain")) {
    if (!experiment) map.fail("explain", "a machine alone has no steps; give an `experiment`");
    run.ask.explain = read_explain(map.map("explain", "claim_explain"));
  }
  if (map.given("collective")) {
    if (experiment) map.fail("collective", "is asked of a `machine`");
    run.ask.collective = read_collective(map.map("collective", "claim_collective"));
  }
  if (map.given("sweep")) {
    YamlMap sweep = map.map("sweep", "claim_sweep");
    run.sweep_key = sweep.text("key");
    run.sweep_values = sweep.texts("values");
    if (run.sweep_values.empty()) sweep.fail("values", "the list is empty; at least one value is needed");
    sweep.finish();
  }
  map.finish();
  run.source = std::make_shared<const YamlMap>(std::move(map));
  return run;
}

std::optional<double> bound(YamlMap& map, const char* key) {
  if (!map.given(key)) return std::nullopt;
  return map.number(key, -kMost, kMost);
}

metrics::ClaimRange read_range(YamlMap& map) {
  const metrics::ClaimRange range{bound(map, "from"), bound(map, "to")};
  if (!range.from && !range.to) map.fail("from", "neither `from` nor `to` is given; a range needs one of them");
  if (range.from && range.to && *range.from > *range.to) map.fail("to", "is less than `from`");
  return range;
}

Test read_test(YamlMap map) {
  Test test;
  test.row.what = map.text("what");
  test.value = map.text("value");
  if (map.given("unit")) test.row.unit = map.text("unit");
  if (!report::unit_factor(test.row.unit)) {
    map.fail("unit", "'" + test.row.unit + "' is not known; one of " + report::known_units());
  }
  YamlMap claimed = map.map("claimed", "claim_range");
  test.row.claimed = read_range(claimed);
  claimed.finish();
  if (map.given("evidence")) {
    YamlMap evidence = map.map("evidence", "claim_evidence");
    test.row.evidence = read_range(evidence);
    test.row.evidence_source = evidence.text("source");
    evidence.finish();
  }
  if (map.given("error")) test.error = map.number("error", 0.0, 10.0);
  if (map.given("error_source")) test.row.error_source = map.text("error_source");
  if (test.error.has_value() == test.row.error_source.empty()) {
    map.fail(test.error ? "error_source" : "error", "`error` and `error_source` stand together or not at all");
  }
  map.finish();
  test.source = std::make_shared<const YamlMap>(std::move(map));
  return test;
}

void read_figure(YamlMap map, Claim& claim) {
  claim.figure = metrics::ClaimFigure{.x = map.text("x"), .y = map.text("y")};
  claim.figure->logarithmic = map.choice("scale", {"linear", "log"}) == "log";
  for (YamlMap& curve : map.maps("curves", "claim_curve")) {
    Curve read{curve.text("name"), curve.text("x"), curve.text("y")};
    curve.finish();
    read.source = std::make_shared<const YamlMap>(std::move(curve));
    claim.curves.push_back(std::move(read));
  }
  map.finish();
}

Variant read_variant(YamlMap map, const std::vector<Run>& runs) {
  Variant variant{.name = map.text("name"), .settings = read_settings(map)};
  if (variant.settings.empty()) map.fail("set", "required: PATH=VALUE, as --set has it");
  if (map.given("runs")) variant.runs = map.texts("runs");
  for (const std::string& name : variant.runs) {
    if (std::none_of(runs.begin(), runs.end(), [&](const Run& run) { return run.name == name; })) {
      map.fail("runs", "there is no run '" + name + "'");
    }
  }
  map.finish();
  return variant;
}

std::uint32_t count_of(const Override& change, const Run& run) {
  std::uint32_t count = 0;
  const char* last = change.value.data() + change.value.size();
  const auto [end, error] = std::from_chars(change.value.data(), last, count);
  if (error != std::errc{} || end != last) run.source->fail("", change.path + "=" + change.value + " is not a count");
  return count;
}

/// decodes, context and prompt of an explained step and ranks and tokens of a collective are what is asked; everything
/// else is a key of the experiment or machine.
void apply(const Override& change, Ask& ask, const Run& run) {
  if (ask.explain && change.path == "decodes") {
    ask.explain->decodes = count_of(change, run);
  } else if (ask.explain && change.path == "context") {
    ask.explain->context = count_of(change, run);
  } else if (ask.explain && change.path == "prompt") {
    ask.explain->prompt = count_of(change, run);
  } else if (ask.collective && change.path == "ranks") {
    ask.collective->ranks = count_of(change, run);
  } else if (ask.collective && change.path == "tokens") {
    ask.collective->tokens = {count_of(change, run)};
  } else {
    ask.settings.push_back(change);
  }
}

}  // namespace

std::string Ask::key() const {
  std::string text = experiment.string() + "\n" + machine;
  for (const Override& setting : settings) text += "\n" + setting.path + "=" + setting.value;
  if (explain) {
    text += "\nexplain " + std::to_string(explain->decodes) + " " + std::to_string(explain->context) + " " +
            std::to_string(explain->prompt);
  }
  if (collective) {
    text += "\ncollective " + collective->op + " " + std::to_string(collective->ranks);
    for (const Bytes size : collective->sizes) text += " " + std::to_string(size.value());
    for (const std::uint32_t tokens : collective->tokens) text += " " + std::to_string(tokens);
  }
  return text;
}

std::vector<Ask> asks_of(const Run& run, const Variant* variant) {
  Ask ask = run.ask;
  const bool meant =
      variant != nullptr &&
      (variant->runs.empty() || std::find(variant->runs.begin(), variant->runs.end(), run.name) != variant->runs.end());
  if (meant) {
    for (const Override& change : variant->settings) apply(change, ask, run);
  }
  if (run.sweep_key.empty()) return {ask};
  std::vector<Ask> asks;
  for (const std::string& value : run.sweep_values) {
    Ask one = ask;
    apply({run.sweep_key, value}, one, run);
    asks.push_back(std::move(one));
  }
  return asks;
}

Claim read_claim(const std::filesystem::path& folder) {
  YamlMap map = YamlMap::load(folder / "claim.yaml", "claim", {});
  Claim claim;
  claim.row.id = folder.filename().string();
  claim.row.claim = map.text("claim");
  claim.row.quote = map.text("quote");
  claim.row.document = map.text("document");
  claim.row.measured = map.text("measured");
  claim.row.fair = map.text("fair");
  for (auto& [name, run] : map.named_maps("runs", "claim_run")) {
    claim.runs.push_back(read_run(name, std::move(run), folder));
  }
  if (claim.runs.empty()) map.fail("runs", "there are none; at least one is needed");
  if (map.given("variants")) {
    for (YamlMap& variant : map.maps("variants", "claim_variant")) {
      claim.variants.push_back(read_variant(std::move(variant), claim.runs));
    }
  }
  for (YamlMap& test : map.maps("tests", "claim_test")) claim.tests.push_back(read_test(std::move(test)));
  if (map.given("figure")) read_figure(map.map("figure", "claim_figure"), claim);
  map.finish();
  return claim;
}

std::vector<metrics::ClaimRow> read_open_claims(const std::filesystem::path& file) {
  YamlMap map = YamlMap::load(file, "open_claims", {});
  std::vector<metrics::ClaimRow> rows;
  std::set<std::string> seen;
  for (YamlMap& one : map.maps("claims", "open_claim")) {
    metrics::ClaimRow row{.id = one.text("id"), .claim = one.text("claim")};
    row.document = one.text("document");
    row.because = one.text("why");
    if (!seen.insert(row.id).second) one.fail("id", "'" + row.id + "' stands here twice");
    one.finish();
    rows.push_back(std::move(row));
  }
  map.finish();
  return rows;
}

}  // namespace tokenyard::claims
