#pragma once

#include "sim/config/experiment.hpp"
#include "sim/config/read_topology.hpp"
#include "tests/support/temp_yaml.hpp"
#include "topologies/make_topology.hpp"

#include <string>
#include <vector>

namespace tokenyard::test {

/// The parts of an experiment that a test cares about, as YAML in one line each.
struct SmallExperiment {
  std::string topology = "hgx-h100";
  std::string llm = "llama-3.1-8b";
  std::string pools = "{serve: {}}";
  std::string workload =
      "{kind: synthetic, arrivals: {kind: poisson, rate: 5 /s}, prompt: {kind: constant, tokens: 100}, output: {kind: "
      "constant, tokens: 10}, duration: 10 s}";
  std::string more;  ///< further keys of the experiment
};

inline std::string text_of(const SmallExperiment& parts) {
  return "schema: 1\nname: small\ntopology: " + parts.topology + "\nllm: " + parts.llm + "\npools: " + parts.pools +
         "\nworkload: " + parts.workload + "\n" + parts.more;
}

inline config::Experiment read(const SmallExperiment& parts, const std::vector<config::Override>& overrides = {}) {
  return config::read_experiment(TempYaml(text_of(parts)).path(), overrides);
}

/// A machine of the catalogue, or a mapping.
inline topologies::Topology machine(const std::string& text) {
  const TempYaml file("topology: " + text + "\n");
  config::YamlMap root = config::YamlMap::load(file.path(), "experiment");
  return topologies::make_topology(config::read_topology(root.entry("topology", "topology", "topologies")));
}

}  // namespace tokenyard::test
