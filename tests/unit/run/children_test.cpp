#include "sim/run/children.hpp"

#include "models/base/errors.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

#include <csignal>
#include <cstdlib>

using namespace tokenyard;

namespace {

std::string named(std::size_t i) { return "task " + std::to_string(i); }

}  // namespace

TEST_CASE("children: answers come in the order of the tasks whatever the number of processes") {
  const auto work = [](std::size_t i) {
    ::usleep(i == 0 ? 50'000 : 0);  // the first ends last
    return std::string(100'000 * (i % 3), 'x') + std::to_string(i);
  };
  const auto one = in_children(9, {.jobs = 1}, work, named);
  const auto four = in_children(9, {.jobs = 4}, work, named);
  REQUIRE(one.size() == 9);
  for (std::size_t i = 0; i < one.size(); ++i) {
    CHECK(one[i].status == 0);
    CHECK(one[i].text == std::string(100'000 * (i % 3), 'x') + std::to_string(i));
    CHECK(four[i].text == one[i].text);
  }
}

TEST_CASE("children: one that fails says why and leaves the others to answer") {
  const auto answers = in_children(
      4, {.jobs = 2},
      [](std::size_t i) -> std::string {
        if (i == 0) throw UserError("a.csv:3: x: is wrong");
        if (i == 1) throw BugError("broken");
        if (i == 2) std::raise(SIGKILL);
        return "fine";
      },
      named);
  CHECK(answers[0].status == 2);
  CHECK(answers[0].text == "a.csv:3: x: is wrong");
  CHECK(answers[1].status == 70);
  CHECK(answers[1].text == "task 1: a mistake of ours, please report it: broken");
  CHECK(answers[2].status == 70);
  CHECK(answers[2].text == "task 2: its process died");
  CHECK(answers[3].text == "fine");
}

TEST_CASE("children: after an interrupt nothing more begins") {
  std::atomic<bool> interrupted{true};
  const auto answers =
      in_children(2, {.jobs = 1, .interrupted = &interrupted}, [](std::size_t) { return std::string("x"); }, named);
  for (const ChildAnswer& answer : answers) CHECK(answer.status == 130);
  CHECK(answers[1].text == "task 1: not played: interrupted before it began");
}

TEST_CASE("children: progress counts every one that ended") {
  std::size_t last = 0;
  ChildOptions options{.jobs = 2};
  options.progress = [&](std::size_t ended) { last = ended; };
  (void)in_children(5, options, [](std::size_t) { return std::string(); }, named);
  CHECK(last == 5);
}
