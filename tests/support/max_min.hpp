#pragma once

#include "topologies/topology.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <utility>
#include <vector>

namespace tokenyard::tests {

struct TestFlow {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  double bytes = 0.0;
  double start_s = 0.0;
};

/// When each flow ends if links are shared max-min fairly, by progressive filling at every start and end. Slow and
/// plain, to be compared with. Bertsekas, Gallager, Data Networks, 2nd ed., 1992, section 6.5.2.
class MaxMinReference {
 public:
  MaxMinReference(const topologies::FlowNetwork& network, std::vector<TestFlow> flows)
      : network_(network), flows_(std::move(flows)) {}

  [[nodiscard]] std::vector<double> ends_s() {
    std::vector<double> ends(flows_.size(), -1.0);
    std::vector<double> left;
    for (const TestFlow& flow : flows_) {
      left.push_back(flow.bytes);
    }
    double now_s = 0.0;
    while (true) {
      std::vector<std::size_t> flying;
      double next_s = std::numeric_limits<double>::infinity();
      for (std::size_t f = 0; f < flows_.size(); ++f) {
        if (ends[f] >= 0.0) {
          continue;
        }
        if (flows_[f].start_s <= now_s) {
          flying.push_back(f);
        } else {
          next_s = std::min(next_s, flows_[f].start_s);
        }
      }
      const std::vector<double> rates = fill(flying);
      for (std::size_t i = 0; i < flying.size(); ++i) {
        next_s = std::min(next_s, now_s + left[flying[i]] / rates[i]);
      }
      if (next_s == std::numeric_limits<double>::infinity()) {
        return ends;
      }
      for (std::size_t i = 0; i < flying.size(); ++i) {
        const double span_s = left[flying[i]] / rates[i];
        left[flying[i]] -= rates[i] * (next_s - now_s);
        if (now_s + span_s <= next_s * (1.0 + 1e-14)) {
          ends[flying[i]] = next_s;
        }
      }
      now_s = next_s;
    }
  }

  /// Rate of the flow when nobody else is there.
  [[nodiscard]] double alone(std::size_t flow) const {
    double rate = std::numeric_limits<double>::infinity();
    for (const Link& link : route(flow)) {
      rate = std::min(rate, capacity(link));
    }
    return rate;
  }

 private:
  /// {0 NIC | 1 trunk, 0 up | 1 down} as one number, and its index.
  using Link = std::pair<int, std::uint32_t>;

  [[nodiscard]] std::vector<Link> route(std::size_t flow) const {
    const std::uint32_t from = flows_[flow].from;
    const std::uint32_t to = flows_[flow].to;
    std::vector<Link> links = {{0, from}, {1, to}};
    const std::uint32_t a = network_.endpoints[from].domain;
    const std::uint32_t b = network_.endpoints[to].domain;
    if (a != b) {
      links.push_back({2, a});
      links.push_back({3, b});
    }
    return links;
  }

  [[nodiscard]] double capacity(Link link) const {
    return link.first < 2 ? network_.endpoints[link.second].bandwidth.value()
                          : network_.domains[link.second].trunk.value();
  }

  /// All rates grow together; a flow stops when one of its links is full.
  [[nodiscard]] std::vector<double> fill(const std::vector<std::size_t>& flying) const {
    std::vector<double> rates(flying.size(), 0.0);
    std::vector<bool> fixed(flying.size(), false);
    std::map<Link, double> room;
    for (const std::size_t f : flying) {
      for (const Link& link : route(f)) {
        room[link] = capacity(link);
      }
    }
    for (std::size_t open = flying.size(); open > 0;) {
      std::map<Link, int> users;
      for (std::size_t i = 0; i < flying.size(); ++i) {
        for (const Link& link : route(flying[i])) {
          users[link] += fixed[i] ? 0 : 1;
        }
      }
      Link narrowest{};
      double share = std::numeric_limits<double>::infinity();
      for (const auto& [link, count] : users) {
        if (count > 0 && room[link] / count < share) {
          share = room[link] / count;
          narrowest = link;
        }
      }
      for (std::size_t i = 0; i < flying.size(); ++i) {
        const std::vector<Link> links = route(flying[i]);
        if (!fixed[i] && std::find(links.begin(), links.end(), narrowest) != links.end()) {
          fixed[i] = true;
          rates[i] = share;
          --open;
          for (const Link& link : links) {
            room[link] -= share;
          }
        }
      }
    }
    return rates;
  }

  topologies::FlowNetwork network_;
  std::vector<TestFlow> flows_;
};

}  // namespace tokenyard::tests
