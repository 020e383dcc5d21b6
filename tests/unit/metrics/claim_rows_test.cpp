#include "sim/metrics/claim_rows.hpp"

#include <doctest/doctest.h>

using namespace tokenyard::metrics;

namespace {

ClaimTestRow test(const char* what, std::vector<ClaimValue> values) {
  ClaimTestRow row{.what = what, .unit = ""};
  row.values = std::move(values);
  return row;
}
ClaimValue outcome(Verdict verdict, const char* set_up = "") { return {.set_up = set_up, .verdict = verdict}; }

ClaimRow concluded(std::vector<ClaimTestRow> tests) {
  ClaimRow claim{.id = "X", .claim = "x"};
  claim.tests = std::move(tests);
  conclude(claim);
  return claim;
}

}  // namespace

TEST_CASE("verdict of a value: an error that reaches over the edge of the range decides nothing") {
  const ClaimRange range{10.0, 20.0};
  CHECK(verdict_of(14.0, 0.0, range) == Verdict::Supported);
  CHECK(verdict_of(10.0, 0.0, range) == Verdict::Supported);  // ends belong to it
  CHECK(verdict_of(21.0, 0.0, range) == Verdict::Contradicted);
  CHECK(verdict_of(14.0, 0.3, range) == Verdict::Supported);     // 10.4 to 18.9
  CHECK(verdict_of(14.0, 0.4, range) == Verdict::WithinError);   // 9.4 to 20.9
  CHECK(verdict_of(40.0, 0.4, range) == Verdict::Contradicted);  // 26.8 at least
  CHECK(verdict_of(25.0, 0.4, range) == Verdict::WithinError);   // 16.8 at least
  CHECK(verdict_of(100.0, 0.4, ClaimRange{30.0, {}}) == Verdict::Supported);
  CHECK(verdict_of(-1.0, 0.4, ClaimRange{0.0, {}}) == Verdict::Contradicted);
  CHECK(verdict_of(0.0, 0.4, range) == Verdict::WithinError);  // no factor makes anything of it
  CHECK(verdict_of(0.0, 0.0, range) == Verdict::Contradicted);
}

TEST_CASE("verdict of a test: it depends where one set-up supports and another contradicts") {
  using enum Verdict;
  CHECK(verdict_of({outcome(Supported), outcome(Contradicted, "b")}) == Depends);
  CHECK(verdict_of({outcome(WithinError), outcome(Supported, "a"), outcome(Contradicted, "b")}) == Depends);
  CHECK(verdict_of({outcome(Supported), outcome(WithinError, "a")}) == Supported);
  CHECK(verdict_of({outcome(WithinError), outcome(Supported, "a")}) == WithinError);
}

TEST_CASE("verdict of a claim: it names on what it depends") {
  using enum Verdict;
  const ClaimRow flips = concluded({test("TPOT", {outcome(Supported), outcome(Contradicted, "64 users")})});
  CHECK(flips.verdict == Depends);
  CHECK(flips.because == "TPOT: holds as run; not 64 users");
  const ClaimRow mixed = concluded({test("peak", {outcome(Supported)}), test("decode", {outcome(Contradicted)})});
  CHECK(mixed.verdict == Depends);
  CHECK(mixed.because == "holds: peak; does not: decode");
  CHECK(concluded({test("a", {outcome(Supported)}), test("b", {outcome(Supported)})}).verdict == Supported);
  CHECK(concluded({test("a", {outcome(Contradicted)}), test("b", {outcome(WithinError)})}).verdict == Contradicted);
  CHECK(concluded({test("a", {outcome(Supported)}), test("b", {outcome(WithinError)})}).verdict == WithinError);
}
