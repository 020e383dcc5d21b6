#include "sim/report/csv.hpp"

#include "models/base/errors.hpp"
#include "sim/report/request_rows.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::report;

namespace {

constexpr std::int64_t kMs = 1'000'000;

const std::vector<metrics::SloTarget> kClasses{{.name = "chat", .ttft = Seconds{1.0}, .tpot = Seconds{0.1}},
                                               {.name = "batch, night", .ttft = Seconds{9.0}, .tpot = Seconds{9.0}}};

metrics::RequestRecord request(std::uint32_t id) {
  return {.id = RequestId{id},
          .prompt_tokens = 100,
          .output_tokens = 3,
          .preemptions = 1,
          .cached_tokens = 64,
          .tenant = 3,
          .prefill_instance = InstanceId{0},
          .decode_instance = InstanceId{2},
          .arrival = SimTime{1'000 * kMs},
          .admitted = SimTime{1'001 * kMs},
          .first_token = SimTime{1'011 * kMs},
          .last_token = SimTime{1'031 * kMs + 1},
          .queue = SimTime{1 * kMs},
          .prefill = SimTime{10 * kMs},
          .kv_wait = SimTime{2 * kMs},
          .kv_transfer = SimTime{3 * kMs},
          .decode_wait = SimTime{4 * kMs},
          .preempted = SimTime{5 * kMs},
          .decode = SimTime{6 * kMs + 1}};
}

std::string requests_csv(const std::vector<metrics::RequestRecord>& requests) {
  std::ostringstream out;
  std::vector<std::string> classes;
  for (const metrics::SloTarget& one : kClasses) classes.push_back(one.name);
  RequestRows rows(out, classes);
  for (const metrics::RequestRecord& request : requests) rows.finished(request);
  rows.finish();
  return out.str();
}

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, at);) parts.push_back(part);
  return parts;
}

/// The nanoseconds that a decimal number of seconds spells, in integers.
std::int64_t nanoseconds(const std::string& decimal) {
  const std::size_t point = decimal.find('.');
  std::string fraction = point == std::string::npos ? "" : decimal.substr(point + 1);
  fraction.resize(9, '0');
  return std::stoll(decimal.substr(0, point)) * 1'000'000'000 + std::stoll(fraction);
}

constexpr const char* kRequestColumns =
    "request,class,prompt_tokens,output_tokens,prefill_instance,decode_instance,preemptions,"
    "arrival_s,admitted_s,first_token_s,last_token_s,ttft_s,tpot_s,latency_s,"
    "queue_s,prefill_s,kv_wait_s,kv_transfer_s,decode_wait_s,preempted_s,decode_s,front_end_s,cached_tokens,tenant,"
    "ending,session,turn\n";

}  // namespace

TEST_CASE("csv: requests are rows by id with exact times") {
  metrics::RequestRecord single = request(3);
  single.slo_class = ClassId{1};
  single.output_tokens = 1;
  // TPOT: (31.000001 - 11 ms) / 2 = 10.0000005 ms, whole nanoseconds: 10.000000 ms.
  const std::string times = "1,1.001,1.011,1.031000001,0.011,";
  const std::string parts = "0.031000001,0.001,0.01,0.002,0.003,0.004,0.005,0.006000001,0,64,3,answered,,\n";
  CHECK(requests_csv({request(12), single}) == std::string(kRequestColumns) +                                 //
                                                   "3,\"batch, night\",100,1,0,2,1," + times + "," + parts +  //
                                                   "12,chat,100,3,0,2,1," + times + "0.01," + parts);
}

TEST_CASE("csv: who gave up has a row of what is known of it") {
  std::ostringstream out;
  RequestRows rows(out, {"chat"});
  rows.given_up({.id = RequestId{1},
                 .how = metrics::GaveUp::Cancelled,
                 .prompt_tokens = 70,
                 .output_tokens = 5,
                 .arrival = SimTime{1'000'000'000},
                 .gone = SimTime{3'500'000'000}});
  rows.given_up(
      {.id = RequestId{0}, .tenant = 2, .prompt_tokens = 9, .arrival = SimTime{}, .gone = SimTime{250'000'000}});
  rows.finish();
  CHECK(out.str() == std::string(kRequestColumns) + "0,chat,9,0,,,,0,,,,,,0.25,,,,,,,,,,2,timed_out,,\n" +
                         "1,chat,70,5,,,,1,,,,,,2.5,,,,,,,,,,0,cancelled,,\n");
}

TEST_CASE("csv: a request has its row as soon as all before it have ended") {
  std::ostringstream out;
  RequestRows rows(out, {"chat"});
  const auto lines = [&out] {
    const std::string text = out.str();
    return std::count(text.begin(), text.end(), '\n');
  };
  for (std::uint32_t id = 2; id < 20'002; ++id) rows.finished(request(id));
  CHECK(lines() == 1);  // 0 and 1 are open: all wait but the header
  rows.given_up({.id = RequestId{0}});
  CHECK(lines() == 1);
  rows.finished(request(1));
  CHECK(lines() > 10'000);  // but for what is in the buffer
  rows.finished(request(20'003));
  rows.finish();
  CHECK(lines() == 1 + 20'002 + 1);  // request 20,002 never ended
}

TEST_CASE("csv: requests of sessions say which turn they are in order of arrival") {
  std::ostringstream out;
  RequestRows rows(out, {"chat"});
  for (const auto& [id, session] :
       std::map<std::uint32_t, std::optional<std::uint64_t>>{{0, 7}, {1, std::nullopt}, {2, 9}, {3, 7}}) {
    metrics::RequestRecord one = request(3 - id);  // they end the other way round
    one.session = session;
    rows.finished(one);
  }
  rows.given_up({.id = RequestId{4}, .session = 7});
  rows.finish();
  const std::vector<std::string> lines = split(out.str(), '\n');
  REQUIRE(lines.size() == 6);
  CHECK(lines[0].ends_with(",ending,session,turn"));
  CHECK(lines[1].ends_with(",answered,7,0"));
  CHECK(lines[2].ends_with(",answered,9,0"));
  CHECK(lines[3].ends_with(",answered,,"));
  CHECK(lines[4].ends_with(",answered,7,1"));
  CHECK(lines[5].ends_with(",timed_out,7,2"));
}

TEST_CASE("csv: no requests are a header") { CHECK(requests_csv({}) == kRequestColumns); }

TEST_CASE("csv: the printed parts of a request add up to its printed latency") {
  std::mt19937_64 draw(7);
  const auto span = [&draw] { return SimTime{static_cast<std::int64_t>(draw() % 30'000'000'000)}; };
  std::vector<metrics::RequestRecord> requests;
  for (std::uint32_t id = 0; id < 200; ++id) {
    metrics::RequestRecord record{.id = RequestId{id}, .output_tokens = 7};
    record.queue = span();
    record.prefill = span();
    record.kv_wait = span();
    record.kv_transfer = span();
    record.decode_wait = span();
    record.preempted = span();
    record.decode = span();
    record.front_end = span();
    record.arrival = span();
    record.last_token = record.arrival;
    for (std::size_t i = 0; i < metrics::kParts; ++i) {
      record.last_token += metrics::part_of(record, static_cast<metrics::Part>(i));
    }
    requests.push_back(record);
  }
  const std::vector<std::string> lines = split(requests_csv(requests), '\n');
  REQUIRE(lines.size() == 201);
  for (std::size_t row = 1; row < lines.size(); ++row) {
    const std::vector<std::string> fields = split(lines[row], ',');
    REQUIRE(fields.size() == 26);  // and an empty one at the end
    std::int64_t sum = 0;
    for (std::size_t i = 14; i < 22; ++i) sum += nanoseconds(fields[i]);
    CHECK(sum == nanoseconds(fields[13]));
    CHECK(nanoseconds(fields[10]) - nanoseconds(fields[7]) == sum);
  }
}

TEST_CASE("csv: steps are rows by start and then by instance") {
  const auto step = [](std::uint32_t instance, std::int64_t start_ms) {
    return metrics::StepRecord{.instance = InstanceId{instance},
                               .composed = SimTime{(start_ms - 1) * kMs},
                               .start = SimTime{start_ms * kMs},
                               .end = SimTime{(start_ms + 20) * kMs},
                               .decodes = 8,
                               .prefill_tokens = 512,
                               .chunks = 2,
                               .decode_context = 4096};
  };
  std::ostringstream out;
  write_steps({step(1, 10), step(1, 30), step(0, 30), step(0, 5)}, out);
  CHECK(out.str() ==
        "instance,composed_s,start_s,end_s,decodes,prefill_tokens,chunks,decode_context_tokens\n"
        "0,0.004,0.005,0.025,8,512,2,4096\n"
        "1,0.009,0.01,0.03,8,512,2,4096\n"
        "0,0.029,0.03,0.05,8,512,2,4096\n"
        "1,0.029,0.03,0.05,8,512,2,4096\n");
}

TEST_CASE("csv: links keep their order") {
  std::ostringstream out;
  write_links({{.plane = "scale_out",
                .link = "prefill-0.0 up",
                .bandwidth_bytes_per_s = 5e10,
                .bytes = 1e12,
                .busy_s = 25.5,
                .utilisation = 0.2,
                .collective_bytes = 5e11,
                .mean_utilisation = 0.3,
                .peak_utilisation = 0.9}},
              out);
  CHECK(out.str() ==
        "plane,link,bandwidth_bytes_per_s,carried_bytes,busy_s,utilisation,collective_bytes,mean_utilisation,"
        "peak_utilisation\n"
        "scale_out,prefill-0.0 up,50000000000,1000000000000,25.5,0.2,500000000000,0.3,0.9\n");
}

namespace {

const SimTime kSecond{1'000'000'000};

metrics::PoolFacts pool(const std::string& name) {
  return {.name = name,
          .instances = 1,
          .chips_per_instance = 2,
          .matmul_per_token = Flop{1e10},
          .peak = FlopPerSecond{1e12},
          .blocks_per_instance = 100,
          .block_tokens = 16};
}

std::string timeseries(const std::vector<metrics::PoolFacts>& pools, const std::deque<metrics::InstanceMeter>& meters,
                       SimTime end) {
  std::ostringstream out;
  write_timeseries(pools, meters, end, out);
  return out.str();
}

constexpr const char* kSeriesColumns =
    "time_s,interval_s,instance,pool,busy,running_mean,waiting_mean,kv_occupancy,"
    "prefill_tokens_per_s,decode_tokens_per_s,mfu,"
    "prefix_hit_rate,evicted_blocks_per_s,recomputed_blocks_per_s,repeated_tokens_per_s,"
    "kv_unfilled_tokens,kv_fragmentation\n";

}  // namespace

TEST_CASE("csv: a time series has a row an interval and instance until the end of the run") {
  std::deque<metrics::InstanceMeter> meters;
  meters.emplace_back(SimTime{}, kSecond);
  meters.emplace_back(SimTime{}, kSecond);
  // Instance 0: 4 running, 1 waiting and 50 of 100 blocks of 16, 40 places of them empty, from 0.5 s to 2.5 s; one step
  // of 100 prompt and 20 decode tokens from 0.5 s to 1 s. Instance 1 does nothing. The run ends at 2.5 s.
  meters[0].level(SimTime{500 * kMs}, {.running = 4, .waiting = 1, .used_blocks = 50, .unfilled_tokens = 40});
  meters[0].step({.start = SimTime{500 * kMs}, .end = kSecond, .decode_tokens = 20, .prefill_tokens = 100});
  const SimTime end{2'500 * kMs};
  for (metrics::InstanceMeter& meter : meters) meter.finish(end);
  // MFU of the first second: 1e10 * 120 / (1 s * 2 chips * 1e12) = 0.6.
  CHECK(timeseries({pool("left"), pool("right")}, meters, end) ==
        std::string(kSeriesColumns) +
            "0,1,0,left,0.5,2,0.5,0.25,100,20,0.6,,0,0,0,20,0.05\n"
            "0,1,1,right,0,0,0,0,0,0,0,,0,0,0,0,0\n"
            "1,1,0,left,0,4,1,0.5,0,0,0,,0,0,0,40,0.05\n"
            "1,1,1,right,0,0,0,0,0,0,0,,0,0,0,0,0\n"
            "2,0.5,0,left,0,4,1,0.5,0,0,0,,0,0,0,40,0.05\n"
            "2,0.5,1,right,0,0,0,0,0,0,0,,0,0,0,0,0\n");
}

TEST_CASE("csv: tokens of a step that ends with the run are in the last interval") {
  std::deque<metrics::InstanceMeter> meters;
  meters.emplace_back(SimTime{}, kSecond);
  meters[0].step({.start = SimTime{}, .end = kSecond, .decode_tokens = 8});
  meters[0].finish(kSecond);
  // 1e10 * 8 / (2 * 1e12) = 0.04.
  CHECK(timeseries({pool("all")}, meters, kSecond) ==
        std::string(kSeriesColumns) + "0,1,0,all,1,0,0,0,0,8,0.04,,0,0,0,0,0\n");
}

TEST_CASE("csv: a time series takes the coarsest interval of its instances") {
  std::deque<metrics::InstanceMeter> meters;
  meters.emplace_back(SimTime{}, kSecond);
  meters.emplace_back(SimTime{}, kSecond);
  // Instance 0 works until 5,000 s: more than 4,096 intervals, so its interval becomes 2 s. Instance 1 runs one
  // request from 1 s to 2 s: half of the first 2 s.
  meters[0].level(SimTime{}, {.running = 3});
  meters[1].level(kSecond, {.running = 1});
  meters[1].level(kSecond * 2, {});
  for (metrics::InstanceMeter& meter : meters) meter.finish(kSecond * 5'000);
  CHECK(meters[0].interval() == kSecond * 2);
  CHECK(meters[1].interval() == kSecond);

  const std::vector<std::string> lines = split(timeseries({pool("a"), pool("b")}, meters, kSecond * 5'000), '\n');
  REQUIRE(lines.size() == 1 + 2 * 2'500);
  CHECK(lines[1] == "0,2,0,a,0,3,0,0,0,0,0,,0,0,0,0,0");
  CHECK(lines[2] == "0,2,1,b,0,0.5,0,0,0,0,0,,0,0,0,0,0");
  CHECK(lines[4] == "2,2,1,b,0,0,0,0,0,0,0,,0,0,0,0,0");
  CHECK(lines[4'999] == "4998,2,0,a,0,3,0,0,0,0,0,,0,0,0,0,0");
}

TEST_CASE("csv: what a prefix cache did stands in the interval in which it was seen") {
  std::deque<metrics::InstanceMeter> meters;
  meters.emplace_back(SimTime{}, kSecond);
  // 64 of 100 prompt tokens found at 0.5 s and 0 of 156 at 0.6 s: 64 / 256; 4 evictions, 2 blocks that were here
  // before, 9 tokens once more. The second interval has 3 evictions and no look-up.
  meters[0].cache(SimTime{500 * kMs}, {.asked_tokens = 100, .found_tokens = 64, .evicted_blocks = 4});
  meters[0].cache(SimTime{600 * kMs}, {.asked_tokens = 156, .recomputed_blocks = 2, .repeated_tokens = 9});
  meters[0].cache(SimTime{1'500 * kMs}, {.evicted_blocks = 3});
  meters[0].finish(kSecond * 2);
  CHECK(timeseries({pool("all")}, meters, kSecond * 2) == std::string(kSeriesColumns) +
                                                              "0,1,0,all,0,0,0,0,0,0,0,0.25,4,2,9,0,0\n"
                                                              "1,1,0,all,0,0,0,0,0,0,0,,3,0,0,0,0\n");
}

TEST_CASE("csv: meters and pools that do not match are a bug") {
  const std::deque<metrics::InstanceMeter> meters;
  CHECK_THROWS_AS(timeseries({pool("a")}, meters, kSecond), BugError);
}
