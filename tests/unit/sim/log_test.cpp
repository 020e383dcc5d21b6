#include "sim/log/log.hpp"

#include "models/base/errors.hpp"
#include "tests/support/captured_output.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <string>

using namespace tokenyard;

namespace {

template <class Write>
std::string stderr_of(Write write) {
  return tests::output_of(STDERR_FILENO, write);
}

}  // namespace

TEST_CASE("log: a line has its level and its logger's name and its values") {
  const log::Logger logger("serving");
  const std::string name = "m";
  CHECK(stderr_of([&] { logger.info("request {} waits: {} of {:.1f} {} {}", 7U, -3, 2.5, name, true); }) ==
        "info serving: request 7 waits: -3 of 2.5 m true\n");
  CHECK(stderr_of([&] { logger.error("braces {{}}"); }) == "error serving: braces {}\n");
}

TEST_CASE("log: the level decides for loggers made before and after") {
  const log::Logger before("before");
  CHECK_FALSE(before.should_log(log::Level::Debug));
  CHECK(before.should_log(log::Level::Info));
  log::set_level("debug");
  const log::Logger after("after");
  CHECK(before.should_log(log::Level::Debug));
  CHECK(after.should_log(log::Level::Debug));
  CHECK_FALSE(after.should_log(log::Level::Trace));
  log::set_level("warn");
  CHECK(stderr_of([&] {
          after.info("no");
          before.warn("yes");
        }) == "warning before: yes\n");
  log::set_level("off");
  CHECK(stderr_of([&] { before.error("no"); }).empty());
}

TEST_CASE("log: an unknown level is refused with the names of the known ones") {
  CHECK_THROWS_WITH_AS(log::set_level("loud"),
                       "log_level: no level is called \"loud\"; there are trace, debug, info, warn, error, off",
                       SpecError);
}

TEST_CASE("log: lines carry the simulated time while somebody tells it") {
  const log::Logger logger("engine");
  SimTime now{1'250'000'001};
  {
    const log::ClockInLog clock([&] { return now; });
    CHECK(stderr_of([&] { logger.info("a"); }) == "[1.250000001 s] info engine: a\n");
    now = SimTime{0};
    const log::Logger second("other");
    CHECK(stderr_of([&] { second.warn("b"); }) == "[0.000000000 s] warning other: b\n");
  }
  CHECK(stderr_of([&] { logger.info("c"); }) == "info engine: c\n");
}
