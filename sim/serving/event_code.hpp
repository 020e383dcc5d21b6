#pragma once

#include <cstdint>

namespace tokenyard::serving {

/// What an event to Serving is about: the kind in the upper half of its code, the sequence in the lower.
enum class Kind : std::uint32_t {
  Arrival,
  Return,     ///< a user of a closed loop comes back
  FollowUp,   ///< what an interactive source sends in answer to an end
  Copied,     ///< a flow of a beginning from another instance has ended
  Called,     ///< the last byte of a call has come to its instance
  Accepted,   ///< the front end is through with a call
  HandedOff,  ///< a prompt is computed, its KV pinned
  Flow,       ///< a flow of a KV transfer has ended
  Patience,   ///< that of a user ends
  Reserved,   ///< the decode side has room: the prefill side may start
  There,      ///< the decode side has blocks for KV that was there before
};

[[nodiscard]] constexpr std::uint64_t code(Kind kind, std::uint32_t index = 0) {
  return (static_cast<std::uint64_t>(kind) << 32) | index;
}

}  // namespace tokenyard::serving
