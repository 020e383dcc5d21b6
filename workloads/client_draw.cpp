#include "workloads/client_draw.hpp"

#include "models/base/errors.hpp"
#include "workloads/lengths.hpp"
#include "workloads/traces/fields.hpp"
#include "workloads/traces/prefix_blocks.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace tokenyard::workloads {
namespace {

[[nodiscard]] std::size_t index_of(const std::vector<double>& weight_up_to, double share) {
  const auto chosen = std::upper_bound(weight_up_to.begin(), weight_up_to.end(), share * weight_up_to.back());
  return chosen == weight_up_to.end() ? weight_up_to.size() - 1
                                      : static_cast<std::size_t>(chosen - weight_up_to.begin());
}

}  // namespace

ClientDraw::ClientDraw(const ClientSpec& spec, const std::vector<SloClass>& classes, std::uint64_t seed)
    : spec_(spec),
      slo_class_(class_named(classes, spec.slo_class)),
      prompt_(seed, "workload.prompt." + spec.name),
      output_(seed, "workload.output." + spec.name),
      together_(seed, "workload.lengths." + spec.name),
      groups_(seed, "workload.group." + spec.name) {
  if (!spec.prefix) return;
  double sum = 0.0;
  for (std::uint32_t group = 1; group <= spec.prefix->groups; ++group) {
    sum += std::pow(static_cast<double>(group), -spec.prefix->alpha);
    weight_up_to_.push_back(sum);
  }
}

ClientDraw::Lengths ClientDraw::lengths() {
  if (spec_.rank_correlation) {
    const auto [prompt, output] = draw_lengths(spec_.prompt, spec_.output, *spec_.rank_correlation, together_);
    return {prompt, output};
  }
  const std::uint32_t prompt = draw_length(spec_.prompt, prompt_);
  return {prompt, draw_length(spec_.output, output_)};
}

std::optional<std::uint64_t> ClientDraw::group() {
  if (!spec_.prefix) return std::nullopt;
  const std::size_t group = weight_up_to_.size() == 1 ? 0 : index_of(weight_up_to_, groups_.uniform01());
  return mixed(name_of(spec_.name), group);
}

ClientMix::ClientMix(const std::vector<ClientSpec>& clients, const std::vector<SloClass>& classes, std::uint64_t seed)
    : stream_(seed, "workload.clients") {
  double weight = 0.0;
  for (const ClientSpec& client : clients) {
    if (client.weight <= 0.0) continue;
    weight += client.weight;
    weight_up_to_.push_back(weight);
    clients_.emplace_back(client, classes, seed);
  }
  expect(!clients_.empty(), "a validated workload has a client with a weight above 0");
}

std::size_t ClientMix::choose() { return clients_.size() == 1 ? 0 : index_of(weight_up_to_, stream_.uniform01()); }

}  // namespace tokenyard::workloads
