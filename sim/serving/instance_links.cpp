#include "sim/serving/instance.hpp"

#include <algorithm>

// Steps beside KV flows on the links of their collectives.

namespace tokenyard::serving {

/// By which the step in shapes_ takes longer beside the flows of this moment; a stage of a pipeline by as much each.
SimTime Instance::delay() const {
  if (settings_.contention == nullptr || !settings_.contention->meets(settings_.id)) return {};
  const Contention::Delay delay = settings_.contention->delay(settings_.id, cost_.communication(shapes_));
  const SimTime held_up = SimTime::from(delay.held_up);
  const bool ways = delay.out > Seconds{} || delay.back > Seconds{};
  return ways ? held_up + cost_.longer(shapes_, delay.out, delay.back) : held_up;
}

/// What is left of a step in flight goes on at the new rate: collectives are spread evenly over it. In a pipeline only
/// the steps that enter from now on take the new time.
void Instance::links_changed() {
  const SimTime now = engine_.now();
  if (settings_.stages == 1) {
    Lane& lane = lanes_[0];
    for (std::size_t i = 0; i < lane.in_flight; ++i) {
      Step& step = lane.at(i);
      load_shapes(step);
      const SimTime delayed = delay();
      if (step.held) {
        step.delay = delayed;
        continue;
      }
      if (i == 0 && step.start >= now) {  // it waits for a tier
        step.end = step.start + step.alone + delayed;
      } else if (i == 0) {
        const auto left = static_cast<metrics::Uint128>((step.end - now).ns());
        const auto rate = static_cast<metrics::Uint128>((step.alone + delayed).ns());
        const auto before = static_cast<metrics::Uint128>((step.alone + step.delay).ns());
        step.end = now + SimTime{static_cast<std::int64_t>((left * rate + before / 2) / before)};
      } else {
        step.start = std::max(lane.at(i - 1).end, step.not_before);
        step.end = step.start + step.alone + delayed;
      }
      step.delay = delayed;
    }
  }
  set_wake();
  tell_load();
}

/// Begins a step that flows play. REQUIRES: shapes_ are its own.
void Instance::play(Step& step) {
  step.start = engine_.now();
  if (const auto trips = cost_.trips(shapes_)) {
    settings_.flows->play(settings_.id, *trips, *this);
  } else {
    settings_.flows->play(settings_.id, step.alone, cost_.communication(shapes_), *this);
  }
}

void Instance::step_played() {
  lanes_[0].oldest().played = true;
  step_over();
}

/// A step that flows have played ends when its last layer has had its part of what is loaded.
void Instance::step_over() {
  Step& step = lanes_[0].oldest();
  if (step.awaited_rest > 0) return;
  const SimTime now = engine_.now();
  const SimTime due = step.rest_came == SimTime{} ? now : std::max(now, step.rest_came + last_layer(step));
  if (due > now) {
    engine_.at(due, engine::rank_of_step(settings_.id.index()), *this, kStepOver);
    return;
  }
  step.end = now;
  advance(now, true);
  set_wake();
}

void Instance::load_shapes(const Step& step) {
  for (std::size_t r = 0; r < step.ranks.size(); ++r) {
    shapes_[r] = step.ranks[r].live ? step.ranks[r].shape : cost::StepShape{};
  }
}

/// Flows find what steps like the youngest leave them, of every lane. Told when one is composed, when a lane has none
/// left, and when flows come or go: at instants that a run of steps has whether it is played at once or not.
void Instance::tell_load() {
  if (settings_.contention == nullptr || !settings_.contention->meets(settings_.id)) return;
  cost::Communication sum;
  SimTime longest;
  for (const Lane& lane : lanes_) {
    if (lane.in_flight == 0) continue;
    const Step& step = lane.at(lane.in_flight - 1);
    load_shapes(step);
    // Steps in a pipeline overlap, each on its way through all stages.
    const double at_once = settings_.stages == 1 ? 1.0 : static_cast<double>(lane.in_flight);
    const cost::Communication one = cost_.communication(shapes_);
    sum.tensor.add(at_once, one.tensor);
    sum.expert.add(at_once, one.expert);
    sum.pipeline.add(at_once, one.pipeline);
    sum.ways.out.add(at_once, one.ways.out);
    sum.ways.back.add(at_once, one.ways.back);
    longest = std::max(longest, step.alone + step.delay);
  }
  if (longest > SimTime{}) {
    settings_.contention->runs(settings_.id, sum, longest.seconds());
  } else {
    settings_.contention->idles(settings_.id);
  }
}

}  // namespace tokenyard::serving
