#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tokenyard::metrics {

/// What became of a claim, or of one of its tests.
enum class Verdict : std::uint8_t {
  Supported,
  Contradicted,
  Depends,      ///< supported in one plausible set-up, contradicted in another
  WithinError,  ///< the range's edge is nearer than the simulator's own error
  NotYet,       ///< nothing here can test it
  Failed        ///< its runs ended with a mistake
};

/// "supported", "contradicted", "depends", "within error", "not yet", "failed".
[[nodiscard]] const char* name(Verdict verdict);

/// From `from` to `to`, ends included; an end that is absent is open.
struct ClaimRange {
  std::optional<double> from{};
  std::optional<double> to{};
  [[nodiscard]] bool holds(double value) const { return (!from || value >= *from) && (!to || value <= *to); }
};

/// One value under one set-up.
struct ClaimValue {
  std::string set_up;  ///< empty: the runs as they stand; else the variant's name
  double value = 0;    ///< in the test's unit
  double error = 0;    ///< |ln(simulated / measured)| to be expected of it; 0: it is counted, not modelled
  Verdict verdict = Verdict::Supported;  ///< Supported, Contradicted or WithinError
};

/// One test of a claim.
struct ClaimTestRow {
  std::string what;
  std::string unit;  ///< empty: none
  ClaimRange claimed{};
  std::optional<ClaimRange> evidence{};
  std::string evidence_source{};
  std::string error_source{};        ///< empty: the measured serving points of models/catalog/accuracy.csv
  std::vector<ClaimValue> values{};  ///< the runs as they stand, then a variant each
  Verdict verdict = Verdict::Supported;
};

struct ClaimCurve {
  std::string name;
  std::vector<double> x{};
  std::vector<double> y{};  ///< as many
};

struct ClaimFigure {
  std::string x;
  std::string y;
  bool logarithmic = true;
  std::vector<ClaimCurve> curves{};
};

/// One claim and what became of it.
struct ClaimRow {
  std::string id;  ///< "S2-24"
  std::string claim;
  std::string quote{};  ///< UTF-8, as the document has it
  std::string document{};
  std::string measured{};
  std::string fair{};
  std::vector<ClaimTestRow> tests{};
  std::optional<ClaimFigure> figure{};
  std::vector<std::string> confidence{};  ///< of its runs, a line each, without repeats
  Verdict verdict = Verdict::NotYet;
  std::string because{};  ///< on what it depends, what is missing, or what went wrong
};

/// Of one value: WithinError when [value e^-error, value e^error] lies neither inside nor outside of the range, and of
/// 0 with an error: that something keeps no target at all says nothing of how nearly it does.
[[nodiscard]] Verdict verdict_of(double value, double error, const ClaimRange& claimed);

/// Of a test over its set-ups: Depends where one supports and another contradicts; else what the runs as they stand
/// say.
[[nodiscard]] Verdict verdict_of(const std::vector<ClaimValue>& values);

/// Of a claim: Depends where a test does, or where one supports and another contradicts; else Contradicted where one
/// is; else Supported where one is and none is within the error; else WithinError. Fills `because`: on what a test
/// depends, and which hold and which do not where there are both. REQUIRES: a test.
void conclude(ClaimRow& claim);

}  // namespace tokenyard::metrics
