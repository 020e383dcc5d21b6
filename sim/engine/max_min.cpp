#include "sim/engine/max_min.hpp"

#include "models/base/errors.hpp"

#include <algorithm>

namespace tokenyard::engine {

namespace {

/// Far above what rounding makes of sums over a link's flows, far below what a nanosecond of a transfer tells.
constexpr double kSame = 1e-12;

}  // namespace

MaxMin::MaxMin(const std::vector<double>& capacities) : links_(capacities.size()) {
  for (std::size_t i = 0; i < capacities.size(); ++i) links_[i].capacity = capacities[i];
}

void MaxMin::change(std::uint32_t link) {
  if (links_[link].changed) return;
  links_[link].changed = true;
  changed_.push_back(link);
}

/// Adds to the load; anew from all its flows as often as there are of them, so that rounding does not pile up.
void MaxMin::book(Link& link, double rate) {
  link.load += rate;
  if (++link.added_up <= link.flows.size()) return;
  link.added_up = 0;
  link.load = 0.0;
  for (const std::uint32_t flow : link.flows) link.load += flows_[flow].rate;
}

void MaxMin::set_capacity(std::uint32_t link, double capacity) {
  links_[link].capacity = capacity;
  change(link);
}

void MaxMin::add(std::uint32_t flow, std::span<const std::uint32_t> links, double limit) {
  expect(!links.empty() && links.size() <= kMostLinks, "a flow crosses 1 to 6 links");
  if (flow >= flows_.size()) flows_.resize(std::size_t{flow} + 1);
  Flow& added = flows_[flow];
  added = {.limit = limit, .count = static_cast<std::uint32_t>(links.size())};
  for (std::uint32_t i = 0; i < added.count; ++i) {
    std::vector<std::uint32_t>& flows = links_[links[i]].flows;
    added.links[i] = links[i];
    added.places[i] = static_cast<std::uint32_t>(flows.size());
    flows.push_back(flow);
    change(links[i]);
  }
}

void MaxMin::remove(std::uint32_t flow) {
  const Flow& removed = flows_[flow];
  for (std::uint32_t i = 0; i < removed.count; ++i) {
    Link& link = links_[removed.links[i]];
    const std::uint32_t last = link.flows.back();
    link.flows[removed.places[i]] = last;  // may be itself
    link.flows.pop_back();
    Flow& moved = flows_[last];
    std::uint32_t hop = 0;
    while (moved.links[hop] != removed.links[i]) ++hop;
    moved.places[hop] = removed.places[i];
    book(link, -removed.rate);
    if (removed.bottleneck == removed.links[i]) --link.held_here;
    change(removed.links[i]);
  }
}

std::span<const std::uint32_t> MaxMin::settle() {
  part_.clear();
  if (changed_.empty()) return part_;
  ++settling_;
  reached_.clear();
  for (const std::uint32_t link : changed_) reach(link);
  for (const std::uint32_t link : changed_) {
    links_[link].changed = false;
    for (const std::uint32_t flow : links_[link].flows) {
      const std::uint32_t bottleneck = flows_[flow].bottleneck;
      if (bottleneck == link || bottleneck == kNone) join(flow);
    }
  }
  changed_.clear();
  do {
    fill();
  } while (join_those_without_bottleneck());

  for (const std::uint32_t number : part_) {
    Flow& flow = flows_[number];
    const double more = flow.new_rate - flow.rate;
    flow.rate = flow.new_rate;
    for (std::uint32_t i = 0; i < flow.count; ++i) {
      Link& link = links_[flow.links[i]];
      if (flow.bottleneck == flow.links[i]) --link.held_here;
      if (flow.new_bottleneck == flow.links[i]) ++link.held_here;
      book(link, more);
    }
    flow.bottleneck = flow.new_bottleneck;
  }
  return part_;
}

void MaxMin::reach(std::uint32_t number) {
  Link& link = links_[number];
  if (link.part_of == settling_) return;
  link.part_of = settling_;
  link.room = link.capacity - link.load;
  link.taking_part = 0;
  link.held_taking_part = 0;
  reached_.push_back(number);
}

void MaxMin::join(std::uint32_t number) {
  Flow& flow = flows_[number];
  if (flow.part_of == settling_) return;
  flow.part_of = settling_;
  part_.push_back(number);
  for (std::uint32_t i = 0; i < flow.count; ++i) {
    reach(flow.links[i]);
    Link& link = links_[flow.links[i]];
    link.room += flow.rate;
    ++link.taking_part;
    if (flow.bottleneck == flow.links[i]) ++link.held_taking_part;
  }
}

/// Of the flows that keep their rates: those whose bottleneck is not full any more or gives others more, those that
/// have more from a link than flows that it is now the bottleneck of, and all of a link that cannot carry so much any
/// more.
bool MaxMin::join_those_without_bottleneck() {
  const std::size_t before = part_.size();
  const std::size_t filled = reached_.size();
  for (std::size_t i = 0; i < filled; ++i) {
    const std::uint32_t number = reached_[i];
    const Link& link = links_[number];
    const bool too_much = link.left < -kSame * link.capacity;
    if (!link.full && !too_much && link.held_here == link.held_taking_part) continue;
    const bool full = link.left <= kSame * link.capacity;
    for (const std::uint32_t other : link.flows) {
      const Flow& flow = flows_[other];
      if (flow.part_of == settling_) continue;
      const bool loses = flow.bottleneck == number && (!full || flow.rate < link.top * (1.0 - kSame));
      if (too_much || loses || (link.full && flow.rate > link.top * (1.0 + kSame))) join(other);
    }
  }
  return part_.size() > before;
}

void MaxMin::fill() {
  ++filling_;
  heap_.clear();
  limited_.clear();
  for (const std::uint32_t number : reached_) {
    Link& link = links_[number];
    link.left = link.room;
    link.open = link.taking_part;
    link.top = 0.0;
    link.full = false;
    if (link.open > 0) heap_.push_back({.least = std::max(0.0, link.left) / link.open, .link = number});
  }
  for (std::size_t at = heap_.size() / 2; at-- > 0;) sink(at);
  for (const std::uint32_t flow : part_) {
    if (flows_[flow].limit != kNoLimit) limited_.push_back(flow);
  }
  std::sort(limited_.begin(), limited_.end(), [&](std::uint32_t a, std::uint32_t b) {
    return flows_[a].limit != flows_[b].limit ? flows_[a].limit < flows_[b].limit : a < b;
  });
  auto limited = limited_.begin();
  for (std::size_t open = part_.size(); open > 0;) {
    Share& first = heap_.front();
    const std::uint32_t number = first.link;
    Link& link = links_[number];
    if (link.open == 0) {  // others have given its flows their rates
      first = heap_.back();
      heap_.pop_back();
      sink(0);
      continue;
    }
    const double share = std::max(0.0, link.left) / link.open;
    if (share > first.least) {
      first.least = share;
      sink(0);
      continue;
    }
    while (limited != limited_.end() && flows_[*limited].filled == filling_) ++limited;
    if (limited != limited_.end() && flows_[*limited].limit <= share) {
      fix(*limited, flows_[*limited].limit, kItsLimit);
      --open;
      continue;
    }
    link.full = true;
    for (const std::uint32_t flow : link.flows) {
      if (flows_[flow].part_of != settling_ || flows_[flow].filled == filling_) continue;
      fix(flow, share, number);
      --open;
    }
  }
}

void MaxMin::fix(std::uint32_t number, double rate, std::uint32_t bottleneck) {
  Flow& flow = flows_[number];
  flow.filled = filling_;
  flow.new_rate = rate;
  flow.new_bottleneck = bottleneck;
  for (std::uint32_t i = 0; i < flow.count; ++i) {
    Link& link = links_[flow.links[i]];
    link.left -= rate;
    link.top = rate;  // rates only rise on the way
    --link.open;
  }
}

/// Puts the heap in order below `at`; of equal shares that of the lower link is first.
void MaxMin::sink(std::size_t at) {
  const auto before = [](const Share& a, const Share& b) {
    return a.least != b.least ? a.least < b.least : a.link < b.link;
  };
  if (heap_.empty()) return;
  const Share sunk = heap_[at];
  while (true) {
    std::size_t child = 2 * at + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) ++child;
    if (!before(heap_[child], sunk)) break;
    heap_[at] = heap_[child];
    at = child;
  }
  heap_[at] = sunk;
}

}  // namespace tokenyard::engine
