#pragma once

#include "sim/config/yaml_map.hpp"
#include "sim/metrics/claim_rows.hpp"
#include "sim/run/collective_question.hpp"
#include "sim/run/explain.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tokenyard::claims {

/// Something to play, price or count: its figures have paths.
struct Ask {
  std::filesystem::path experiment{};  ///< empty: `machine` is looked at
  std::string machine{};
  std::vector<config::Override> settings{};
  std::optional<StepQuestion> explain{};  ///< given: one step is priced instead of a run

  std::optional<CollectiveQuestion>
      collective{};  ///< given: one collective of the machine is priced; its own machine is empty

  /// Says all of the above word for word: equal asks have equal answers.
  [[nodiscard]] std::string key() const;
};

/// A named run of a claim; with a sweep, one ask a value.
struct Run {
  std::string name;
  Ask ask;
  std::string sweep_key{};  ///< empty: no sweep
  std::vector<std::string> sweep_values{};
  std::shared_ptr<const config::YamlMap> source{};
};

struct Variant {
  std::string name;
  std::vector<config::Override> settings{};
  std::vector<std::string> runs{};  ///< empty: all
};

struct Test {
  metrics::ClaimTestRow row;  ///< without values
  std::string value;          ///< an expression, see expression.hpp
  std::optional<double> error{};
  std::shared_ptr<const config::YamlMap> source{};
};

struct Curve {
  std::string name, x, y;
  std::shared_ptr<const config::YamlMap> source{};
};

struct Claim {
  metrics::ClaimRow row;  ///< without results
  std::vector<Run> runs{};
  std::vector<Variant> variants{};
  std::vector<Test> tests{};
  std::optional<metrics::ClaimFigure> figure{};  ///< without curves
  std::vector<Curve> curves{};
};

/// The asks of `run`, one or one a value of its sweep, under `variant` (nullptr: as it stands).
[[nodiscard]] std::vector<Ask> asks_of(const Run& run, const Variant* variant);

/// FOLDER/claim.yaml; the claim's id is the folder's name. Throws UserError with the place of what is wrong.
[[nodiscard]] Claim read_claim(const std::filesystem::path& folder);

/// The claims of FILE (configs/claims/not-yet.yaml) that nothing here tests: rows with id, claim, document and reason.
[[nodiscard]] std::vector<metrics::ClaimRow> read_open_claims(const std::filesystem::path& file);

}  // namespace tokenyard::claims
