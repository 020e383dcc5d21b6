#include "workloads/impatient_source.hpp"

#include "tests/support/scripted.hpp"
#include "workloads/make_request_source.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::workloads;
using doctest::Approx;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::unique_ptr<RequestSource> rows(std::uint32_t count, std::int64_t gap_s) {
  std::vector<test::ScriptedSource::Row> all;
  for (std::uint32_t i = 0; i < count; ++i) all.push_back({i * gap_s * kSecond, 10 + i, 5});
  return std::make_unique<test::ScriptedSource>(all);
}

SloClass hasty(const PatienceSpec& patience) {
  return {.name = "hasty", .ttft = Seconds{1}, .tpot = Seconds{1}, .patience = patience};
}

}  // namespace

TEST_CASE("impatient source: spans follow their laws") {
  // 1e5 draws of an exponential law: the mean is good to 1 / sqrt(1e5) = 0.3 %, the share to 0.16 points.
  ImpatientSource source(
      rows(100'000, 1),
      {hasty({.first_token = ExponentialTime{Seconds{4}}, .cancel = 0.25, .cancel_after = ConstantTime{Seconds{9}}})},
      1, std::nullopt);
  CHECK_FALSE(source.interactive());
  double sum = 0;
  std::uint64_t enough = 0;
  while (const auto arrival = source.next()) {
    const Patience& patience = arrival->fate.patience;
    sum += patience.first_token.seconds().value();
    CHECK(patience.answer == (patience.seen_enough ? SimTime{9 * kSecond} : SimTime::never()));
    if (patience.seen_enough) ++enough;
  }
  CHECK(sum / 1e5 == Approx(4.0).epsilon(0.01));
  CHECK(static_cast<double>(enough) / 1e5 == Approx(0.25).epsilon(0.02));
}

TEST_CASE("impatient source: a class without patience waits for ever") {
  ImpatientSource source(rows(1, 1), {{.name = "calm", .ttft = Seconds{1}, .tpot = Seconds{1}}}, 1, std::nullopt);
  const auto arrival = source.next();
  CHECK(arrival->fate.patience.first_token == SimTime::never());
  CHECK(arrival->fate.patience.answer == SimTime::never());
}

TEST_CASE("impatient source: who times out asks again after a doubled back-off until the attempts are used up") {
  ImpatientSource source(rows(1, 1),
                         {hasty({.first_token = ConstantTime{Seconds{5}}, .attempts = 3, .backoff = Seconds{2}})}, 1,
                         std::nullopt);
  REQUIRE(source.interactive());
  std::vector<std::int64_t> sent;
  for (std::uint32_t i = 0; i < 3; ++i) {
    REQUIRE(source.due().has_value());
    CHECK_FALSE(source.exhausted());
    const auto arrival = source.next();
    CHECK(arrival->request.id == RequestId{i});
    CHECK(arrival->request.prompt_tokens == 10);  // the same question
    sent.push_back(arrival->request.arrival.ns() / kSecond);
    source.on_end(arrival->request.id, arrival->request.arrival + SimTime{5 * kSecond}, Ending::TimedOut);
  }
  CHECK(sent == std::vector<std::int64_t>{0, 7, 16});  // 5 s of patience, then 2 s and 4 s
  CHECK_FALSE(source.due().has_value());
  CHECK(source.exhausted());
  CHECK(source.notes() ==
        std::vector<std::string>{
            "2 of the requests are further attempts after a time-out or a rejection; 1 users gave up for good"});
}

TEST_CASE("impatient source: attempts and new requests come in order of time") {
  ImpatientSource source(rows(3, 4),
                         {hasty({.first_token = ConstantTime{Seconds{2}}, .attempts = 2, .backoff = Seconds{3}})}, 1,
                         std::nullopt);
  // At 0, 4 and 8 s; the first times out at 2 s and comes again at 5 s.
  const auto first = source.next();
  source.on_end(first->request.id, SimTime{2 * kSecond}, Ending::TimedOut);
  CHECK(source.due() == SimTime{4 * kSecond});
  CHECK(source.next()->request.prompt_tokens == 11);
  const auto again = source.next();
  CHECK(again->request.arrival == SimTime{5 * kSecond});
  CHECK(again->request.prompt_tokens == 10);
  source.on_end(again->request.id, SimTime{6 * kSecond}, Ending::Answered);
  CHECK(source.next()->request.prompt_tokens == 12);
  CHECK_FALSE(source.due().has_value());
  CHECK_FALSE(source.exhausted());  // two are in flight that may come again
}

TEST_CASE("impatient source: nothing is sent again after the duration and what was cancelled never is") {
  const std::vector<SloClass> classes{
      hasty({.answer = ConstantTime{Seconds{5}}, .attempts = 9, .backoff = Seconds{2}})};
  ImpatientSource ended(rows(1, 1), classes, 1, SimTime{6 * kSecond});
  ended.on_end(ended.next()->request.id, SimTime{5 * kSecond}, Ending::TimedOut);
  CHECK(ended.exhausted());
  ImpatientSource enough(rows(1, 1), classes, 1, std::nullopt);
  enough.on_end(enough.next()->request.id, SimTime{5 * kSecond}, Ending::Cancelled);
  CHECK(enough.exhausted());
}

TEST_CASE("impatient source: users of a closed loop try again before they ask something new") {
  WorkloadSpec spec{.source = SyntheticSpec{.arrivals = ClosedLoop{.concurrency = 1},
                                            .clients = {{.name = "all",
                                                         .prompt = UniformLength{.min = 1, .max = 1'000'000},
                                                         .output = ConstantLength{.tokens = 5}}}},
                    .requests = 10,
                    .classes = {hasty({.answer = ConstantTime{Seconds{5}}, .attempts = 2, .backoff = Seconds{1}})}};
  const auto source = make_request_source(spec, 1, nullptr);
  REQUIRE(source->interactive());
  const auto first = source->next();
  CHECK_FALSE(source->due().has_value());
  source->on_end(first->request.id, SimTime{5 * kSecond}, Ending::TimedOut);
  const auto again = source->next();
  CHECK(again->request.prompt_tokens == first->request.prompt_tokens);
  CHECK(again->request.arrival == SimTime{6 * kSecond});
  source->on_end(again->request.id, SimTime{11 * kSecond}, Ending::TimedOut);
  const auto other = source->next();
  CHECK(other->request.arrival == SimTime{11 * kSecond});
  CHECK(other->request.prompt_tokens != first->request.prompt_tokens);
}
