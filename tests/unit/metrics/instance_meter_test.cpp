#include "sim/metrics/instance_meter.hpp"

#include "models/base/errors.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;
using namespace tokenyard::metrics;

namespace {

SimTime at(double seconds) { return SimTime::from(Seconds{seconds}); }

constexpr double kSecondNs = 1e9;

}  // namespace

TEST_CASE("instance meter: levels are integrated into the intervals they hold in") {
  InstanceMeter meter(SimTime{}, at(1));
  meter.level(at(0.25), {.running = 2, .waiting = 1, .used_blocks = 10, .unfilled_tokens = 8});
  meter.level(at(1.5), {.running = 4, .waiting = 0, .used_blocks = 30, .unfilled_tokens = 16});
  meter.level(at(1.75), {});
  meter.level(at(3.5), {.running = 1, .waiting = 0, .used_blocks = 5});
  meter.finish(at(4.25));

  REQUIRE(meter.bins().size() == 5);
  // Second 0: 2 for 0.75 s. Second 1: 2 for 0.5 s and 4 for 0.25 s. Second 2: nothing. Second 3: 1 for 0.5 s.
  CHECK(meter.bins()[0].running_ns == 1.5 * kSecondNs);
  CHECK(meter.bins()[1].running_ns == 2.0 * kSecondNs);
  CHECK(meter.bins()[2].running_ns == 0.0);
  CHECK(meter.bins()[3].running_ns == 0.5 * kSecondNs);
  CHECK(meter.bins()[4].running_ns == 0.25 * kSecondNs);
  CHECK(meter.bins()[0].waiting_ns == 0.75 * kSecondNs);
  CHECK(meter.bins()[1].waiting_ns == 0.5 * kSecondNs);
  CHECK(meter.bins()[1].block_ns == 12.5 * kSecondNs);    // 10 for 0.5 s, 30 for 0.25 s
  CHECK(meter.bins()[1].unfilled_ns == 8.0 * kSecondNs);  // 8 for 0.5 s, 16 for 0.25 s

  CHECK(meter.running_ns() == 4.25 * kSecondNs);
  CHECK(meter.waiting_ns() == 1.25 * kSecondNs);
  CHECK(meter.block_ns() == (7.5 + 12.5 + 3.75) * kSecondNs);
  CHECK(meter.unfilled_ns() == (6.0 + 8.0) * kSecondNs);
  CHECK(meter.peak_blocks() == 30);
}

TEST_CASE("instance meter: what was before the end of warm-up is in the series but not in the sums") {
  InstanceMeter meter(at(10), at(1));
  meter.level(at(5), {.running = 3, .waiting = 2, .used_blocks = 40});
  meter.level(at(12), {});
  meter.finish(at(20));
  // 5 s to 12 s, of which 2 s are after warm-up.
  CHECK(meter.running_ns() == 6.0 * kSecondNs);
  CHECK(meter.waiting_ns() == 4.0 * kSecondNs);
  CHECK(meter.block_ns() == 80.0 * kSecondNs);
  CHECK(meter.bins()[5].running_ns == 3.0 * kSecondNs);
  CHECK(meter.peak_blocks() == 40);  // they still stood when warm-up ended
}

TEST_CASE("instance meter: a peak that ended before warm-up did does not count") {
  InstanceMeter meter(at(10), at(1));
  meter.level(at(5), {.used_blocks = 90});
  meter.level(at(10), {.used_blocks = 20});
  meter.finish(at(11));
  CHECK(meter.peak_blocks() == 20);
}

TEST_CASE("instance meter: a step is cut at the end of warm-up with all that it did") {
  InstanceMeter meter(at(10), at(1));
  meter.step({.start = at(8), .end = at(10), .decode_tokens = 100, .traffic = Bytes{100.0}});  // ends with it: left out
  // 8.5 s to 11 s: 1 of 2.5 s counts. Before it 0.6 of 7, 5, 1,001 and 99 are 4.2, 3, 600.6 and 59.4: whole ones are
  // 4, 3, 600 and 59, so that 3, 2, 401 and 40 are left, and 100 J of 250.
  meter.step({.start = at(8.5),
              .end = at(11),
              .decode_tokens = 7,
              .prefill_tokens = 5,
              .attention_pairs_x2 = 1'001,
              .traffic = Bytes{99.0},
              .power = Watts{100.0}});
  meter.step({.start = at(11), .end = at(11.5), .decode_tokens = 8});
  CHECK(meter.mixed_busy == at(1));
  CHECK(meter.decode_busy == at(0.5));
  CHECK(meter.mixed_steps == 1);
  CHECK(meter.decode_steps == 1);
  CHECK(meter.decode_tokens == 3 + 8);
  CHECK(meter.decode_tokens_mixed == 3);
  CHECK(meter.prefill_tokens == 2);
  CHECK(meter.attention_pairs() == 200.5);
  CHECK(meter.traffic_bytes() == 40.0);
  CHECK(meter.energy_joules() == 100.0);
}

TEST_CASE("instance meter: what the series holds after warm-up is what the sums hold") {
  // Warm-up ends where an interval does, in the middle of a step.
  InstanceMeter meter(at(10), at(2));
  meter.step({.start = at(8.5), .end = at(11), .decode_tokens = 7, .prefill_tokens = 50});
  meter.step({.start = at(11), .end = at(14.5), .decode_tokens = 9});
  Bin sum;
  for (std::size_t i = 5; i < meter.bins().size(); ++i) sum += meter.bins()[i];
  CHECK(sum.decode_tokens == meter.decode_tokens);
  CHECK(sum.prefill_tokens == meter.prefill_tokens);
  CHECK(sum.busy_ns == (meter.decode_busy + meter.mixed_busy).ns());
}

TEST_CASE("instance meter: preemptions of warm-up do not count") {
  InstanceMeter meter(at(10), at(1));
  meter.preempted(at(9));
  meter.preempted(at(10));
  meter.preempted(at(12));
  CHECK(meter.preemptions == 2);
}

TEST_CASE("instance meter: steps with and without prompt tokens are told apart") {
  InstanceMeter meter(SimTime{}, at(1));
  meter.step({.start = at(0),
              .end = at(0.5),
              .decode_tokens = 4,
              .prefill_tokens = 96,
              .attention_pairs_x2 = 1001,
              .traffic = Bytes{10.0},
              .power = Watts{6.0}});
  meter.step({.start = at(0.5),
              .end = at(0.75),
              .decode_tokens = 6,
              .attention_pairs_x2 = 1000,
              .traffic = Bytes{20.0},
              .power = Watts{4.0}});
  CHECK(meter.mixed_steps == 1);
  CHECK(meter.decode_steps == 1);
  CHECK(meter.mixed_busy == at(0.5));
  CHECK(meter.decode_busy == at(0.25));
  CHECK(meter.decode_tokens == 10);
  CHECK(meter.decode_tokens_mixed == 4);
  CHECK(meter.prefill_tokens == 96);
  CHECK(meter.attention_pairs() == 1000.5);
  CHECK(meter.traffic_bytes() == 30.0);
  CHECK(meter.traffic_bytes_decode() == 20.0);
  CHECK(meter.energy_joules() == 4.0);
}

TEST_CASE("instance meter: a step over several intervals gives each its time and its tokens") {
  InstanceMeter meter(SimTime{}, at(1));
  // 0.5 s to 3 s: 0.5, 1 and 1 s. Of 101 prompt tokens the first two have had 20 and 60 (20.2 and 60.6 by time).
  meter.step({.start = at(0.5), .end = at(3), .decode_tokens = 5, .prefill_tokens = 101});
  meter.finish(at(3));
  REQUIRE(meter.bins().size() == 3);
  CHECK(meter.bins()[0].busy_ns == at(0.5).ns());
  CHECK(meter.bins()[1].busy_ns == at(1).ns());
  CHECK(meter.bins()[2].busy_ns == at(1).ns());
  CHECK(meter.bins()[0].prefill_tokens == 20);
  CHECK(meter.bins()[1].prefill_tokens == 40);
  CHECK(meter.bins()[2].prefill_tokens == 41);
  CHECK(meter.bins()[0].decode_tokens == 1);
  CHECK(meter.bins()[1].decode_tokens == 2);
  CHECK(meter.bins()[2].decode_tokens == 2);
}

TEST_CASE("instance meter: more than 4096 intervals are merged and conserve every sum") {
  InstanceMeter meter(SimTime{}, at(0.001));
  // 10 s in intervals of 1 ms are 10,000; halved twice they are 2,500 of 4 ms.
  std::uint64_t steps = 0;
  for (SimTime now; now < at(10); now += at(0.003), ++steps) {
    meter.level(now, {.running = 2, .waiting = 1, .used_blocks = 3});
    meter.step({.start = now, .end = now + at(0.0025), .decode_tokens = 7, .prefill_tokens = 11});
  }
  meter.finish(at(11));
  CHECK(meter.interval() == at(0.004));
  CHECK(meter.bins().size() == 2'750);

  Bin sum;
  for (const Bin& bin : meter.bins()) sum += bin;
  CHECK(steps == 3'334);  // 0, 3, ... 9,999 ms
  CHECK(sum.decode_tokens == 7 * steps);
  CHECK(sum.prefill_tokens == 11 * steps);
  CHECK(sum.busy_ns == static_cast<std::int64_t>(steps) * at(0.0025).ns());
  // Whole nanoseconds times small integers: exact in a double.
  CHECK(sum.running_ns == 22.0 * kSecondNs);
  CHECK(sum.waiting_ns == 11.0 * kSecondNs);
  CHECK(sum.block_ns == 33.0 * kSecondNs);
}

TEST_CASE("instance meter: gaps of tokens count once a token and not in warm-up") {
  InstanceMeter meter(at(1), at(1));
  meter.gap(at(1), at(0.01), 100);  // came at the end of warm-up: left out
  meter.gap(at(2), at(0.02), 3);
  meter.gap(at(3), at(0.05), 1);
  meter.gap(at(4), at(9), 0);
  CHECK(meter.gaps().count() == 4);
  CHECK(meter.gaps().mean().value() == doctest::Approx(0.0275).epsilon(1e-14));  // (3 * 20 + 50) / 4 ms
}

TEST_CASE("instance meter: an interval must have a length") {
  CHECK_THROWS_AS(InstanceMeter(SimTime{}, SimTime{}), BugError);
}

TEST_CASE("instance meter: bytes of collectives are spread over intervals and warm-up as tokens are") {
  CollectiveBytes sent;
  sent[Sender::Tensor].inside = 101;
  sent[Sender::Pipeline].across = 5;
  InstanceMeter meter(at(1), at(1));
  // 0.5 s to 3 s, as above: 20 of 101 in the first interval, before warm-up ends, then 40 and 41; of 5 one, two and
  // two.
  meter.step({.start = at(0.5), .end = at(3), .decode_tokens = 5, .sent = sent});
  CHECK(meter.sent_in(0)[Sender::Tensor].inside == 20);
  CHECK(meter.sent_in(1)[Sender::Tensor].inside == 40);
  CHECK(meter.sent_in(2)[Sender::Tensor].inside == 41);
  CHECK(meter.sent_in(2)[Sender::Pipeline].across == 2);
  CHECK_FALSE(meter.sent_in(3).any());
  CHECK(meter.sent[Sender::Tensor].inside == 81);
  // A run of three steps inside one interval.
  meter.level(at(3), {.running = 1});
  meter.run({.end = at(3.5), .steps = 3, .busy = at(0.5), .sent = sent * 3});
  CHECK(meter.sent_in(3)[Sender::Tensor].inside == 303);
  CHECK(meter.sent[Sender::Tensor].inside == 81 + 303);
}
