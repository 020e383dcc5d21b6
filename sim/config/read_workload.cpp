#include "sim/config/read_workload.hpp"

#include "sim/config/read_arrivals.hpp"
#include "sim/config/read_laws.hpp"
#include "sim/config/read_trace.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenyard::config {
namespace {

using namespace workloads;

constexpr double kLargest = 1e9;  // of weights

PrefixGroups read_prefix(YamlMap map) {
  const PrefixGroups groups{.groups = map.count("groups", 1, 10'000'000),
                            .tokens = map.count("tokens", 1, kMaxTokens),
                            .alpha = map.number("alpha", 0.0, 10.0)};
  map.finish();
  return groups;
}

SessionSpec read_session(YamlMap map) {
  SessionSpec session{.turns = read_length(map.map("turns", "workload.length")),
                      .append = read_length(map.map("append", "workload.length")),
                      .think = read_time_law(map.map("think", "workload.time"))};
  map.finish();
  return session;
}

AgentSpec read_agent(YamlMap map) {
  AgentSpec agent{.steps = read_length(map.map("steps", "workload.length")),
                  .append = read_length(map.map("append", "workload.length")),
                  .tool = read_time_law(map.map("tool", "workload.time")),
                  .human = map.number("human", 0.0, 1.0),
                  .think = ConstantTime{.time = Seconds{0.0}},
                  .fan_out = map.number("fan_out", 0.0, 1.0),
                  .width = ConstantLength{.tokens = 1},
                  .sub_steps = ConstantLength{.tokens = 1}};
  if (agent.human > 0.0) agent.think = read_time_law(map.map("think", "workload.time"));
  if (agent.fan_out > 0.0) {
    agent.width = read_length(map.map("width", "workload.length"));
    agent.sub_steps = read_length(map.map("sub_steps", "workload.length"));
  }
  if (map.given("compact_at")) {
    agent.compact_at = map.count("compact_at", 1, kMaxTokens);
    agent.compact_to = map.count("compact_to", 1, kMaxTokens);
  }
  map.finish();
  return agent;
}

ClientSpec read_client(YamlMap map, const std::vector<SloClass>& classes) {
  std::vector<std::string> names;
  for (const SloClass& one : classes) names.push_back(one.name);
  ClientSpec client{.name = map.text("name"),
                    .weight = map.number("weight", 0.0, kLargest),
                    .slo_class = map.given("slo_class") ? map.choice("slo_class", names) : std::string{},
                    .prompt = read_length(map.map("prompt", "workload.length")),
                    .output = read_length(map.map("output", "workload.length")),
                    .reasoning = map.number("reasoning", 0.0, 1.0),
                    .reasoning_sd = map.number("reasoning_sd", 0.0, 0.5),
                    .tenant = map.count("tenant", 0, 1'000'000'000),
                    .priority = static_cast<std::int32_t>(map.integer("priority", -1'000'000'000, 1'000'000'000))};
  if (map.given("rank_correlation")) client.rank_correlation = map.number("rank_correlation", -1.0, 1.0);
  if (map.given("prefix")) client.prefix = read_prefix(map.map("prefix", "workload.prefix"));
  if (map.given("session") && map.given("agent"))
    map.fail("agent", "would be in conflict with session; give one of them");
  if (map.given("session")) client.story = read_session(map.map("session", "workload.session"));
  if (map.given("agent")) client.story = read_agent(map.map("agent", "workload.agent"));
  map.finish();
  return client;
}

SyntheticSpec read_synthetic(YamlMap& map, const std::vector<SloClass>& classes) {
  SyntheticSpec spec{
      .arrivals = read_arrivals(map), .clients = {}, .block_tokens = map.count("block_tokens", 1, kMaxTokens)};
  if (map.given("curve")) spec.curve = read_curve(map.map("curve", "workload.curve"));
  if (map.has("clients")) {
    for (YamlMap& client : map.maps("clients", "workload.client")) {
      spec.clients.push_back(read_client(std::move(client), classes));
    }
  } else {
    spec.clients.push_back(ClientSpec{.name = "all",
                                      .prompt = read_length(map.map("prompt", "workload.length")),
                                      .output = read_length(map.map("output", "workload.length"))});
  }
  return spec;
}

PatienceSpec read_patience(YamlMap map) {
  PatienceSpec patience{.cancel = map.number("cancel", 0.0, 1.0)};
  if (map.given("first_token")) patience.first_token = read_time_law(map.map("first_token", "workload.time"));
  if (map.given("answer")) patience.answer = read_time_law(map.map("answer", "workload.time"));
  if (map.given("cancel_after")) patience.cancel_after = read_time_law(map.map("cancel_after", "workload.time"));
  patience.attempts = map.count("attempts", 1, 1000);
  patience.backoff = map.seconds("backoff");
  map.finish();
  map.located([&] { validate(patience); });
  return patience;
}

std::vector<SloClass> read_classes(YamlMap& workload) {
  std::vector<SloClass> classes;
  for (auto& [name, map] : workload.named_maps("slo", "workload.slo")) {
    SloClass one{.name = name, .ttft = map.seconds("ttft"), .tpot = map.seconds("tpot")};
    if (map.given("e2e")) one.e2e = map.seconds("e2e");
    if (map.given("patience")) one.patience = read_patience(map.map("patience", "workload.patience"));
    map.finish();
    map.located([&] { validate(one); });
    classes.push_back(one);
  }
  return classes;
}

/// What a preset says about itself; read so that it is known, and shown in resolved().
void read_about(YamlMap& map) {
  for (const std::string_view key : {"name", "description", "source", "leaves_out"}) {
    if (map.given(key)) static_cast<void>(map.text(key));
  }
}

}  // namespace

WorkloadSpec read_workload(YamlMap map) {
  map.lay_over("preset", "workloads/presets");
  read_about(map);
  WorkloadSpec spec{
      .source = TraceSpec{}, .warm_up = SimTime::from(map.seconds("warm_up")), .classes = read_classes(map)};
  if (map.given("duration")) spec.duration = SimTime::from(map.seconds("duration"));
  if (map.given("requests")) {
    spec.requests = static_cast<std::uint64_t>(map.integer("requests", 1, std::numeric_limits<std::uint32_t>::max()));
  }
  if (map.given("max_output")) spec.max_output = map.count("max_output", 1, kMaxTokens);
  if (map.choice("kind", {"synthetic", "trace"}) == "trace") {
    spec.source = read_trace(map.map("trace", "workload.trace"));
  } else {
    spec.source = read_synthetic(map, spec.classes);
  }
  map.finish();
  map.located([&] { validate(spec); });
  return spec;
}

}  // namespace tokenyard::config
