#pragma once

#include "sim/metrics/claim_rows.hpp"

#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace tokenyard::report {

/// What one of `unit` is in SI units: "ms" -> 1e-3, "%" -> 0.01, "" -> 1. Absent: not known.
[[nodiscard]] std::optional<double> unit_factor(std::string_view unit);
/// "s, ms, us, ..."
[[nodiscard]] std::string known_units();

/// One line for a terminal: "S2-24  contradicted  exponent of growth 1.000, claimed 1.2 or more; ...": four values at
/// most.
[[nodiscard]] std::string claim_line(const metrics::ClaimRow& row);

/// claims.md: a table of all rows, then a section for each that was tested. A section is the same whichever other
/// claims stand beside it. Figures are linked as FIGURES/ID.svg.
void write_claims_markdown(const std::vector<metrics::ClaimRow>& rows, const std::string& figures, std::ostream& out);

/// claims.json: a list of the rows, with every value.
void write_claims_json(const std::vector<metrics::ClaimRow>& rows, std::ostream& out);

/// The curves as a picture, SVG without scripts or fonts of its own. Points of a logarithmic axis at or below 0 are
/// left out.
void write_curves(const std::string& title, const metrics::ClaimFigure& figure, std::ostream& out);

}  // namespace tokenyard::report
