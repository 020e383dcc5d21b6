#pragma once

#include "models/base/sim_time.hpp"
#include "sim/kv/id_map.hpp"
#include "sim/kv/prefix_index.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <vector>

namespace tokenyard::kv {

/// What one tier holds: names, the least recently written or read of which give way; and which of them are still being
/// written.
class TierStore {
 public:
  explicit TierStore(std::uint32_t blocks) : names_(blocks) {}

  /// What has been written by then can be read. Must not go back.
  void set_time(SimTime now) {
    while (!writing_.empty() && writing_.top().done <= now) {
      const std::uint32_t* latest = number_of_.find(writing_.top().name);
      if (latest != nullptr && *latest == writing_.top().number) number_of_.erase(writing_.top().name);
      writing_.pop();
    }
  }
  /// Here, or on its way.
  [[nodiscard]] bool holds(std::uint64_t name) const { return names_.holds(name); }
  /// All of it is here.
  [[nodiscard]] bool has(std::uint64_t name) const { return names_.holds(name) && number_of_.find(name) == nullptr; }

  struct Written {
    bool room = false;                    ///< false: all that is here is kept; nothing is written
    std::optional<std::uint64_t> gone{};  ///< the name that had to go for it
  };
  /// Takes room for a block that will be here at `done`. REQUIRES: it does not hold it.
  Written write(std::uint64_t name, SimTime done) {
    if (!names_.has_room()) return {};
    const Written written{.room = true, .gone = names_.insert(name)};
    writing_.push({done, ++numbers_, name});
    number_of_.insert(name, numbers_);
    return written;
  }
  /// It becomes the most recent.
  void touch(std::uint64_t name) { (void)names_.insert(name); }
  void keep(std::uint64_t name) { names_.keep(name); }
  void erase(std::uint64_t name) { names_.erase(name); }

 private:
  struct Writing {
    SimTime done;
    std::uint32_t number;
    std::uint64_t name;
    friend bool operator>(const Writing& a, const Writing& b) {
      return a.done != b.done ? a.done > b.done : a.number > b.number;
    }
  };
  PrefixIndex names_;
  std::priority_queue<Writing, std::vector<Writing>, std::greater<>> writing_;
  IdMap number_of_;  // of the latest writing of each name that has not ended
  std::uint32_t numbers_ = 0;
};

}  // namespace tokenyard::kv
