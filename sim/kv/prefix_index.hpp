#pragma once

#include "sim/kv/id_map.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace tokenyard::kv {

/// What somebody outside believes a cache to hold: a set of names, the least recently written of which are forgotten
/// beyond a capacity.
///
/// Relies on the cache giving up ends before beginnings: when a name is here, so are those of all shorter beginnings.
/// Then the longest match is found by bisection, O(log blocks).
class PrefixIndex {
 public:
  /// `capacity`: names; 0 = no limit.
  explicit PrefixIndex(std::uint32_t capacity) : capacity_(capacity) {}

  /// Leading blocks among the first `most` that are here; `name_of(i)` names block i.
  template <class NameOf>
  [[nodiscard]] std::uint32_t match(std::uint32_t most, NameOf name_of) const {
    std::uint32_t here = 0;
    std::uint32_t missing = most + 1;  // as counts: `here` blocks are, `missing` are not
    // Most prompts share little: steps that double first.
    for (std::uint32_t probe = 1; probe < missing && holds(name_of(probe - 1)); probe *= 2) here = probe;
    missing = here == 0 ? 1 : here * 2 < missing ? here * 2 : missing;
    while (missing - here > 1) {
      const std::uint32_t middle = here + (missing - here) / 2;
      (holds(name_of(middle - 1)) ? here : missing) = middle;
    }
    return here;
  }
  [[nodiscard]] bool holds(std::uint64_t name) const { return entry_of_.find(name) != nullptr; }

  /// The first `count` blocks are there from now on; written from the last to the first, so that beginnings stay
  /// longest.
  template <class NameOf>
  void write(std::uint32_t count, NameOf name_of) {
    for (std::uint32_t i = count; i > 0; --i) (void)insert(name_of(i - 1));
  }
  /// Gives the name that had to go for it, if one had. REQUIRES: has_room(), or it is here.
  std::optional<std::uint64_t> insert(std::uint64_t name);
  /// It does not give way to others until it is inserted again. REQUIRES: it is here.
  void keep(std::uint64_t name);
  /// Whether another name could come: not when all that are here are kept.
  [[nodiscard]] bool has_room() const { return capacity_ == 0 || entry_of_.size() < capacity_ || oldest_ != 0; }
  /// Nothing happens for a name that is not here.
  void erase(std::uint64_t name);
  [[nodiscard]] std::size_t size() const { return entry_of_.size(); }

 private:
  struct Entry {
    std::uint64_t name = 0;
    std::uint32_t next = 0;  // entry + 1, towards the most recent; 0 = none
    std::uint32_t previous = 0;
    bool kept = false;
  };
  void link(std::uint32_t entry);
  void unlink(std::uint32_t entry);

  std::uint32_t capacity_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> unused_;
  IdMap entry_of_;
  std::uint32_t oldest_ = 0;  // entry + 1
  std::uint32_t newest_ = 0;
};

}  // namespace tokenyard::kv
