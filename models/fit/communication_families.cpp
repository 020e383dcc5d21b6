#include "models/fit/communication_families.hpp"

#include "models/cost/collectives.hpp"

#include <cstddef>
#include <iterator>

namespace tokenyard::fit {
namespace {

using models::AcceleratorSpec;
using models::AllReduceCoefficients;

constexpr auto kTime = Parameter::Unit::Time;
constexpr auto kNumber = Parameter::Unit::Number;

enum Figure : std::size_t { Size, Ranks };

Family all_reduce_family(const CommunicationSetup& setup) {
  Family family;
  family.place = "all_reduce";
  family.keys = {"collectives", "all_reduces", setup.all_reduce};
  family.parameters = {{"one_shot_t0", kTime, 4e-6, 0.5e-6, 40e-6},
                       {"per_peer", kTime, 0.1e-6, 0.0, 4e-6},
                       {"one_shot_eff", kNumber, 0.6, 0.05, 1.0},
                       {"two_shot_t0", kTime, 10e-6, 0.5e-6, 80e-6},
                       {"two_shot_eff", kNumber, 0.7, 0.05, 1.0}};
  family.hold_every = 3;
  family.shape = {"bytes", "ranks"};
  family.over_links = true;
  // The least is where switches add up: each rank sends its buffer.
  family.roofline = [links = setup.links](std::span<const double> s, const AcceleratorSpec&) {
    return over_port(Bytes{s[Size]}, 1.0, links(static_cast<std::uint32_t>(s[Ranks])));
  };
  family.time = [links = setup.links](std::span<const double> v, std::span<const double> s, const AcceleratorSpec&) {
    const AllReduceCoefficients c{.one_shot_t0 = Seconds{v[0]},
                                  .per_peer = Seconds{v[1]},
                                  .one_shot_eff = v[2],
                                  .two_shot_t0 = Seconds{v[3]},
                                  .two_shot_eff = v[4]};
    return cost::own_all_reduce(Bytes{s[Size]}, links(static_cast<std::uint32_t>(s[Ranks])), c).time;
  };
  // What a step reduces, from a token up to what the kernels take.
  family.serves = [most = setup.own_up_to.value()](std::span<const double> s, const AcceleratorSpec&) {
    return s[Size] >= 1024.0 && s[Size] <= most;
  };
  family.stored = [name = setup.all_reduce](const models::KernelSet& kernels) -> std::optional<std::vector<double>> {
    const auto found = kernels.collectives.all_reduces.find(name);
    if (found == kernels.collectives.all_reduces.end()) return std::nullopt;
    const AllReduceCoefficients& c = found->second;
    return std::vector{c.one_shot_t0.value(), c.per_peer.value(), c.one_shot_eff, c.two_shot_t0.value(),
                       c.two_shot_eff};
  };
  family.suits = [](const AcceleratorSpec&) { return true; };
  return family;
}

}  // namespace

cost::Roofline over_port(Bytes buffer, double share, const cost::GroupLinks& links) {
  return {.bytes = share * buffer, .memory = share * buffer / links.port};
}

std::vector<Family> communication_families(const CommunicationSetup& setup) {
  std::vector<Family> all{all_reduce_family(setup)};
  for (std::vector<Family> kind : {library_families(setup), exchange_families(setup)}) {
    all.insert(all.end(), std::make_move_iterator(kind.begin()), std::make_move_iterator(kind.end()));
  }
  return all;
}

}  // namespace tokenyard::fit
