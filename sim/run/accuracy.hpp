#pragma once

#include "sim/config/experiment.hpp"
#include "sim/metrics/confidence.hpp"
#include "sim/metrics/summary.hpp"

#include <string>
#include <vector>

namespace tokenyard {

/// Lines of a file as report::write_accuracy writes it. Throws UserError "path:line: column: what" when it is not one.
[[nodiscard]] std::vector<metrics::AccuracyLine> read_accuracy(const std::string& path);

/// How far to trust TTFT and TPOT of a run: the errors of models/catalog/accuracy.csv where something like it was
/// measured. Nothing is known where the catalogue has no such file.
[[nodiscard]] std::vector<metrics::Confidence> confidence_of_run(const config::Experiment& experiment,
                                                                 const metrics::Summary& summary);

/// The kind of engine that forms the steps of a pool, as YAML has it.
[[nodiscard]] std::string engine_kind(const config::EngineSpec& engine);

/// The format of the weights that lead the steps of a pool: of the experts, else of all: "fp8_block".
[[nodiscard]] std::string leading_format(const config::Experiment& experiment, const config::PoolSpec& pool);

/// Tokens of a measured request's prompt on the mean; 0 without requests.
[[nodiscard]] double mean_prompt(const metrics::Summary& summary);

/// Whether the coefficients that lead the price of a pool's steps were fitted on measured kernels.
[[nodiscard]] bool has_kernel_tables(const config::Experiment& experiment, const config::PoolSpec& pool);

}  // namespace tokenyard
