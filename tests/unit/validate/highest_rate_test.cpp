#include "sim/validate/highest_rate.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

using namespace tokenyard::validate;

namespace {

struct Answer {
  std::optional<int> largest;
  std::vector<int> asked;
};

Answer search(int first, int edge, int farthest = 200) {
  Answer answer;
  answer.largest = largest_good(first, farthest, [&](int number) {
    answer.asked.push_back(number);
    return number <= edge;
  });
  return answer;
}

std::string setting(const Point& point, const std::string& path) {
  for (const auto& one : point.settings) {
    if (one.path == path) return one.value;
  }
  return "";
}

}  // namespace

TEST_CASE("highest rate: the largest good number is found from wherever the search begins") {
  for (int first = -40; first <= 40; ++first) {
    CAPTURE(first);
    CHECK(search(first, 3).largest == 3);
  }
}

TEST_CASE("highest rate: no number is asked for twice and the last good one is the answer") {
  // Up: 0 and 8 good, 24 bad; halves 16 and 12 and 10 and 11 and no more between 11 and 12.
  CHECK(search(0, 11).asked == std::vector<int>{0, 8, 24, 16, 12, 10, 11});
  // Down: 0 and -8 bad, -24 good; -16, -20, -18, -19.
  CHECK(search(0, -19).asked == std::vector<int>{0, -8, -24, -16, -20, -18, -19});
  CHECK(search(0, -19).largest == -19);
}

TEST_CASE("highest rate: an edge that is too far away is none") {
  CHECK_FALSE(search(0, 1000, 100).largest);
  CHECK_FALSE(search(0, -1000, 100).largest);
  CHECK(search(0, 90, 130).largest == 90);  // 0, 8, 24, 56, 120
}

TEST_CASE("highest rate: a trial has the rate and as many requests as come in its span") {
  Point point;
  point.search = RateSearch{.start = 1, .ttft_s = 2, .tpot_s = 0.2, .span_s = 200, .tokens = 1};
  const Point fast = at_rate(point, 50);
  CHECK(setting(fast, "workload.arrivals.rate") == "50/s");
  CHECK(setting(fast, "workload.requests") == "10000");
  CHECK(setting(fast, "workload.warm_up") == "80s");  // 0.4 of 200 s
  CHECK(setting(at_rate(point, 2), "workload.requests") == "2000");
  CHECK(setting(at_rate(point, 2), "workload.warm_up") == "400s");  // of 1,000
  CHECK(setting(at_rate(point, 5000), "workload.requests") == "100000");
}
