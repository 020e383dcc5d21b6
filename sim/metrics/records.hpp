#pragma once

#include "models/base/ids.hpp"
#include "models/base/sim_time.hpp"

#include <cstdint>
#include <optional>

namespace tokenyard::metrics {

/// One finished request. The parts are whole nanoseconds and add up to last_token - arrival exactly:
///   queue + prefill + kv_wait + kv_transfer + decode_wait + preempted + decode + front_end
struct RequestRecord {
  RequestId id;
  ClassId slo_class;
  std::uint32_t prompt_tokens = 0;
  std::uint32_t output_tokens = 0;
  std::uint32_t preemptions = 0;
  std::uint32_t cached_tokens = 0;  ///< of the prompt, found in the prefix cache when it was first admitted
  std::uint32_t tenant = 0;
  std::optional<std::uint64_t> session{};
  InstanceId prefill_instance;
  InstanceId decode_instance;  ///< the same as prefill_instance when both phases ran there

  SimTime arrival;
  SimTime admitted;     ///< a scheduler took it into a step for the first time
  SimTime first_token;  ///< the user has it
  SimTime last_token;

  SimTime queue;        ///< scheduler has it until admitted
  SimTime prefill;      ///< admitted until the step that completed the prompt ended, less preempted time
  SimTime kv_wait;      ///< prompt done until the decode side had blocks for it
  SimTime kv_transfer;  ///< set-up and flow of the KV cache
  SimTime decode_wait;  ///< KV there until a step of the decode side took it
  SimTime preempted;    ///< from each preemption until the scheduler took it again
  SimTime decode;       ///< the rest: generating tokens
  SimTime front_end;    ///< arrival until the scheduler has it, and the last token on its way to the user

  [[nodiscard]] SimTime ttft() const { return first_token - arrival; }
  [[nodiscard]] SimTime ttft_from_admission() const { return first_token - admitted; }
  [[nodiscard]] SimTime latency() const { return last_token - arrival; }
  /// (last - first) / (output - 1), whole nanoseconds; 0 for a single token, which has no TPOT.
  [[nodiscard]] SimTime tpot() const {
    return output_tokens > 1 ? SimTime{(last_token - first_token).ns() / (output_tokens - 1)} : SimTime{};
  }
};

/// Why a request ended without its answer.
enum class GaveUp : std::uint8_t {
  TimedOut,   ///< its user's patience ran out
  Cancelled,  ///< its user had seen enough
  Rejected,   ///< it was turned away when it came
};

/// One request that was given up before the answer was complete.
struct GivenUpRecord {
  RequestId id;
  ClassId slo_class;
  std::uint32_t tenant = 0;
  std::optional<std::uint64_t> session{};
  GaveUp how = GaveUp::TimedOut;
  std::uint32_t prompt_tokens = 0;
  std::uint32_t output_tokens = 0;  ///< handed out until then, for nothing
  SimTime arrival;
  SimTime gone;
};

/// One step of one instance (written on request).
struct StepRecord {
  InstanceId instance;
  SimTime composed;
  SimTime start;
  SimTime end;
  std::uint32_t decodes = 0;
  std::uint32_t prefill_tokens = 0;
  std::uint32_t chunks = 0;
  std::uint64_t decode_context = 0;
};

}  // namespace tokenyard::metrics
