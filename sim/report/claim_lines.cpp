#include "sim/report/claim_files.hpp"
#include "sim/report/figure_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace tokenyard::report {
namespace {

using metrics::ClaimRange;
using metrics::ClaimRow;
using metrics::ClaimTestRow;
using metrics::ClaimValue;
using metrics::Verdict;

constexpr std::array<std::pair<std::string_view, double>, 26> kUnits{{
    {"", 1.0},         {"times", 1.0},      {"%", 0.01},       {"s", 1.0},      {"ms", 1e-3},   {"us", 1e-6},
    {"GB", 1e9},       {"TB", 1e12},        {"GB/s", 1e9},     {"TB/s", 1e12},  {"FLOP", 1.0},  {"TFLOP", 1e12},
    {"EFLOP", 1e18},   {"TFLOP/s", 1e12},   {"PFLOP/s", 1e15}, {"W", 1.0},      {"kW", 1e3},    {"J", 1.0},
    {"tokens/s", 1.0}, {"requests/s", 1.0}, {"tokens/J", 1.0}, {"tokens", 1.0}, {"chips", 1.0}, {"replicas", 1.0},
    {"Gb/s", 0.125e9}, {"TFLOP/s/W", 1e12},
}};

std::string with_unit(const std::string& text, const std::string& unit) {
  return unit.empty() ? text : text + (unit == "%" ? " %" : " " + unit);
}

std::string range_text(const ClaimRange& range, const std::string& unit) {
  if (!range.to) return with_unit(number_text(*range.from), unit) + " or more";
  if (!range.from) return with_unit(number_text(*range.to), unit) + " or less";
  if (!(*range.from < *range.to)) return with_unit(number_text(*range.from), unit);
  return with_unit(number_text(*range.from) + " to " + number_text(*range.to), unit);
}

/// "15.20 ms (13.08 to 17.66)": the value and where the truth is expected.
std::string value_text(const ClaimValue& value, const std::string& unit) {
  const std::string text = with_unit(number_text(value.value), unit);
  if (!(value.error > 0.0) || !(std::abs(value.value) > 0.0)) return text;
  return text + " (" + number_text(value.value * std::exp(-value.error)) + " to " +
         number_text(value.value * std::exp(value.error)) + ")";
}

/// Text inside a cell of a table.
std::string cell(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.insert(at, 1, '\\');
  return text;
}

void write_test(const ClaimTestRow& test, std::ostream& out) {
  for (const ClaimValue& value : test.values) {
    out << "| " << cell(test.what) << " | " << (value.set_up.empty() ? "as run" : cell(value.set_up)) << " | "
        << value_text(value, test.unit) << " | " << range_text(test.claimed, test.unit) << " | " << name(value.verdict)
        << " |\n";
  }
}

void write_evidence(const ClaimRow& row, std::ostream& out) {
  for (const ClaimTestRow& test : row.tests) {
    if (!test.error_source.empty()) out << "- Error of " << test.what << ": " << test.error_source << ".\n";
    if (!test.evidence) continue;
    out << "- Measured elsewhere, " << test.what << ": " << range_text(*test.evidence, test.unit) << " ("
        << test.evidence_source << "); the value as run lies "
        << (test.evidence->holds(test.values.front().value) ? "inside" : "outside") << ".\n";
  }
}

void write_section(const ClaimRow& row, const std::string& figures, std::ostream& out) {
  out << "\n## " << row.id << "\n\n" << row.claim << "\n\n> " << row.quote << " (" << row.document << ")\n\n";
  out << "**" << name(row.verdict) << "**" << (row.because.empty() ? "" : ": " + row.because) << "\n\n";
  if (!row.tests.empty()) {
    out << "Measured: " << row.measured
        << "\n\n| value | set-up | simulated | claimed | verdict |\n|---|---|---|---|---|\n";
    for (const ClaimTestRow& test : row.tests) write_test(test, out);
    out << "\nFair, because " << row.fair << "\n\n";
    write_evidence(row, out);
  }
  for (const std::string& line : row.confidence) out << "- Confidence: " << line << ".\n";
  if (row.figure) out << "\n![" << row.id << "](" << figures << row.id << ".svg)\n";
}

/// What a claim's verdict rests on: what it says itself, else each test's value as run.
std::string why_text(const ClaimRow& row) {
  if (!row.because.empty()) return row.because;
  std::string all;
  for (const ClaimTestRow& test : row.tests) {
    if (test.values.empty()) continue;
    all += (all.empty() ? "" : "; ") + test.what + ": " + with_unit(number_text(test.values.front().value), test.unit) +
           ", claimed " + range_text(test.claimed, test.unit);
  }
  return all;
}

}  // namespace

std::optional<double> unit_factor(std::string_view unit) {
  for (const auto& [name, factor] : kUnits) {
    if (name == unit) return factor;
  }
  return std::nullopt;
}

std::string known_units() {
  std::string all;
  for (const auto& [name, factor] : kUnits) {
    if (!name.empty()) all += (all.empty() ? "" : ", ") + std::string(name);
  }
  return all;
}

std::string claim_line(const ClaimRow& row) {
  std::string line = fmt::format("{:<6} {:<13}", row.id, name(row.verdict));
  constexpr std::size_t kShown = 4;  // values of a line that is read on a screen
  std::string values;
  for (std::size_t t = 0; t < std::min(row.tests.size(), kShown); ++t) {
    const ClaimTestRow& test = row.tests[t];
    if (test.values.empty()) continue;
    values += (values.empty() ? "" : "; ") + test.what + " " + value_text(test.values.front(), test.unit) +
              ", claimed " + range_text(test.claimed, test.unit);
  }
  if (row.tests.size() > kShown) values += fmt::format("; {} more in claims.md", row.tests.size() - kShown);
  if (!row.because.empty()) values += (values.empty() ? "" : " -- ") + row.because;
  return line + values + "\n";
}

void write_claims_markdown(const std::vector<ClaimRow>& rows, const std::string& figures, std::ostream& out) {
  out << "# Claims of the documents, put to the test\n\n"
         "Written by `tokenyard claims`; every verdict is computed from the runs of `configs/claims/` and their "
         "`claim.yaml`.\n"
         "*supported*: the simulated value, with the error to be expected of it, lies in the claimed range; "
         "*contradicted*: it\n"
         "lies outside; *depends*: it lies inside in one plausible set-up and outside in another; *within error*: the "
         "edge of the\n"
         "range is nearer than the simulator's error; *not yet*: nothing here models it. In brackets: where the truth "
         "is expected\n"
         "(the p90 of the errors at measured serving points, or the error a test states with its source); a value "
         "without\n"
         "brackets is counted, not modelled. Errors are |ln(simulated / measured)|: 0.1 is 10 %.\n\n"
         "| claim | of | verdict | why |\n|---|---|---|---|\n";
  for (const ClaimRow& row : rows) {
    out << "| " << row.id << " | " << cell(row.claim) << " | " << name(row.verdict) << " | " << cell(why_text(row))
        << " |\n";
  }
  for (const ClaimRow& row : rows) {
    if (!row.tests.empty() && row.verdict != Verdict::Failed) write_section(row, figures, out);
  }
}

}  // namespace tokenyard::report
