#include "sim/config/read_engine.hpp"

#include "sim/config/read_kv.hpp"
#include "sim/config/read_steps.hpp"

namespace tokenyard::config {
namespace {

/// Host work of a step: an hour of it is a slip of the unit, and sums of more leave simulated time.
Seconds read_host_time(YamlMap& map, std::string_view key) {
  const Seconds time = map.seconds(key);
  if (time > Seconds{3600.0}) map.fail(key, "is out of range; at most 1 h");
  return time;
}

policy::VllmSpec read_vllm(YamlMap& map) {
  return {.max_num_seqs = map.count("max_num_seqs", 1, 1'000'000),
          .max_num_batched_tokens = map.count("max_num_batched_tokens", 1, 10'000'000),
          .long_prefill_token_threshold = map.count("long_prefill_token_threshold", 0),
          .reserve_full_prompt = map.flag("reserve_full_prompt"),
          .watermark = map.number("watermark", 0.0, 1.0)};
}

}  // namespace

EngineSpec read_engine(YamlMap map) {
  EngineSpec engine;
  (void)map.choice("kind", {"vllm"});
  engine.rules = read_vllm(map);
  engine.asynchronous = map.flag("async_scheduling");
  engine.graphs = map.flag("graphs");
  engine.host.per_step = read_host_time(map, "host_per_step");
  engine.host.per_sequence = read_host_time(map, "host_per_sequence");
  engine.host.overlapped = engine.asynchronous;
  read_step_keys(map, engine);
  engine.block_tokens = map.count("block_tokens", 1, 65536);
  engine.caching = read_prefix_cache(map);
  engine.memory_utilisation = map.number("memory_utilisation", 0.0, 1.0);
  engine.memory_reserve = map.bytes("memory_reserve");
  if (map.given("blocks")) engine.blocks = map.count("blocks");
  map.finish();
  map.located([&] { policy::validate(engine.rules); });
  return engine;
}

}  // namespace tokenyard::config
