#include "sim/policy/longest_prefix.hpp"

#include <algorithm>
#include <numeric>

namespace tokenyard::policy {
namespace {

/// A longer queue is not sorted.
constexpr std::size_t kLongestQueue = 128;

struct Row {
  std::size_t place;
  std::uint32_t cached;
  bool later;  // somebody before it computes what it begins with
};

}  // namespace

std::vector<std::size_t> longest_prefix_first(const Desk& desk, const Inbox& inbox) {
  std::vector<Row> rows;
  std::vector<std::uint64_t> begun;  // beginnings of those that have little in the cache
  for (std::size_t place = 0;; ++place) {
    const auto next = desk.candidate_at(place);
    if (!next) break;
    if (next->loaded || next->from_remote || !inbox.sees(*next)) continue;
    Row row{.place = place, .cached = next->cached, .later = false};
    if (next->cached <= kBeginning && next->beginning) {
      row.later = std::find(begun.begin(), begun.end(), *next->beginning) != begun.end();
      if (!row.later) begun.push_back(*next->beginning);
    }
    rows.push_back(row);
  }
  if (rows.size() <= kLongestQueue) {
    std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
      return a.later != b.later ? b.later : !a.later && a.cached > b.cached;
    });
  }
  std::vector<std::size_t> places;
  places.reserve(rows.size());
  for (const Row& row : rows) places.push_back(row.place);
  return places;
}

}  // namespace tokenyard::policy
