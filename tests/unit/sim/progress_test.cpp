#include "sim/log/progress.hpp"

#include <doctest/doctest.h>

#include <sstream>

using namespace tokenyard;
using namespace std::chrono_literals;

TEST_CASE("progress: a line at most every 200 ms of wall time and asked for only then") {
  std::ostringstream out;
  std::chrono::steady_clock::time_point wall{};
  int looks = 0;
  int asked = 0;
  {
    log::Progress progress(out, [&] {
      ++looks;
      return wall;
    });
    const auto tick = [&](std::uint64_t times) {
      for (std::uint64_t i = 0; i < times; ++i) {
        progress.tick([&] {
          ++asked;
          return log::ProgressState{.fraction = 0.25, .now = SimTime{1'500'000'000}, .requests_done = 12};
        });
      }
    };
    tick(10 * log::Progress::kCallsPerLook);
    CHECK(looks == 11);  // once at the start
    CHECK(asked == 0);
    wall += 10s;
    tick(3 * log::Progress::kCallsPerLook);
    CHECK(asked == 1);
    // A quarter in 10 s: three quarters in 30 s.
    CHECK(out.str() == "\r 25 %  1.500 s simulated  12 requests  30 s to go");
    wall += 199ms;
    tick(log::Progress::kCallsPerLook);
    CHECK(asked == 1);
    wall += 1ms;
    tick(log::Progress::kCallsPerLook);
    CHECK(asked == 2);
  }
  CHECK(out.str().ends_with("\r" + std::string(49, ' ') + "\r"));  // wiped: the last line has 49 characters
}

TEST_CASE("progress: nobody watches a stderr that is no terminal") {
  log::Progress progress;
  int asked = 0;
  for (int i = 0; i < 100'000; ++i) {
    progress.tick([&] {
      ++asked;
      return log::ProgressState{};
    });
  }
  CHECK(asked == 0);
}
