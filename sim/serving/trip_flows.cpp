#include "sim/serving/trip_flows.hpp"

#include "models/base/errors.hpp"
#include "sim/serving/step_flows.hpp"

#include <algorithm>
#include <utility>

namespace tokenyard::serving {
namespace {

/// Places by which micro-batches go round.
constexpr std::size_t kAttention = 0;
constexpr std::size_t kOut = 1;
constexpr std::size_t kFfn = 2;
constexpr std::size_t kShare = 3;
constexpr std::size_t kBack = 4;

/// Event codes: a flow of a place has ended; its time is over; the step is. Instance below, place above it.
constexpr std::uint64_t kTimed = std::uint64_t{1} << 40U;
constexpr std::uint64_t kStepOver = std::uint64_t{1} << 41U;
constexpr std::uint64_t at_place(std::size_t place) { return std::uint64_t{place} << 32U; }

bool is_way(std::size_t place) { return place == kOut || place == kBack; }

SimTime from_picoseconds(std::int64_t picoseconds) { return SimTime{(picoseconds + 500) / 1000}; }

}  // namespace

TripFlows::TripFlows(engine::Engine& engine, std::vector<std::optional<TripWiring>> wirings) : engine_(engine) {
  for (auto& wiring : wirings) plays_.emplace_back().wiring = std::move(wiring);
}

void TripFlows::play(InstanceId instance, const cost::StepTrips& trips, StepOwner& owner) {
  Play& play = plays_[instance.index()];
  expect(play.wiring && play.owner == nullptr, "an instance with both sides plays one step at a time");
  play.trips = trips;
  play.owner = &owner;
  play.began = engine_.now();
  play.layer.fill(0);
  play.back = 0;
  for (std::uint32_t i = 0; i < trips.micro_batches; ++i) enter(instance.index(), kAttention, i);
}

void TripFlows::on_event(std::uint64_t what) {
  const auto instance = static_cast<std::uint32_t>(what);
  const auto place = static_cast<std::size_t>((what >> 32U) & 0xFFU);
  if (what >= kStepOver) {
    std::exchange(plays_[instance].owner, nullptr)->step_played();
  } else if (what < kTimed) {
    if (--plays_[instance].places[place].on_the_way == 0) leave(instance, place);
  } else if (is_way(place)) {
    send(instance, place);
  } else {
    leave(instance, place);
  }
}

/// 0: dense, 1: MoE.
std::size_t TripFlows::kind_of_layer(const Play& play, std::uint32_t micro_batch) {
  return play.layer[micro_batch] < play.trips.layers[0].layers ? 0 : 1;
}

/// What the place takes itself: of a way the launch.
SimTime TripFlows::time_at(const Play& play, std::size_t place, std::uint32_t micro_batch) {
  const std::size_t kind = kind_of_layer(play, micro_batch);
  const cost::LayerTrip& trip = play.trips.layers[kind].trip;
  if (place == kAttention) return from_picoseconds(trip.attention);
  if (place == kFfn) return from_picoseconds(trip.ffn);
  if (place == kShare) return from_picoseconds(trip.share);
  const TripWiring& wiring = *play.wiring;
  const cost::StepTrips::WayBytes& bytes = play.trips.way_bytes[kind];
  const Bytes sent = place == kOut ? bytes.out : bytes.back;
  const double ffn = static_cast<double>(wiring.attention.size()) / static_cast<double>(wiring.ffn.size());
  const SimTime wire = SimTime::from(sent * std::max(1.0, ffn) / wiring.rate);
  return std::max(from_picoseconds(place == kOut ? trip.send : trip.back) - wire, SimTime{});
}

void TripFlows::enter(std::uint32_t instance, std::size_t place, std::uint32_t micro_batch) {
  Place& at = plays_[instance].places[place];
  at.waiting.push_back(micro_batch);
  if (!at.serves) serve(instance, place);
}

void TripFlows::serve(std::uint32_t instance, std::size_t place) {
  Play& play = plays_[instance];
  Place& at = play.places[place];
  at.serves = at.waiting.front();
  at.waiting.pop_front();
  engine_.at(engine_.now() + time_at(play, place, *at.serves), engine::rank_of_step(instance), *this,
             kTimed | at_place(place) | instance);
}

/// From every chip of one side to every chip of the other.
void TripFlows::send(std::uint32_t instance, std::size_t place) {
  Play& play = plays_[instance];
  Place& at = play.places[place];
  const TripWiring& wiring = *play.wiring;
  const cost::StepTrips::WayBytes& bytes = play.trips.way_bytes[kind_of_layer(play, *at.serves)];
  const Bytes each = (place == kOut ? bytes.out : bytes.back) / static_cast<double>(wiring.ffn.size());
  at.on_the_way = wiring.attention.size() * wiring.ffn.size();
  for (const EndpointId attention : wiring.attention) {
    for (const EndpointId ffn : wiring.ffn) {
      engine_.transfer(wiring.network, place == kOut ? attention : ffn, place == kOut ? ffn : attention, each,
                       Seconds{}, *this, at_place(place) | instance, engine::Traffic::Collective);
    }
  }
}

void TripFlows::leave(std::uint32_t instance, std::size_t place) {
  Play& play = plays_[instance];
  Place& at = play.places[place];
  const std::uint32_t micro_batch = *std::exchange(at.serves, std::nullopt);
  if (!at.waiting.empty()) serve(instance, place);
  if (place == kFfn && play.trips.layers[kind_of_layer(play, micro_batch)].trip.share == 0) {
    enter(instance, kBack, micro_batch);
  } else if (place != kBack) {
    enter(instance, place + 1, micro_batch);
  } else if (++play.layer[micro_batch] < play.trips.layers[0].layers + play.trips.layers[1].layers) {
    enter(instance, kAttention, micro_batch);
  } else if (++play.back == play.trips.micro_batches) {
    finish(instance);
  }
}

void TripFlows::finish(std::uint32_t instance) {
  const Play& play = plays_[instance];
  const SimTime chips = engine_.now() + play.trips.head;
  const SimTime end =
      play.trips.host_overlapped ? std::max(chips, play.began + play.trips.host) : chips + play.trips.host;
  engine_.at(end, engine::rank_of_step(instance), *this, kStepOver | instance);
}

}  // namespace tokenyard::serving
