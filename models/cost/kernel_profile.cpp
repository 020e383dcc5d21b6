#include "models/cost/kernel_profile.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace tokenyard::cost {
namespace {

struct Figures {
  std::string_view group;  // of places: before the dot
  std::vector<std::size_t> order;
  std::size_t matched;
};

const std::vector<Figures>& known_figures() {
  static const std::vector<Figures> known{
      {"gemm", {1, 2, 0}, 0},                     // n, k, m
      {"attention_decode", {2, 3, 4, 0, 1}, 3},   // heads, KV heads, head size, sequences, context
      {"attention_context", {2, 3, 4, 0, 1}, 3},  // the same with tokens
      {"mla_decode", {2, 0, 1}, 1},
      {"mla_context", {2, 0, 1}, 1},
      {"moe", {1, 2, 3, 4, 5, 6, 0}, 6},
      {"all_reduce", {1, 0}, 1}};
  return known;
}

}  // namespace

ProfiledKernel::ProfiledKernel(std::vector<std::size_t> order, std::size_t matched)
    : order_(std::move(order)), matched_(matched) {
  expect(matched_ < order_.size(), "a figure at least may lie between rows");
}

void ProfiledKernel::add(std::span<const double> shape, double seconds) {
  expect(shape.size() == order_.size() && seconds > 0.0, "a row has the family's figures and a time");
  Row row{.seconds = seconds};
  for (const std::size_t at : order_) row.key.push_back(shape[at]);
  rows_.push_back(std::move(row));
}

void ProfiledKernel::close() {
  std::sort(rows_.begin(), rows_.end(),
            [](const Row& a, const Row& b) { return a.key != b.key ? a.key < b.key : a.seconds < b.seconds; });
  rows_.erase(std::unique(rows_.begin(), rows_.end(), [](const Row& a, const Row& b) { return a.key == b.key; }),
              rows_.end());
}

std::optional<double> ProfiledKernel::at(std::span<const double> shape) const {
  expect(shape.size() == order_.size(), "a shape has the family's figures");
  std::vector<double> key;
  for (const std::size_t at : order_) key.push_back(shape[at]);
  const auto row =
      std::lower_bound(rows_.begin(), rows_.end(), key, [](const Row& a, const auto& b) { return a.key < b; });
  if (row != rows_.end() && row->key == key) return row->seconds;
  const auto time = log_time(rows_, key, 0);
  if (!time) return std::nullopt;
  return std::exp(*time);
}

std::optional<double> ProfiledKernel::log_time(Rows rows, std::span<const double> key, std::size_t level) const {
  if (level == key.size()) return std::log(rows.front().seconds);
  const auto with = [level](Rows among, double value) {
    const auto below = [level](const Row& row, double v) { return row.key[level] < v; };
    const auto above = [level](double v, const Row& row) { return v < row.key[level]; };
    const auto first = std::lower_bound(among.begin(), among.end(), value, below);
    return Rows(first, std::upper_bound(first, among.end(), value, above));
  };
  const double wanted = key[level];
  if (const Rows same = with(rows, wanted); !same.empty()) return log_time(same, key, level + 1);
  if (level < matched_) return std::nullopt;
  const auto next = std::lower_bound(rows.begin(), rows.end(), wanted,
                                     [level](const Row& row, double v) { return row.key[level] < v; });
  if (next == rows.begin() || next == rows.end()) return std::nullopt;
  const double low = std::prev(next)->key[level];
  const double high = next->key[level];
  const auto from = log_time(with(rows, low), key, level + 1);
  const auto to = log_time(with(rows, high), key, level + 1);
  if (!from || !to) return std::nullopt;
  return *from + (*to - *from) * std::log(wanted / low) / std::log(high / low);
}

std::map<double, ProfiledKernel::Line> ProfiledKernel::lines(std::span<const double> shape) const {
  std::map<double, Line> lines;
  const std::size_t last = order_.size() - 1;
  expect(matched_ + 2 == order_.size(), "a family of lines has two figures that vary");
  for (const Row& row : rows_) {
    bool met = true;
    for (std::size_t i = 0; i < matched_; ++i) met = met && row.key[i] == shape[order_[i]];
    if (!met) continue;
    Line& line = lines[row.key[last - 1]];
    line.figures.push_back(row.key[last]);
    line.seconds.push_back(row.seconds);
  }
  return lines;
}

bool KernelProfile::add(std::string_view place, std::span<const double> shape, double seconds) {
  const std::string_view group = place.substr(0, place.find('.'));
  for (const Figures& figures : known_figures()) {
    if (figures.group != group) continue;
    auto kernel = kernels_.find(place);
    if (kernel == kernels_.end()) {
      kernel = kernels_.emplace(std::string(place), ProfiledKernel(figures.order, figures.matched)).first;
    }
    kernel->second.add(shape, seconds);
    return true;
  }
  return false;
}

void KernelProfile::close() {
  for (auto& [place, kernel] : kernels_) kernel.close();
}

const ProfiledKernel* KernelProfile::find(std::string_view place) const {
  const auto kernel = kernels_.find(place);
  return kernel == kernels_.end() ? nullptr : &kernel->second;
}

std::optional<Seconds> KernelProfile::time(std::string_view place, std::span<const double> shape) const {
  const ProfiledKernel* const kernel = find(place);
  const auto seconds = kernel == nullptr ? std::nullopt : kernel->at(shape);
  if (!seconds) return std::nullopt;
  return Seconds{*seconds};
}

}  // namespace tokenyard::cost
