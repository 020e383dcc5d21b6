#include "models/cost/collectives.hpp"
#include "models/fit/communication_families.hpp"

#include <cstddef>
#include <string>

// A collective library inside one domain.
namespace tokenyard::fit {
namespace {

using models::AcceleratorSpec;
using models::Collective;
using models::LibraryCoefficients;

constexpr auto kTime = Parameter::Unit::Time;
constexpr auto kNumber = Parameter::Unit::Number;
constexpr double kLeast = 1024.0;                    // bytes: a smaller buffer costs what this one does
constexpr double kSwitchesFrom = 2.0 * 1024 * 1024;  // bytes; NCCL 2.29 with the 8 ranks of a domain

enum Figure : std::size_t { Size, Ranks };

std::uint32_t ranks(std::span<const double> shape) { return static_cast<std::uint32_t>(shape[Ranks]); }

const LibraryCoefficients* find(const models::KernelSet& kernels, const std::string& name) {
  const auto found = kernels.collectives.libraries.find(name);
  return found == kernels.collectives.libraries.end() ? nullptr : &found->second;
}

/// Whether the switches of the domain add up a buffer of this size.
bool switches_add(const CommunicationSetup& setup, std::span<const double> shape) {
  return shape[Ranks] >= 8.0 && shape[Size] >= kSwitchesFrom && setup.links(ranks(shape)).in_network_reduction;
}

/// `whole`: every rank sends its buffer, as where switches add up and from one rank to another; else what is not its
/// own part of it.
Family in_library(const CommunicationSetup& setup, const std::string& operation, bool whole) {
  Family family;
  family.over_links = true;
  family.roofline = [links = setup.links, whole](std::span<const double> s, const AcceleratorSpec&) {
    return over_port(Bytes{s[Size]}, whole ? 1.0 : 1.0 - 1.0 / s[Ranks], links(ranks(s)));
  };
  family.place = "library." + operation;
  family.keys = {"collectives", "libraries", setup.library, operation};
  family.hold_every = 3;
  family.shape = {"bytes", "ranks"};
  family.suits = [](const AcceleratorSpec&) { return true; };
  return family;
}

Family ring_family(const CommunicationSetup& setup, Collective op) {
  Family family = in_library(setup, std::string(name(op)), op == Collective::AllReduce);
  family.parameters = {{"launch", kTime, 5e-6, 0.0, 80e-6},
                       {"per_peer", kTime, 1e-6, 0.0, 10e-6},
                       {.key = "eff", .start = 1.0, .lowest = 0.05, .highest = 1.0, .term = 1, .trial = 0.8},
                       {"copy", kNumber, 4.0, 0.2, 1000.0},
                       {"fill", kTime, 8e-6, 0.0, 200e-6}};
  family.time = [links = setup.links, op](std::span<const double> v, std::span<const double> s,
                                          const AcceleratorSpec&) {
    LibraryCoefficients c;
    c.ring.at(static_cast<std::size_t>(op)) = {
        .launch = Seconds{v[0]}, .per_peer = Seconds{v[1]}, .eff = v[2], .copy = v[3], .fill = Seconds{v[4]}};
    return cost::library_time(op, Bytes{s[Size]}, links(ranks(s)), c).time;
  };
  family.serves = [setup, op](std::span<const double> s, const AcceleratorSpec&) {
    return s[Size] >= kLeast && (op != Collective::AllReduce || !switches_add(setup, s));
  };
  family.stored = [name = setup.library, op](const models::KernelSet& kernels) -> std::optional<std::vector<double>> {
    const LibraryCoefficients* const library = find(kernels, name);
    if (library == nullptr) return std::nullopt;
    const models::RingCoefficients& c = library->of(op);
    return std::vector{c.launch.value(), c.per_peer.value(), c.eff, c.copy, c.fill.value()};
  };
  return family;
}

Family switch_family(const CommunicationSetup& setup) {
  Family family = in_library(setup, "in_network", true);
  family.rows_at = "library.all_reduce";
  family.fewest = 8;
  family.parameters = {
      {"launch", kTime, 10e-6, 0.0, 80e-6}, {"eff", kNumber, 0.8, 0.05, 1.0}, {"fill", kTime, 50e-6, 0.0, 500e-6}};
  family.time = [links = setup.links](std::span<const double> v, std::span<const double> s, const AcceleratorSpec&) {
    return cost::in_network_time(Bytes{s[Size]}, links(ranks(s)),
                                 {.launch = Seconds{v[0]}, .eff = v[1], .fill = Seconds{v[2]}});
  };
  family.serves = [setup](std::span<const double> s, const AcceleratorSpec&) { return switches_add(setup, s); };
  family.stored = [name = setup.library](const models::KernelSet& kernels) -> std::optional<std::vector<double>> {
    const LibraryCoefficients* const library = find(kernels, name);
    if (library == nullptr || !library->in_network) return std::nullopt;
    const models::InNetworkCoefficients& c = *library->in_network;
    return std::vector{c.launch.value(), c.eff, c.fill.value()};
  };
  return family;
}

/// One rank to one other of the domain.
Family hop_family(const CommunicationSetup& setup) {
  Family family = in_library(setup, "point_to_point", true);
  family.parameters = {{"launch_inside", kTime, 8e-6, 0.0, 80e-6}, {"eff_inside", kNumber, 0.8, 0.05, 1.0}};
  family.time = [links = setup.links](std::span<const double> v, std::span<const double> s, const AcceleratorSpec&) {
    return cost::hop_time(Bytes{s[Size]}, links(ranks(s)), {.launch_inside = Seconds{v[0]}, .eff_inside = v[1]});
  };
  family.serves = [](std::span<const double> s, const AcceleratorSpec&) { return s[Size] >= kLeast; };
  family.stored = [name = setup.library](const models::KernelSet& kernels) -> std::optional<std::vector<double>> {
    const LibraryCoefficients* const library = find(kernels, name);
    if (library == nullptr) return std::nullopt;
    return std::vector{library->point_to_point.launch_inside.value(), library->point_to_point.eff_inside};
  };
  return family;
}

}  // namespace

std::vector<Family> library_families(const CommunicationSetup& setup) {
  std::vector<Family> all;
  for (std::size_t op = 0; op < models::kCollectives; ++op) {
    all.push_back(ring_family(setup, static_cast<Collective>(op)));
  }
  all.push_back(switch_family(setup));
  all.push_back(hop_family(setup));
  return all;
}

}  // namespace tokenyard::fit
