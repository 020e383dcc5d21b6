#include "tests/support/drawn_rows.hpp"
#include "tests/support/small_cluster.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;
using namespace tokenyard::test;

// Calls over a network whose users have 100 kB/s; 4 B a token of a prompt, 250 B a token of an answer; steps of 1 ms.

namespace {

SimTime us(std::int64_t n) { return SimTime{n * 1'000}; }

SmallCluster with_users(std::uint32_t decode_instances = 0) {
  return {
      .rules = policy::VllmSpec{.max_num_seqs = 64, .max_num_batched_tokens = 1024},
      .depth = 1,
      .decode_instances = decode_instances,
      .users = serving::RequestWay{.latency = Seconds{5e-3}, .prompt_token = Bytes{4.0}, .output_token = Bytes{250.0}}};
}

Played play_rows(const SmallCluster& cluster, std::vector<ScriptedSource::Row> rows) {
  ScriptedSource source{std::move(rows)};
  const FormulaCost cost([](const cost::StepShape&) { return std::int64_t{1'000'000}; });
  return play(cluster, source, cost);
}

/// Bytes over a direction of all links of that name.
double carried(const Played& played, const std::string& link) {
  double sum = 0.0;
  for (const engine::LinkUse& use : played.links) {
    if (use.plane == "front" && use.link == link) sum += use.requests.value();
  }
  return sum;
}

std::vector<ScriptedSource::Row> many(bool impatient) {
  auto rows = drawn_rows({.seed = 3, .count = 150, .rate = 40, .prompt_max = 900, .output_max = 90});
  for (std::size_t i = 0; impatient && i < rows.size(); ++i) {
    if (i % 3 == 0) rows[i].patience.answer = us(2'000 + 777 * static_cast<std::int64_t>(i % 40));
    if (i % 5 == 0) rows[i].patience.first_token = us(1'000 + 400 * static_cast<std::int64_t>(i % 60));
  }
  return rows;
}

}  // namespace

TEST_CASE("calls: the wire and the bytes of the prompt stand before the queue and the wire behind the tokens") {
  // 400 B at 100 kB/s: 4 ms, behind 5 ms of wire: the scheduler has it at 9 ms, first token at 10, third at 12; both
  // are with the user 5 ms later.
  const Played played = play_rows(with_users(), {{0, 100, 3}});
  const metrics::RequestRecord& r = played.requests.at(0);
  CHECK(r.admitted == us(9'000));
  CHECK(r.ttft() == us(15'000));
  CHECK(r.latency() == us(17'000));
  CHECK(r.front_end == us(14'000));
  CHECK(r.queue == us(0));
  CHECK(r.prefill == us(1'000));
  CHECK(r.decode == us(2'000));
  CHECK(carried(played, "users up") == 400.0);
  CHECK(carried(played, "users down") == 750.0);
  CHECK(carried(played, "instance up") == 750.0);
  CHECK(carried(played, "instance down") == 400.0);
}

TEST_CASE("calls: those that come together share what the users have") {
  // Two of 400 B: 8 ms each.
  const Played played = play_rows(with_users(), {{0, 100, 1}, {0, 100, 1}});
  for (const metrics::RequestRecord& r : played.requests) CHECK(r.ttft() == us(5'000 + 8'000 + 1'000 + 5'000));
}

TEST_CASE("calls: a front end gets one when its last byte is there") {
  SmallCluster cluster = with_users();
  cluster.front_end = {.per_request = us(2'000), .per_output_token = us(100)};
  const Played played = play_rows(cluster, {{0, 100, 1}});
  CHECK(played.requests.at(0).admitted == us(9'000 + 2'000));
  CHECK(played.requests.at(0).ttft() == us(11'000 + 1'000 + 100 + 5'000));
}

TEST_CASE("calls: the prompt goes to the prefill side and tokens come from the decode side") {
  const Played played = play_rows(with_users(1), {{0, 100, 3}});
  std::vector<double> rows;  // of the two instances: up, down
  for (const engine::LinkUse& use : played.links) {
    if (use.plane == "front" && use.link.starts_with("instance")) rows.push_back(use.requests.value());
  }
  CHECK(rows == std::vector<double>{0.0, 400.0, 750.0, 0.0});
}

TEST_CASE("calls: every byte of prompts and answers is counted at both ends") {
  SmallCluster cluster = with_users();
  cluster.instances = 3;
  cluster.user_bandwidth = BytesPerSecond{1e6};
  const Played played = play_rows(cluster, many(false));
  REQUIRE(played.requests.size() == 150);
  double prompts = 0.0;
  double tokens = 0.0;
  for (const metrics::RequestRecord& r : played.requests) {
    prompts += r.prompt_tokens;
    tokens += r.output_tokens;
    CHECK(r.front_end >= us(10'000));
    CHECK(r.front_end + r.queue + r.prefill + r.decode + r.preempted == r.latency());
  }
  CHECK(carried(played, "users up") == 4.0 * prompts);
  CHECK(carried(played, "instance down") == 4.0 * prompts);
  CHECK(carried(played, "users down") == 250.0 * tokens);
  CHECK(carried(played, "instance up") == 250.0 * tokens);
  double series = 0.0;
  for (const engine::LinkUse& use : played.links) {
    if (use.link != "users down") continue;
    for (const double bytes : use.requests_per_interval) series += bytes;
  }
  CHECK(series == doctest::Approx(250.0 * tokens).epsilon(1e-9));  // rounding of parts
}

TEST_CASE("calls: of users who give up the calls still come and no token after that is sent") {
  const Played played = play_rows(with_users(), many(true));
  const std::uint64_t finished = played.requests.size();
  const metrics::GivenUp& gone = played.recorder->gone;
  REQUIRE(gone.requests() > 20);
  REQUIRE(gone.output_tokens > 0);
  CHECK(finished + gone.requests() == 150);
  double prompts = 0.0;
  for (const ScriptedSource::Row& row : many(true)) prompts += row.prompt;
  CHECK(carried(played, "users up") == 4.0 * prompts);
  double tokens = static_cast<double>(gone.output_tokens);
  for (const metrics::RequestRecord& r : played.requests) tokens += r.output_tokens;
  CHECK(carried(played, "users down") == 250.0 * tokens);
}

TEST_CASE("calls: without their network they are there at once") {
  SmallCluster cluster = with_users();
  cluster.users.reset();
  const Played played = play_rows(cluster, {{0, 100, 3}});
  CHECK(played.requests.at(0).ttft() == us(1'000));
  CHECK(played.requests.at(0).front_end == us(0));
  CHECK(played.links.empty());
}
