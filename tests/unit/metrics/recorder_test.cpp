#include "sim/metrics/recorder.hpp"

#include "models/base/errors.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tokenyard;
using namespace tokenyard::metrics;

namespace {

constexpr std::int64_t kMs = 1'000'000;

SimTime ms(std::int64_t value) { return SimTime{value * kMs}; }

const std::vector<SloTarget> kClasses{{.name = "chat", .ttft = Seconds{0.1}, .tpot = Seconds{0.02}},
                                      {.name = "batch", .ttft = Seconds{10.0}, .tpot = Seconds{1.0}}};

/// Waits 10 ms, prefills until `ttft_ms`, then gives a token every `gap_ms`.
RequestRecord request(std::int64_t arrival_ms, std::int64_t ttft_ms, std::uint32_t output, std::int64_t gap_ms,
                      std::uint32_t slo_class = 0) {
  const std::int64_t decode_ms = gap_ms * (output - 1);
  return {.slo_class = ClassId{slo_class},
          .prompt_tokens = 50,
          .output_tokens = output,
          .arrival = ms(arrival_ms),
          .admitted = ms(arrival_ms + 10),
          .first_token = ms(arrival_ms + ttft_ms),
          .last_token = ms(arrival_ms + ttft_ms + decode_ms),
          .queue = ms(10),
          .prefill = ms(ttft_ms - 10),
          .decode = ms(decode_ms)};
}

std::string broken(const RequestRecord& record) {
  Recorder recorder(SimTime{}, kClasses, false, false);
  try {
    recorder.request(record);
  } catch (const BugError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("request record: TTFT and TPOT and latency are differences of its instants") {
  const RequestRecord record = request(1'000, 60, 5, 20);
  CHECK(record.ttft() == ms(60));
  CHECK(record.ttft_from_admission() == ms(50));
  CHECK(record.latency() == ms(140));  // 60 + 4 * 20
  CHECK(record.tpot() == ms(20));
  CHECK(request(0, 60, 1, 20).tpot() == SimTime{});
}

TEST_CASE("recorder: parts that do not add up to the latency are a bug") {
  RequestRecord record = request(0, 60, 5, 20);
  CHECK(broken(record).empty());
  record.kv_wait = SimTime{1};
  CHECK(broken(record).find("the parts of a latency add up to it") != std::string::npos);
  record.decode -= SimTime{1};
  CHECK(broken(record).empty());
}

TEST_CASE("recorder: a negative part is a bug even when the sum is right") {
  RequestRecord record = request(0, 60, 5, 20);
  record.preempted = SimTime{-1};
  record.decode += SimTime{1};
  CHECK(broken(record).find("no part of a latency is negative") != std::string::npos);
}

TEST_CASE("recorder: goodput is counted by class and takes both targets") {
  Recorder recorder(SimTime{}, kClasses, false, false);
  recorder.request(request(0, 100, 11, 20));     // both met, just
  recorder.request(request(0, 101, 11, 20));     // TTFT missed
  recorder.request(request(0, 100, 11, 21));     // TPOT missed
  recorder.request(request(0, 100, 1, 0));       // a single token has no TPOT to miss
  recorder.request(request(0, 101, 11, 21, 1));  // the other class allows that
  const ClassFigures& chat = recorder.by_class[0];
  CHECK(chat.requests == 4);
  CHECK(chat.output_tokens == 34);
  CHECK(chat.good_requests == 2);
  CHECK(chat.good_output_tokens == 12);
  CHECK(recorder.by_class[1].good_requests == 1);
  CHECK(recorder.by_class[1].good_output_tokens == 11);
}

TEST_CASE("recorder: a deadline for the whole answer is a target like the others") {
  // 100 ms to the first of 11 tokens, 20 ms each of the others: 300 ms in all.
  const std::vector<SloTarget> classes{{"dated", Seconds{1.0}, Seconds{1.0}, Seconds{0.3}}};
  Recorder recorder(SimTime{}, classes, false, false);
  recorder.request(request(0, 100, 11, 20));
  CHECK(recorder.by_class[0].good_requests == 1);
  recorder.request(request(0, 101, 11, 20));
  CHECK(recorder.by_class[0].good_requests == 1);
}

TEST_CASE("recorder: latencies of several classes are kept apart and those of one class are all there are") {
  Recorder several(SimTime{}, kClasses, false, false);
  several.request(request(0, 100, 11, 20));
  several.request(request(0, 300, 11, 40, 1));
  several.request(request(0, 500, 1, 0, 1));  // one token has no TPOT
  REQUIRE(several.class_ttft.size() == 2);
  CHECK(several.class_ttft[0].count() == 1);
  CHECK(several.class_ttft[1].count() == 2);
  CHECK(several.class_ttft[1].mean().value() == doctest::Approx(0.400).epsilon(1e-12));  // rounding only
  CHECK(several.class_tpot[1].count() == 1);
  Recorder one(SimTime{}, {kClasses[0]}, false, false);
  one.request(request(0, 100, 11, 20));
  CHECK(one.class_ttft.empty());
}

TEST_CASE("recorder: a second tenant finds the first one's latencies kept") {
  Recorder recorder(SimTime{}, kClasses, false, false);
  recorder.request(request(0, 100, 11, 20));
  recorder.request(request(0, 300, 11, 40));
  RequestRecord other = request(0, 60, 5, 20);
  other.tenant = 7;
  recorder.request(other);
  recorder.request(request(0, 200, 11, 30));
  CHECK(recorder.by_tenant.at(0).ttft.count() == 3);
  CHECK(recorder.by_tenant.at(0).ttft.mean().value() == doctest::Approx(0.200).epsilon(1e-12));  // rounding only
  CHECK(recorder.by_tenant.at(0).tpot.count() == 3);
  CHECK(recorder.by_tenant.at(7).ttft.count() == 1);
}

TEST_CASE("recorder: what users give up is counted beside what finishes") {
  Recorder recorder(ms(500), kClasses, false, false);
  recorder.given_up({.id = RequestId{0}, .output_tokens = 3, .arrival = ms(100), .gone = ms(700)});  // in warm-up
  recorder.given_up({.id = RequestId{1},
                     .slo_class = ClassId{1},
                     .tenant = 4,
                     .how = metrics::GaveUp::Cancelled,
                     .output_tokens = 5,
                     .arrival = ms(600),
                     .gone = ms(900)});
  CHECK(recorder.finished == 0);
  CHECK(recorder.gone.timed_out == 1);
  CHECK(recorder.gone.cancelled == 1);
  CHECK(recorder.gone.output_tokens == 8);
  CHECK(recorder.gone_after_warm_up.requests() == 1);
  CHECK(recorder.by_class[0].given_up.requests() == 0);
  CHECK(recorder.by_class[1].given_up.cancelled == 1);
  CHECK(recorder.by_tenant.at(4).given_up.output_tokens == 5);
  CHECK(recorder.last_end == ms(900));
}

TEST_CASE("recorder: arrivals of warm-up are counted but not measured") {
  Recorder recorder(ms(500), kClasses, true, false);
  recorder.request(request(499, 60, 5, 20));
  recorder.request(request(500, 80, 3, 20));
  CHECK(recorder.finished == 2);
  CHECK(recorder.measured == 1);
  CHECK(recorder.output_tokens == 3);
  CHECK(recorder.prompt_tokens == 50);
  CHECK(recorder.ttft.count() == 1);
  CHECK(recorder.ttft.mean() == Seconds{80 * kMs * 1e-9});
  CHECK(recorder.requests().size() == 2);
  CHECK(recorder.last_end == ms(639));  // 499 + 60 + 4 * 20; the other ends at 620
  CHECK(recorder.by_class[0].requests == 1);
}

TEST_CASE("recorder: tenants have figures of their own and what the cache had is counted once") {
  Recorder recorder(ms(500), kClasses, false, false);
  RequestRecord warm = request(100, 60, 5, 20);
  warm.cached_tokens = 48;
  recorder.request(warm);
  RequestRecord one = request(1'000, 60, 5, 20);
  one.tenant = 7;
  one.cached_tokens = 32;
  recorder.request(one);
  recorder.request(request(1'000, 80, 5, 20));
  CHECK(recorder.cached_tokens == 32);  // of measured requests
  REQUIRE(recorder.by_tenant.size() == 2);
  CHECK(recorder.by_tenant.at(0).requests == 1);
  CHECK(recorder.by_tenant.at(0).cached_tokens == 0);
  CHECK(recorder.by_tenant.at(7).cached_tokens == 32);
  CHECK(recorder.by_tenant.at(7).prompt_tokens == 50);
  CHECK(recorder.by_tenant.at(7).ttft.mean().value() == doctest::Approx(0.060).epsilon(1e-12));  // rounding only
}

TEST_CASE("recorder: single tokens have no part in TPOT") {
  Recorder recorder(SimTime{}, kClasses, false, false);
  recorder.request(request(0, 60, 1, 0));
  recorder.request(request(0, 60, 2, 30));
  CHECK(recorder.tpot.count() == 1);
  CHECK(recorder.tpot.quantile(0.5) == ms(30).seconds());
  CHECK(recorder.latency.count() == 2);
}

TEST_CASE("recorder: requests and steps are kept only when asked for") {
  Recorder without(SimTime{}, kClasses, false, false);
  without.request(request(0, 60, 5, 20));
  without.step({});
  CHECK(without.requests().empty());
  CHECK(without.steps().empty());
  Recorder with(SimTime{}, kClasses, true, true);
  with.request(request(0, 60, 5, 20));
  with.step({});
  CHECK(with.requests().size() == 1);
  CHECK(with.steps().size() == 1);
}

TEST_CASE("recorder: every part has its own samples") {
  Recorder recorder(SimTime{}, kClasses, false, false);
  RequestRecord record{.output_tokens = 2};
  record.queue = ms(1);
  record.prefill = ms(2);
  record.kv_wait = ms(4);
  record.kv_transfer = ms(8);
  record.decode_wait = ms(16);
  record.preempted = ms(32);
  record.decode = ms(64);
  record.front_end = ms(128);
  record.first_token = ms(3);
  record.last_token = ms(255);
  recorder.request(record);
  for (std::size_t i = 0; i < kParts; ++i) CHECK(recorder.parts[i].mean() == ms(std::int64_t{1} << i).seconds());
}
