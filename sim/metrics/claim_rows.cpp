#include "sim/metrics/claim_rows.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <cmath>

namespace tokenyard::metrics {
namespace {

bool any(const std::vector<ClaimTestRow>& tests, Verdict verdict) {
  return std::any_of(tests.begin(), tests.end(), [&](const ClaimTestRow& test) { return test.verdict == verdict; });
}

std::string names(const std::vector<ClaimTestRow>& tests, Verdict verdict) {
  std::string all;
  for (const ClaimTestRow& test : tests) {
    if (test.verdict == verdict) all += (all.empty() ? "" : ", ") + test.what;
  }
  return all;
}

/// "TPOT: holds as run; not with 64 users, a slower fabric"
std::string flips(const ClaimTestRow& test) {
  std::string holds;
  std::string fails;
  for (const ClaimValue& value : test.values) {
    if (value.verdict == Verdict::WithinError) continue;
    std::string& side = value.verdict == Verdict::Supported ? holds : fails;
    side += (side.empty() ? "" : ", ") + (value.set_up.empty() ? std::string("as run") : value.set_up);
  }
  return test.what + ": holds " + holds + "; not " + fails;
}

}  // namespace

const char* name(Verdict verdict) {
  switch (verdict) {
    case Verdict::Supported:
      return "supported";
    case Verdict::Contradicted:
      return "contradicted";
    case Verdict::Depends:
      return "depends";
    case Verdict::WithinError:
      return "within error";
    case Verdict::NotYet:
      return "not yet";
    case Verdict::Failed:
      return "failed";
  }
  return "";
}

Verdict verdict_of(double value, double error, const ClaimRange& claimed) {
  if (!(std::abs(value) > 0.0) && error > 0.0) return Verdict::WithinError;
  const double low = value * std::exp(value < 0.0 ? error : -error);
  const double high = value * std::exp(value < 0.0 ? -error : error);
  if (claimed.holds(low) && claimed.holds(high)) return Verdict::Supported;
  const bool below = claimed.from && high < *claimed.from;
  const bool above = claimed.to && low > *claimed.to;
  return below || above ? Verdict::Contradicted : Verdict::WithinError;
}

Verdict verdict_of(const std::vector<ClaimValue>& values) {
  expect(!values.empty(), "a test has a value");
  const auto has = [&](Verdict verdict) {
    return std::any_of(values.begin(), values.end(), [&](const ClaimValue& one) { return one.verdict == verdict; });
  };
  if (has(Verdict::Supported) && has(Verdict::Contradicted)) return Verdict::Depends;
  return values.front().verdict;
}

void conclude(ClaimRow& claim) {
  expect(!claim.tests.empty(), "a claim has a test");
  for (ClaimTestRow& test : claim.tests) test.verdict = verdict_of(test.values);
  const bool supported = any(claim.tests, Verdict::Supported);
  const bool contradicted = any(claim.tests, Verdict::Contradicted);
  claim.because.clear();
  for (const ClaimTestRow& test : claim.tests) {
    if (test.verdict == Verdict::Depends) claim.because += (claim.because.empty() ? "" : "; ") + flips(test);
  }
  if (supported && (contradicted || !claim.because.empty())) {
    claim.because += (claim.because.empty() ? "" : "; ") + ("holds: " + names(claim.tests, Verdict::Supported));
  }
  if (contradicted && !claim.because.empty()) {
    claim.because += "; does not: " + names(claim.tests, Verdict::Contradicted);
  }
  if (!claim.because.empty()) {
    claim.verdict = Verdict::Depends;
  } else if (contradicted) {
    claim.verdict = Verdict::Contradicted;
  } else {
    const bool within = any(claim.tests, Verdict::WithinError);
    claim.verdict = within ? Verdict::WithinError : Verdict::Supported;
    if (within && supported) claim.because = "within the error: " + names(claim.tests, Verdict::WithinError);
  }
}

}  // namespace tokenyard::metrics
