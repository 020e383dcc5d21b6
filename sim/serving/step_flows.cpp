#include "sim/serving/step_flows.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tokenyard::serving {
namespace {

/// Event codes: a flow of the instance has ended; a turn of computation is over; the step is.
constexpr std::uint64_t kComputed = std::uint64_t{1} << 32U;
constexpr std::uint64_t kStepOver = std::uint64_t{1} << 33U;

/// Peers that a port sends to at once.
std::size_t peers(Bytes sent, Bytes per_flow) {
  return static_cast<std::size_t>(std::max(std::llround(sent / per_flow), 1LL));
}

cost::PortLoad part_of(const cost::PortLoad& load, double parts) {
  cost::PortLoad part;
  part.add(1.0 / parts, load);
  return part;
}

/// What a port carries of what is sent inside a domain.
Bytes carried_inside(const GroupFlows& kind, const cost::PortLoad& load) {
  const bool to_all = load.sent.inside > load.per_flow.inside;
  return load.sent.inside * (to_all ? kind.forwarding : 1.0);
}

}  // namespace

Seconds idle_time(const GroupFlows& kind, const cost::PortLoad& load) {
  const Bytes inside = carried_inside(kind, load);
  Seconds time = inside > Bytes{} ? inside / kind.port : Seconds{};
  if (load.sent.across <= Bytes{}) return time;
  if (kind.inside == kind.across) time += load.sent.across / kind.port;
  return std::max(time, load.sent.across / kind.uplink);
}

StepFlows::StepFlows(engine::Engine& engine, std::vector<StepWiring> wirings) : engine_(engine) {
  std::vector<std::optional<TripWiring>> trips;
  for (StepWiring& wiring : wirings) {
    trips.push_back(std::move(wiring.trips));
    plays_.push_back({.wiring = std::move(wiring)});
  }
  trips_ = std::make_unique<TripFlows>(engine, std::move(trips));
}

void StepFlows::play(InstanceId instance, SimTime price, const cost::Communication& sends, StepOwner& owner) {
  Play& play = plays_[instance.index()];
  expect(play.owner == nullptr, "an instance plays one step at a time");
  const Seconds sending = idle_time(play.wiring.tensor, sends.tensor) + idle_time(play.wiring.expert, sends.expert);
  play.owner = &owner;
  play.tensor = part_of(sends.tensor, play.wiring.rounds);
  play.expert = part_of(sends.expert, play.wiring.rounds);
  play.computing = std::max(price - SimTime::from(sending), SimTime{});
  play.round = 0;
  compute(instance.index());
}

void StepFlows::compute(std::uint32_t instance) {
  Play& play = plays_[instance];
  const std::int64_t rounds = play.wiring.rounds;
  const std::int64_t all = play.computing.ns();
  const SimTime slice{all * (play.round + 1) / rounds - all * play.round / rounds};
  play.turn = Turn::Computed;
  engine_.at(engine_.now() + slice, engine::rank_of_step(instance), *this, kComputed | instance);
}

void StepFlows::on_event(std::uint64_t what) {
  const auto instance = static_cast<std::uint32_t>(what);
  Play& play = plays_[instance];
  if (what >= kStepOver) {
    std::exchange(play.owner, nullptr)->step_played();
  } else if (what >= kComputed || --play.on_the_way == 0) {
    next(instance);
  }
}

/// Goes on to the next turn that has something to do.
void StepFlows::next(std::uint32_t instance) {
  Play& play = plays_[instance];
  if (play.turn == Turn::Computed) {
    play.turn = Turn::TensorSent;
    if (send(instance, play.wiring.tensor, play.tensor)) return;
  }
  if (play.turn == Turn::TensorSent) {
    play.turn = Turn::ExpertsSent;
    if (send(instance, play.wiring.expert, play.expert)) return;
  }
  if (++play.round < play.wiring.rounds) {
    compute(instance);
  } else {
    engine_.at(engine_.now(), engine::rank_of_step(instance), *this, kStepOver | instance);
  }
}

bool StepFlows::send(std::uint32_t instance, const GroupFlows& kind, const cost::PortLoad& load) {
  for (const GroupFlows::Domains& domains : kind.groups) {
    for (std::size_t domain = 0; domain < domains.size(); ++domain) {
      for (std::size_t place = 0; place < domains[domain].size(); ++place) {
        send_inside(instance, kind, load, domains[domain], place);
        send_across(instance, kind, load, domains, domain, place);
      }
    }
  }
  return plays_[instance].on_the_way > 0;
}

/// From the chip in this place of its domain to others there.
void StepFlows::send_inside(std::uint32_t instance, const GroupFlows& kind, const cost::PortLoad& load,
                            const std::vector<std::uint32_t>& chips, std::size_t place) {
  if (load.sent.inside <= Bytes{} || chips.size() == 1) return;
  const std::size_t many = std::min(peers(load.sent.inside, load.per_flow.inside), chips.size() - 1);
  const Bytes share = carried_inside(kind, load) / static_cast<double>(many);
  for (std::size_t next = 1; next <= many; ++next) {
    send_one(instance, kind.inside, chips[place], chips[(place + next) % chips.size()], share);
  }
}

/// From the same to the next domains: to all chips there, or to the one in its place.
void StepFlows::send_across(std::uint32_t instance, const GroupFlows& kind, const cost::PortLoad& load,
                            const GroupFlows::Domains& domains, std::size_t domain, std::size_t place) {
  if (load.sent.across <= Bytes{} || domains.size() == 1) return;
  const std::uint32_t from = domains[domain][place];
  const std::size_t wanted = peers(load.sent.across, load.per_flow.across);
  const std::size_t many = std::min(wanted, domains.size() - 1);
  const Bytes share = load.sent.across / static_cast<double>(many);
  for (std::size_t next = 1; next <= many; ++next) {
    const std::vector<std::uint32_t>& there = domains[(domain + next) % domains.size()];
    if (wanted < domains.size()) {
      send_one(instance, kind.across, from, there[std::min(place, there.size() - 1)], share);
      continue;
    }
    for (const std::uint32_t to : there) {
      send_one(instance, kind.across, from, to, share / static_cast<double>(there.size()));
    }
  }
}

void StepFlows::send_one(std::uint32_t instance, std::size_t network, std::uint32_t from, std::uint32_t to,
                         Bytes size) {
  Play& play = plays_[instance];
  const std::vector<EndpointId>& endpoints = play.wiring.endpoints[network];
  ++play.on_the_way;
  engine_.transfer(network, endpoints[from], endpoints[to], size, Seconds{}, *this, instance,
                   engine::Traffic::Collective);
}

}  // namespace tokenyard::serving
