#pragma once

#include "sim/policy/router.hpp"

#include <span>
#include <vector>

namespace tokenyard::policy {

/// A router's picture of the loads: taken at most every `refresh`, and between two looks brought on by its own choices.
class LoadWatch {
 public:
  explicit LoadWatch(SimTime refresh) : refresh_(refresh) {}

  [[nodiscard]] bool due(SimTime now) const { return seen_.empty() || now - looked_ >= refresh_; }
  /// The picture as of `now`; looks at `instances` when it is due.
  [[nodiscard]] std::span<const InstanceView> at(SimTime now, std::span<const InstanceView> instances) {
    if (due(now)) {
      seen_.assign(instances.begin(), instances.end());
      looked_ = now;
    }
    return seen_;
  }
  /// A request of which `prompt_tokens` are to compute was sent there, which is expected to take `prefill`.
  void sent(std::size_t instance, std::uint32_t prompt_tokens, SimTime prefill = {}) {
    InstanceView& view = seen_[instance];
    ++view.waiting;
    view.prompt_tokens += prompt_tokens;
    view.outstanding_tokens += prompt_tokens;
    view.queued_prefill += prefill;
  }

 private:
  SimTime refresh_;
  SimTime looked_;
  std::vector<InstanceView> seen_;
};

}  // namespace tokenyard::policy
