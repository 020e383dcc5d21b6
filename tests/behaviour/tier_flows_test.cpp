#include "sim/serving/tier_flows.hpp"
#include "sim/serving/prefetch_flows.hpp"
#include "tests/support/child.hpp"
#include "tests/support/small_cluster.hpp"

#include <doctest/doctest.h>

#include <map>
#include <numeric>

using namespace tokenyard;
using namespace tokenyard::literals;
using namespace tokenyard::test;
using serving::TierFlows;
using serving::TierWay;
using serving::TierWays;

namespace {

constexpr std::int64_t kUs = 1'000;
constexpr std::int64_t kMs = 1'000'000;

/// A store of 10 GB/s (5 GB/s to write), three ranks of 8 GB/s, all in one domain.
topologies::FlowNetwork network() {
  topologies::FlowNetwork net{.plane = "pcie", .domains = {{.name = "all", .trunk = {}}}};
  net.endpoints.push_back({.name = "host", .domain = 0, .bandwidth = 10_GBps, .receive = 5_GBps});
  for (int i = 0; i < 3; ++i) net.endpoints.push_back({.name = "chips", .domain = 0, .bandwidth = 8_GBps});
  return net;
}

/// Host memory for a rank at one endpoint, blocks of 8 MB: 1 ms each at 8 GB/s, first byte after 20 us.
TierWays host_of(std::uint32_t endpoint) {
  TierWays ways(1);
  ways[0][0] = TierWay{.legs = {{.store = EndpointId{0}, .chips = EndpointId{endpoint}}},
                       .before_read = 20_us,
                       .before_write = 10_us,
                       .read = 8_GBps,
                       .block = 8_MB};
  return ways;
}

/// Notes when its events come.
class Log final : public engine::EventHandler {
 public:
  explicit Log(engine::Engine& engine) : engine_(engine) {}
  void on_event(std::uint64_t what) override { at[what] = engine_.now().ns(); }
  std::map<std::uint64_t, std::int64_t> at;

 private:
  engine::Engine& engine_;
};

/// Does something at an instant.
class Then final : public engine::EventHandler {
 public:
  explicit Then(std::function<void()> act) : act_(std::move(act)) {}
  void on_event(std::uint64_t) override { act_(); }

 private:
  std::function<void()> act_;
};

constexpr InstanceId kFirst{0};
constexpr InstanceId kSecond{1};

}  // namespace

TEST_CASE("tier flows: a read on idle links takes its latency and bytes over bandwidth") {
  engine::Engine engine({network()});
  TierFlows flows(engine, {host_of(1)});
  Log log(engine);
  CHECK(flows.end_of_read(kFirst, 0, SimTime{}, {3, 0, 0}).ns() == 20 * kUs + 3 * kMs);
  flows.read(kFirst, 0, {3, 0, 0}, SimTime{}, log, 7);
  engine.run();
  CHECK(log.at[7] == 20 * kUs + 3 * kMs);
  const auto use = engine.link_use();
  CHECK(use[0].link == "host up");
  CHECK(use[0].tiers.value() == doctest::Approx(24e6));
  CHECK(use[0].carried.value() == 0.0);
  CHECK(use[1].tiers.value() == 0.0);
  CHECK(use[3].link == "chips down");
  CHECK(use[3].tiers.value() == doctest::Approx(24e6));  // bytes in = bytes out
}

TEST_CASE("tier flows: two instances that read the same store share its link") {
  // Each alone would get 8 GB/s; of the store's 10 each gets 5: 8 MB in 1.6 ms.
  engine::Engine engine({network()});
  TierFlows flows(engine, {host_of(1), host_of(2)});
  Log log(engine);
  flows.read(kFirst, 0, {1, 0, 0}, SimTime{}, log, 1);
  flows.read(kSecond, 0, {1, 0, 0}, SimTime{}, log, 2);
  engine.run();
  CHECK(log.at[1] == 20 * kUs + 1600 * kUs);
  CHECK(log.at[2] == log.at[1]);
}

TEST_CASE("tier flows: half of a store's link is left to each of two that could take all of it") {
  topologies::FlowNetwork net = network();
  net.endpoints[0].bandwidth = 8_GBps;
  engine::Engine engine({net});
  TierFlows flows(engine, {host_of(1), host_of(2)});
  Log log(engine);
  flows.read(kFirst, 0, {1, 0, 0}, SimTime{}, log, 1);
  flows.read(kSecond, 0, {1, 0, 0}, SimTime{}, log, 2);
  engine.run();
  CHECK(log.at[1] == 20 * kUs + 2 * kMs);
  CHECK(log.at[2] == 20 * kUs + 2 * kMs);
}

TEST_CASE("tier flows: reads of a rank follow each other and hide their latency") {
  engine::Engine engine({network()});
  TierFlows flows(engine, {host_of(1)});
  Log log(engine);
  flows.read(kFirst, 0, {2, 0, 0}, SimTime{}, log, 1);
  flows.read(kFirst, 0, {1, 0, 0}, SimTime{}, log, 2);
  CHECK(flows.end_of_read(kFirst, 0, SimTime{}, {1, 0, 0}).ns() == 20 * kUs + 4 * kMs);
  engine.run();
  CHECK(log.at[1] == 20 * kUs + 2 * kMs);
  CHECK(log.at[2] == 20 * kUs + 3 * kMs);
}

TEST_CASE("tier flows: a read is over when tiers with links of their own have brought the rest") {
  engine::Engine engine({network()});
  TierFlows flows(engine, {host_of(1)});
  Log log(engine);
  flows.read(kFirst, 0, {1, 0, 0}, SimTime{5 * kMs}, log, 1);
  flows.read(kFirst, 0, {0, 2, 0}, SimTime{3 * kMs}, log, 2);  // nvme is not on links here
  flows.read(kFirst, 0, {0, 0, 0}, SimTime{}, log, 3);
  engine.run();
  CHECK(log.at[1] == 5 * kMs);
  CHECK(log.at[2] == 3 * kMs);
  CHECK(log.at[3] == 1);
}

TEST_CASE("tier flows: what is written while a write is on its way goes together in the next") {
  // 5 GB/s into the store: 8 MB in 1.6 ms; then 3 blocks in 4.8 ms at once, seen by a read of the other instance only
  // in the other direction.
  engine::Engine engine({network()});
  TierFlows flows(engine, {host_of(1), host_of(2)});
  Log log(engine);
  flows.write(kFirst, 0, {1, 0, 0});
  Then later([&] {
    flows.write(kFirst, 0, {1, 0, 0});
    flows.write(kFirst, 0, {2, 0, 0});
    flows.read(kSecond, 0, {1, 0, 0}, SimTime{}, log, 1);
  });
  engine.at(SimTime{kMs}, 0, later, 0);
  engine.run();
  CHECK(engine.flows() == 3);
  CHECK(engine.now().ns() == 10 * kUs + 1600 * kUs + 4800 * kUs);
  CHECK(log.at[1] == kMs + 20 * kUs + kMs);
  CHECK(engine.last().ns() == log.at[1]);  // a run does not wait for the rest
  const auto use = engine.link_use();
  CHECK(use[1].link == "host down");
  CHECK(use[1].bandwidth.value() == doctest::Approx(5e9));
  CHECK(use[1].tiers.value() == doctest::Approx(32e6));
}

TEST_CASE("tier flows: a rank in two domains reads each part from its own memory") {
  // Three of four chips in the first domain: 12 of 16 MB at 6 GB/s take 2 ms, 4 MB at 8 GB/s half of one.
  topologies::FlowNetwork net{.plane = "pcie", .domains = {{.name = "a", .trunk = {}}, {.name = "b", .trunk = {}}}};
  net.endpoints = {{.name = "chips", .domain = 0, .bandwidth = 100_GBps},
                   {.name = "chips", .domain = 1, .bandwidth = 100_GBps},
                   {.name = "host 0", .domain = 0, .bandwidth = 6_GBps},
                   {.name = "host 1", .domain = 1, .bandwidth = 8_GBps}};
  TierWays ways(1);
  ways[0][0] = TierWay{.legs = {{.store = EndpointId{2}, .chips = EndpointId{0}, .share = 0.75},
                                {.store = EndpointId{3}, .chips = EndpointId{1}, .share = 0.25}},
                       .before_read = {},
                       .before_write = {},
                       .read = 8_GBps,
                       .block = 16_MB};
  engine::Engine engine({net});
  TierFlows flows(engine, {ways});
  Log log(engine);
  flows.read(kFirst, 0, {1, 0, 0}, SimTime{}, log, 1);
  engine.run();
  CHECK(log.at[1] == 2 * kMs);
}

TEST_CASE("tier flows: a read and a hand-off on one link take half of it each") {
  // Into the first rank's chips, 8 GB/s: 8 MB of the read and 8 MB of a hand-off from the third rank's at 4 GB/s each.
  engine::Engine engine({network()});
  TierFlows flows(engine, {host_of(1)});
  Log log(engine);
  flows.read(kFirst, 0, {1, 0, 0}, SimTime{}, log, 1);
  engine.transfer(0, EndpointId{3}, EndpointId{1}, 8_MB, 20_us, log, 2);
  engine.run();
  CHECK(log.at[1] == 20 * kUs + 2 * kMs);
  CHECK(log.at[2] == 20 * kUs + 2 * kMs);
}

TEST_CASE("tier flows: parts of a read follow each other and end with the whole") {
  engine::Engine engine({network()});
  TierFlows flows(engine, {host_of(1)});
  Log log(engine);
  flows.read(kFirst, 0, {4, 0, 0}, SimTime{}, log, 1, 0.25);
  flows.read(kFirst, 0, {4, 0, 0}, SimTime{}, log, 2, 0.75);
  engine.run();
  CHECK(log.at[1] == 20 * kUs + kMs);
  CHECK(log.at[2] == 20 * kUs + 4 * kMs);
}

TEST_CASE("tier flows: who waits for what is written is told at its end and does not wait for later writes") {
  // 1.6 ms a block; the second write, which sets out together with nothing else, is awaited; the third is not.
  engine::Engine engine({network()});
  TierFlows flows(engine, {host_of(1)});
  Log log(engine);
  CHECK_FALSE(flows.await_written(kFirst, 0, kv::TierKind::Host, log, 0));
  flows.write(kFirst, 0, {1, 0, 0});
  flows.write(kFirst, 0, {1, 0, 0});
  CHECK(flows.await_written(kFirst, 0, kv::TierKind::Host, log, 1));
  flows.write(kFirst, 0, {1, 0, 0});
  engine.run();
  CHECK(log.at.count(0) == 0);
  CHECK(log.at[1] == 10 * kUs + 3200 * kUs);
  CHECK(engine.now().ns() == 10 * kUs + 4800 * kUs);
  CHECK(engine.last().ns() == log.at[1]);
}

namespace {

/// 300 blocks in host memory's place behind it: read ahead by one rank at 1 ms a block.
struct Ahead {
  workloads::Request request{.prompt_tokens = 300 * 16, .prefix = {.block_tokens = 16, .ids = {}}};
  std::vector<std::uint64_t> history;
  kv::TierStore pool{1'000};
  kv::TierStack stack;
  engine::Engine engine{{network()}};
  TierFlows flows;
  std::map<std::uint32_t, std::int64_t> came;
  serving::PrefetchFlows ahead;

  Ahead()
      : stack({.tiers = {{.kind = kv::TierKind::Host,
                          .capacity = Bytes{8e9},
                          .read = 8_GBps,
                          .write = 8_GBps,
                          .on_links = true},
                         {.kind = kv::TierKind::Pool,
                          .capacity = Bytes{8e9},
                          .read = 8_GBps,
                          .write = 8_GBps,
                          .on_links = true}},
               .prefetch = kv::PrefetchSpec{.policy = kv::PrefetchPolicy::WaitComplete, .threshold = 1}},
              8_MB, 16, &pool),
        flows(engine, {pool_of()}),
        ahead(engine, flows, kFirst, 0, stack, [this](std::uint32_t key) { came[key] = engine.now().ns(); }) {
    request.prefix.ids.resize(300);
    std::iota(request.prefix.ids.begin(), request.prefix.ids.end(), 1);
    for (std::uint32_t i = 0; i < 300; ++i) (void)pool.write(ids()[i], SimTime{});
    pool.set_time(SimTime{1});
  }
  static TierWays pool_of() {
    TierWays ways = host_of(1);
    std::swap(ways[0][0], ways[0][2]);
    return ways;
  }
  [[nodiscard]] kv::BlockIds ids() const { return {request, history, 16}; }
};

}  // namespace

TEST_CASE("tier flows: what is read ahead comes in batches each of which is asked for") {
  // 128, 128 and 44 blocks, 20 us before each.
  Ahead ahead;
  REQUIRE(ahead.stack.prefetch(SimTime{}, 7, ahead.ids(), 0, 300));
  CHECK(ahead.stack.prefetched_at(SimTime{}, 7) == SimTime::never());
  ahead.engine.run();
  CHECK(ahead.came[7] == 3 * 20 * kUs + 300 * kMs);
  CHECK(ahead.engine.flows() == 3);
  CHECK(ahead.stack.prefetched_at(ahead.engine.now(), 7) == ahead.engine.now());
  CHECK(ahead.stack.end_prefetch(ahead.engine.now(), 7));
  CHECK(ahead.stack.match(ahead.ids(), 0, 300) == kv::TierStack::Counts{300, 0, 0});
  CHECK(ahead.stack.traffic().written_blocks[0] == 300);
  CHECK(ahead.stack.traffic().sent_blocks[0] == 0);  // not from the chips
}

TEST_CASE("tier flows: a read ahead that is stopped starts no further flow and leaves its line to the next") {
  // Stopped after 130 ms: 128 blocks have come, the second batch is on its way until 40 us + 256 ms and comes for
  // nobody; then the other request's 20 blocks.
  Ahead ahead;
  REQUIRE(ahead.stack.prefetch(SimTime{}, 7, ahead.ids(), 0, 300));
  REQUIRE(ahead.stack.prefetch(SimTime{}, 8, ahead.ids(), 0, 20));
  Then stop([&] { CHECK_FALSE(ahead.stack.end_prefetch(ahead.engine.now(), 7)); });
  ahead.engine.at(SimTime{130 * kMs}, 0, stop, 0);
  ahead.engine.run();
  CHECK(ahead.engine.flows() == 3);
  CHECK(ahead.came[7] == 20 * kUs + 128 * kMs);
  CHECK(ahead.came[8] == 3 * 20 * kUs + 276 * kMs);
  CHECK(ahead.stack.match(ahead.ids(), 0, 300) == kv::TierStack::Counts{128, 0, 0});
}

namespace {

std::vector<std::uint64_t> ids(std::uint64_t first, std::uint32_t count) {
  std::vector<std::uint64_t> all(count);
  std::iota(all.begin(), all.end(), first);
  return all;
}

/// Instances of 8 blocks of 16 tokens with 1 GB/s of host memory; a step takes 1 ms and 0.1 ms a prompt token.
SmallCluster cluster(bool on_links, std::uint32_t instances = 1, bool step_by_step = false) {
  const kv::TierSpec host{.kind = kv::TierKind::Host,
                          .capacity = Bytes{100e6},
                          .read = BytesPerSecond{1e9},
                          .write = BytesPerSecond{1e9},
                          .latency = Seconds{50e-6}};
  return {.rules = policy::VllmSpec{.max_num_seqs = 4, .max_num_batched_tokens = 256},
          .instances = instances,
          .blocks = 8,
          .block_tokens = 16,
          .depth = 1,
          .step_by_step = step_by_step,
          .caching = kv::PrefixCacheSpec{},
          .tiers = kv::TiersSpec{.tiers = {host}},
          .block_bytes = Bytes{1e6},
          .tiers_on_links = on_links};
}

FormulaCost per_token() {
  return FormulaCost([](const cost::StepShape& shape) { return kMs + std::int64_t{shape.prefill_tokens} * kMs / 10; });
}

/// Prompts that push each other out of 8 blocks, some of which come again.
std::vector<ScriptedSource::Row> rows() {
  std::vector<ScriptedSource::Row> all;
  for (std::uint32_t i = 0; i < 40; ++i) all.push_back({i * 7 * kMs, 96, 1 + 30 * (i % 2), ids(100 * (i % 5), 6)});
  return all;
}

std::string ends(const Played& played) {
  std::string text;
  for (const metrics::RequestRecord& request : played.requests) text += std::to_string(request.last_token.ns()) + " ";
  return text;
}

}  // namespace

TEST_CASE("tier flows: a prompt is fetched over the machine's links in latency and bytes over bandwidth") {
  // As in the tests of tiers with a link of their own: 5 blocks of 1 MB at 1 GB/s, 50 us before them.
  ScriptedSource source{{{0, 96, 1, ids(1, 6)}, {100 * kMs, 128, 1, ids(100, 8)}, {200 * kMs, 96, 1, ids(1, 6)}}};
  const FormulaCost cost = per_token();
  const Played played = play(cluster(true), source, cost);
  REQUIRE(played.requests.size() == 3);
  CHECK(played.requests[2].cached_tokens == 80);
  CHECK(played.requests[2].ttft().ns() == 50 * kUs + 5 * kMs + kMs + 16 * kMs / 10);
  CHECK(played.links[0].link == "host up");
  CHECK(played.links[0].tiers.value() == doctest::Approx(5e6));
  // Every block that was written crossed the link the other way.
  CHECK(played.links[1].tiers.value() ==
        doctest::Approx(1e6 * static_cast<double>(played.meters[0].cached.written_blocks[0])));
}

TEST_CASE("tier flows: two instances that fetch at once take twice as long at the store's link") {
  // Requests alternate between two instances; the last two fetch their 5 blocks at the same instant.
  ScriptedSource source{{{0, 96, 1, ids(1, 6)},
                         {0, 96, 1, ids(11, 6)},
                         {100 * kMs, 128, 1, ids(100, 8)},
                         {100 * kMs, 128, 1, ids(200, 8)},
                         {200 * kMs, 96, 1, ids(1, 6)},
                         {200 * kMs, 96, 1, ids(11, 6)}}};
  const FormulaCost cost = per_token();
  const Played played = play(cluster(true, 2), source, cost);
  REQUIRE(played.requests.size() == 6);
  for (const std::size_t i : {std::size_t{4}, std::size_t{5}}) {
    CHECK(played.requests[i].cached_tokens == 80);
    CHECK(played.requests[i].ttft().ns() == 50 * kUs + 10 * kMs + kMs + 16 * kMs / 10);
  }
}

TEST_CASE("tier flows: runs of steps give what steps one by one give") {
  const FormulaCost cost = per_token();
  const std::string one_by_one = in_child([&] {
    ScriptedSource source{rows()};
    return ends(play(cluster(true, 2, true), source, cost));
  });
  ScriptedSource source{rows()};
  const Played runs = play(cluster(true, 2), source, cost);
  CHECK(ends(runs) == one_by_one);
  CHECK(runs.meters[0].cached.read_blocks[0] > 0);
}
