#include "sim/metrics/scoreboard.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace tokenyard::metrics;

namespace {

ScoredPoint point(const char* chip, double predicted, double measured, const char* trap = "") {
  ScoredPoint point{.set = "a.csv", .chip = chip, .model = "m", .precision = "fp8", .engine = "vllm"};
  point.compared[static_cast<std::size_t>(Metric::Tpot)] = Comparison{predicted, measured, trap};
  return point;
}

const ErrorFigures& tpot(const std::array<ErrorFigures, kMetrics>& figures) {
  return figures[static_cast<std::size_t>(Metric::Tpot)];
}

}  // namespace

TEST_CASE("scoreboard: errors of half and of double are equally large and their bias tells the side") {
  CHECK(Comparison{2.0, 1.0, ""}.error() == doctest::Approx(std::log(2.0)).epsilon(1e-15));
  CHECK(Comparison{0.5, 1.0, ""}.error() == doctest::Approx(-std::log(2.0)).epsilon(1e-15));
}

TEST_CASE("scoreboard: figures are nearest rank on absolute errors and the bias is the median with sign") {
  // sizes 1 2 3 4 5: median the 3rd, p90 the ceil(4.5) = 5th; signed -5 -3 -1 2 4: the 3rd
  const ErrorFigures figures = error_figures({-0.1, 0.2, -0.3, 0.4, -0.5});
  CHECK(figures.n == 5);
  CHECK(figures.median == 0.3);
  CHECK(figures.p90 == 0.5);
  CHECK(figures.mean == doctest::Approx(0.3).epsilon(1e-15));
  CHECK(figures.bias == -0.1);
  CHECK(error_figures({}).n == 0);
}

TEST_CASE("scoreboard: the order of points does not matter to any figure") {
  const ErrorFigures a = error_figures({0.3, -0.2, 0.1, -0.7});
  const ErrorFigures b = error_figures({-0.7, 0.1, -0.2, 0.3});
  CHECK(a.median == b.median);
  CHECK(a.mean == b.mean);
  CHECK(a.bias == b.bias);
}

TEST_CASE("scoreboard: trapped figures count among all and not among those that mean what they say") {
  const Scoreboard board =
      scoreboard({point("h100", 1.1, 1.0), point("h100", 9.0, 1.0, "flat"), point("h200", 1.0, 1.0)});
  REQUIRE(board.rows.size() == 2);
  CHECK(tpot(board.rows[0].meant).n == 1);
  CHECK(tpot(board.rows[0].all).n == 2);
  CHECK(tpot(board.rows[0].meant).bias == doctest::Approx(std::log(1.1)).epsilon(1e-15));
  REQUIRE(board.totals.size() == 1);
  CHECK(tpot(board.totals[0].all).n == 3);
  REQUIRE(board.trapped.size() == 1);
  CHECK(board.trapped[0] == std::pair<std::string, std::size_t>{"flat", 1});
}

TEST_CASE("scoreboard: every row is played or repeated or refused with a reason that is counted") {
  ScoredPoint refused = point("h100", 1.0, 1.0);
  refused.fate = RowFate::Refused;
  refused.why = "weights of 3 GB do not fit";
  refused.reason = "does not fit";
  ScoredPoint other = refused;
  other.why = "weights of 4 GB do not fit";
  ScoredPoint repeat = point("h100", 1.0, 1.0);
  repeat.fate = RowFate::Repeat;
  const Scoreboard board = scoreboard({refused, point("h100", 1.0, 1.0), repeat, other});
  CHECK(board.points == 4);
  CHECK(board.played == 1);
  CHECK(board.repeats == 1);
  REQUIRE(board.refused.size() == 1);
  CHECK(board.refused[0] == std::pair<std::string, std::size_t>{"does not fit", 2});
  CHECK(board.rows.size() == 1);
}

TEST_CASE("scoreboard: the worst points are those that mean what they say and ties keep their order") {
  const std::vector<ScoredPoint> points{point("a", 1.1, 1.0), point("b", 9.0, 1.0, "flat"), point("c", 3.0, 1.0),
                                        point("d", 1.0, 3.0)};
  // |ln| of c and d are equal to rounding: 3/1 and 1/3
  const auto worst = worst_points(points, Metric::Tpot, 2);
  REQUIRE(worst.size() == 2);
  CHECK(worst[0] + worst[1] == 2 + 3);
  CHECK(worst_points(points, Metric::Ttft, 2).empty());
}
