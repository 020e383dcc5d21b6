#pragma once

#include "sim/files/csv_table.hpp"
#include "sim/validate/point.hpp"

namespace tokenyard::validate {

/// Published figures of single systems, each with the experiment that plays it: id, config (an experiment file below
/// the catalogue root), settings (PATH=VALUE; PATH=VALUE ... over it, may be empty), model, chip, precision, engine,
/// traffic (as the scoreboard lists them), figure, value, unit, source. Figures and units:
///   ttft | tpot | e2e with _mean, _p50, _p90 or _p99          s, ms
///   output_rate (after warm-up), output_rate_to_end (all tokens over the makespan)     tok/s, of all chips that run
///   output_rate_per_chip, prompt_rate_per_chip                 tok/s
/// A column `trap` may say why a figure does not mean what it seems to; it is played and counted apart.
/// Throws UserError "file:line: column: ..." for a figure or unit that is none of these, for one that does not go with
/// the other, for a setting without '=', and for a row without config, value or source.
[[nodiscard]] MeasuredSet read_figures(const files::CsvTable& table);

}  // namespace tokenyard::validate
