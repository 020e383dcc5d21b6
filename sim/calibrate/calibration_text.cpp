#include "sim/calibrate/calibration_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <vector>

namespace tokenyard::calibrate {
namespace {

std::string figure(const fit::Parameter& parameter, double value) {
  constexpr double kNanosecond = 1e-9;
  constexpr double kMicrosecond = 1e-6;
  constexpr double kMegabyte = 1e6;
  if (parameter.unit == fit::Parameter::Unit::Time && value > 0.0 && value < 0.1 * kMicrosecond) {
    return fmt::format("{:.4g} ns", value / kNanosecond);
  }
  if (parameter.unit == fit::Parameter::Unit::Time) return fmt::format("{:.4g} us", value / kMicrosecond);
  if (parameter.unit == fit::Parameter::Unit::Rate) return fmt::format("{:.4g} GB/s", value);
  if (parameter.unit == fit::Parameter::Unit::Size) return fmt::format("{:.4g} MB", value / kMegabyte);
  return fmt::format("{:.4g}", value);
}

std::string ranges(const FamilyResult& result) {
  std::string text;
  for (std::size_t i = 0; i < result.valid.size(); ++i) {
    text += fmt::format("{}{}: [{:.10g}, {:.10g}]", i > 0 ? ", " : "", result.family->shape[i], result.valid[i].least,
                        result.valid[i].greatest);
  }
  return text;
}

std::string_view mapping_of(const fit::Parameter& parameter) {
  const std::size_t split = parameter.key.find('.');
  return split == std::string_view::npos ? std::string_view{} : parameter.key.substr(0, split);
}

/// A term that did not help stands at its start, which is what the key's absence means. The keys of a mapping are
/// written all or none.
bool left_out(const FamilyResult& result, std::size_t of) {
  const std::vector<fit::Parameter>& parameters = result.family->parameters;
  const std::string_view mapping = mapping_of(parameters[of]);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const bool same = i == of || (!mapping.empty() && mapping_of(parameters[i]) == mapping);
    const bool at_start = parameters[i].term > 0 && std::equal_to<>{}(result.values[i], parameters[i].start);
    if (same && !at_start) return false;
  }
  return true;
}

}  // namespace

std::string report_text(const Calibration& calibration) {
  std::string text =
      fmt::format("{:<28}{:>8}{:>10}{:>8}{:>8}{:>8}\n", "family", "shapes", "held out", "p50", "p90", "bias");
  for (const FamilyResult& result : calibration.families) {
    text += fmt::format("{:<28}{:>8}{:>10}{:>8.3f}{:>8.3f}{:>+8.3f}\n", result.family->place, result.rows,
                        result.error.rows, result.error.p50, result.error.p90, result.error.bias);
  }
  if (!calibration.families.empty()) text += "\nworst held-out rows\n";
  for (const FamilyResult& result : calibration.families) {
    for (const std::string& row : result.worst) text += "  " + row + "\n";
  }
  if (!calibration.left_out.empty()) text += "\nleft out\n";
  for (const std::string& sentence : calibration.left_out) text += "  " + sentence + "\n";
  return text;
}

std::string chip_yaml(const Calibration& calibration, const std::string& base, const std::string& collectives,
                      const std::string& name, const std::string& source) {
  std::string text = fmt::format("base: {}\nname: {}\nkernels:\n", base, name);
  std::vector<std::string> open;  // the keys that the text stands below
  for (const FamilyResult& result : calibration.families) {
    const std::vector<std::string> path = result.family->path();
    const auto same = static_cast<std::size_t>(std::ranges::mismatch(open, path).in1 - open.begin());
    for (std::size_t depth = same; depth < path.size(); ++depth) {
      text += fmt::format("{}{}:\n", std::string(2 * depth + 2, ' '), path[depth]);
      if (depth == 0 && path[0] == "collectives") text += fmt::format("    base: {}\n", collectives);
    }
    open = path;
    const std::string indent(2 * path.size() + 2, ' ');
    std::string mapping;  // inside the family's: the part of a key before its dot
    for (std::size_t i = 0; i < result.values.size(); ++i) {
      const fit::Parameter& parameter = result.family->parameters[i];
      if (left_out(result, i)) continue;
      const std::size_t split = parameter.key.find('.');
      const bool inside = split != std::string_view::npos;
      if (inside && parameter.key.substr(0, split) != mapping) {
        mapping = parameter.key.substr(0, split);
        text += fmt::format("{}{}:\n", indent, mapping);
      }
      text +=
          fmt::format("{}{}{}: {}\n", indent, inside ? "  " : "",
                      inside ? parameter.key.substr(split + 1) : parameter.key, figure(parameter, result.values[i]));
    }
    text += fmt::format(
        "{0}error_p50: {1:.3f}\n{0}error_p90: {2:.3f}\n{0}rows: {3}\n{0}valid: {{{4}}}\n{0}source: \"{5}\"\n", indent,
        result.error.p50, result.error.p90, result.rows, ranges(result), source);
  }
  return text;
}

}  // namespace tokenyard::calibrate
