#include "models/base/errors.hpp"
#include "models/cost/graph_padding.hpp"
#include "models/cost/step_cost.hpp"
#include "models/cost/step_parts.hpp"

#include <algorithm>
#include <utility>

namespace tokenyard::cost {
namespace {

void append(std::vector<Part>& parts, const std::vector<Part>& more) {
  for (const Part& part : more) {
    const auto same = std::find_if(parts.begin(), parts.end(), [&](const Part& p) { return p.name == part.name; });
    if (same != parts.end()) {
      same->time += part.time;
    } else {
      parts.push_back(part);
    }
  }
}

/// All that one rank waits for on its own.
std::vector<Part> rank_parts(const StepParts& parts, const GraphPadding& graphs, const StepShape& shape, bool padded) {
  std::vector<Part> rank = parts.attention(attention_work(shape));
  append(rank, parts.local(graphs.tokens(shape, padded)));
  append(rank, parts.head(shape.decodes + shape.chunks));
  return rank;
}

}  // namespace

std::vector<CostLine> explain_step(const StepCostSpec& spec, std::span<const StepShape> ranks) {
  const StepParts parts(spec);
  const GraphPadding graphs(spec);
  const bool padded = graphs.pads(ranks);
  std::vector<Part> step;  // of the slowest rank
  std::uint32_t tokens = 0;
  std::uint32_t sequences = 0;
  for (const StepShape& shape : ranks) {
    if (shape.tokens() == 0) continue;
    std::vector<Part> rank = rank_parts(parts, graphs, shape, padded);
    if (total(rank) > total(step)) step = std::move(rank);
    tokens += graphs.tokens(shape, padded);
    sequences = std::max(sequences, shape.decodes + shape.chunks);
  }
  expect(tokens > 0, "a step has a token");
  append(step, parts.shared(tokens));

  const Seconds host = spec.host.per_step + spec.host.per_sequence * sequences;
  const Seconds seen = spec.host.overlapped ? std::max(host - total(step), Seconds{0.0}) : host;
  if (seen > Seconds{0.0}) step.push_back({"host", seen});

  std::vector<CostLine> lines;
  for (const Part& part : step) lines.push_back({std::string(part.name), part.time});
  return lines;
}

}  // namespace tokenyard::cost
