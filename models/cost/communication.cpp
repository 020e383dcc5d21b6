#include "models/cost/communication.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace tokenyard::cost {
namespace {

void add_kind(const PortLoad& load, const PlaneShare::Kind& kind, PortLoad& sum) {
  PortLoad here = load;
  if (!kind.inside) here.sent.inside = here.per_flow.inside = Bytes{};
  if (!kind.across) here.sent.across = here.per_flow.across = Bytes{};
  sum.add(1.0, here);
}

}  // namespace

void PortLoad::add(double count, const PortBytes& bytes, const FlowCount& flows) {
  add(count,
      {.sent = bytes, .per_flow = {.inside = bytes.inside / flows.inside, .across = bytes.across / flows.across}});
}

void PortLoad::add(double count, const PortLoad& other) {
  sent.inside += count * other.sent.inside;
  sent.across += count * other.sent.across;
  per_flow.inside += count * other.per_flow.inside;
  per_flow.across += count * other.per_flow.across;
}

FlowCount flows_at_once(Algorithm algorithm, const GroupLinks& links) {
  switch (algorithm) {
    case Algorithm::OneShot:
    case Algorithm::TwoShot:
      return {.inside = links.ranks - 1.0};
    case Algorithm::Direct: {
      const double per_domain = 1.0 * links.ranks / links.domains;
      return {.inside = std::max(per_domain - 1.0, 1.0), .across = std::max(links.ranks - per_domain, 1.0)};
    }
    case Algorithm::Ring:
    case Algorithm::Tree:
    case Algorithm::InNetwork:
    case Algorithm::TwoLevel:
      break;
  }
  return {};
}

FlowCount flows_at_once(const models::ExchangeKernel& kernel, const GroupLinks& links) {
  const double ranks = 1.0 * links.ranks * kernel.ranks_per_chip;
  const double per_domain = ranks / links.domains;
  const bool to_domains = kernel.copies == models::ExchangeCopies::PerDomain;
  return {.inside = std::max(per_domain - 1.0, 1.0),
          .across = std::max(to_domains ? links.domains - 1.0 : ranks - per_domain, 1.0)};
}

CollectiveBytes::Of of_chips(const PortBytes& bytes, double chips) {
  const auto whole = [&](Bytes one) {  // most kinds of groups send nothing, in every step
    return one > Bytes{} ? static_cast<std::uint64_t>(std::llround(one.value() * chips)) : 0;
  };
  return {.inside = whole(bytes.inside), .across = whole(bytes.across)};
}

bool PlaneShare::any() const {
  return tensor.inside || tensor.across || expert.inside || expert.across || pipeline.inside || pipeline.across;
}

PortLoad load_on(const Communication& communication, const PlaneShare& plane) {
  PortLoad sum;
  add_kind(communication.tensor, plane.tensor, sum);
  PortLoad expert = communication.expert;
  expert.per_flow.inside *= 1.0 - communication.hidden;
  expert.per_flow.across *= 1.0 - communication.hidden;
  add_kind(expert, plane.expert, sum);
  add_kind(communication.pipeline, plane.pipeline, sum);
  return sum;
}

Ways ways_on(const Communication& communication, const PlaneShare& plane) {
  Ways here;
  add_kind(communication.ways.out, plane.expert, here.out);
  add_kind(communication.ways.back, plane.expert, here.back);
  return here;
}

}  // namespace tokenyard::cost
