#pragma once

#include "sim/metrics/confidence.hpp"
#include "sim/metrics/scoreboard.hpp"

#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

namespace tokenyard::report {

/// Rows of the sets that the points stand in: a row may hold several points.
[[nodiscard]] std::size_t file_rows(const std::vector<metrics::ScoredPoint>& points);

/// The scoreboard for a terminal: a table a metric with a line for each set, chip, model, precision and engine; then
/// what was counted and why; then the `worst` points of each metric. Columns of figures that mean what they say, and
/// the median of all, trapped ones included. Errors are |ln(predicted / measured)|: 0.05 is 5 %.
[[nodiscard]] std::string score_table(const metrics::Scoreboard& board, const std::vector<metrics::ScoredPoint>& points,
                                      std::size_t worst);

/// A line a point: what was predicted and measured, and what is wrong with it.
[[nodiscard]] std::string point_lines(const std::vector<metrics::ScoredPoint>& points);

/// points.csv: a row a point, in order; empty fields where there is no figure. tools/plot/scatter.py reads it.
void write_points(const std::vector<metrics::ScoredPoint>& points, std::ostream& out);

/// scoreboard.csv: a row a line of the scoreboard and metric. `set` is the file's name without its folder.
void write_scores(const metrics::Scoreboard& board, std::ostream& out);

/// scoreboard.json: the same with the counts.
void write_score_json(const metrics::Scoreboard& board, const std::vector<metrics::ScoredPoint>& points,
                      std::ostream& out);

/// models/catalog/accuracy.csv: a row a line, in order.
void write_accuracy(const std::vector<metrics::AccuracyLine>& lines, std::ostream& out);

}  // namespace tokenyard::report
