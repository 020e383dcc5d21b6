#include "sim/policy/mooncake_router.hpp"

#include "sim/policy/cache_picture.hpp"
#include "sim/policy/load_watch.hpp"

#include <algorithm>
#include <vector>

namespace tokenyard::policy {
namespace {

class Mooncake final : public Router {
 public:
  Mooncake(const RouterSpec& spec, const Forecast& forecast)
      : spec_(spec), forecast_(forecast), watch_(spec.refresh), picture_(spec) {}

  [[nodiscard]] bool needs_load(SimTime now) const override { return watch_.due(now); }
  [[nodiscard]] bool expects() const override { return true; }
  [[nodiscard]] bool wants_names() const override { return spec_.view == PrefixView::Events; }
  void name_changed(std::size_t instance, std::uint64_t name, bool here, SimTime when) override {
    picture_.name_changed(instance, name, here, when);
  }

  [[nodiscard]] Choice choose(const workloads::Request& request, std::span<const InstanceView> instances,
                              SimTime now) override {
    const std::span<const InstanceView> seen = watch_.at(now, instances);
    const std::vector<std::uint32_t>& there = picture_.tokens_at(request, instances, now);
    Choice choice = spec_.prefills ? soonest(request, seen, there) : shortest_step(request, seen, there);
    if (spec_.decodes) choice.expected_tpot = step_with(request, seen[choice.instance]);
    watch_.sent(choice.instance, request.prompt_tokens - choice.cached, choice.prefill);
    picture_.sent(request, choice.instance);
    return choice;
  }

 private:
  /// `there`: tokens of the prompt that each instance holds.
  [[nodiscard]] Choice soonest(const workloads::Request& request, std::span<const InstanceView> seen,
                               const std::vector<std::uint32_t>& there) const {
    const auto best = static_cast<std::size_t>(std::max_element(there.begin(), there.end()) - there.begin());
    Choice choice;
    for (std::size_t i = 0; i < seen.size(); ++i) {
      const bool unlike = static_cast<double>(there[best]) > spec_.copy_threshold * static_cast<double>(there[i]);
      const std::optional<SimTime> copy = unlike ? forecast_.copy(there[best] - there[i]) : std::nullopt;
      const std::uint32_t cached = std::min(there[copy ? best : i], request.prompt_tokens - 1);  // one is computed
      const SimTime prefill = forecast_.prefill(cached, request.prompt_tokens - cached);
      const SimTime ttft = copy.value_or(SimTime{}) + seen[i].queued_prefill + prefill;
      if (choice.expected_ttft && ttft >= *choice.expected_ttft) continue;
      choice = {.instance = i, .cached = cached, .prefill = prefill, .expected_ttft = ttft};
      if (copy) choice.copy_from = best;
    }
    return choice;
  }

  [[nodiscard]] SimTime step_with(const workloads::Request& request, const InstanceView& there) const {
    return forecast_.decode_step(there.running + there.waiting + 1, there.outstanding_tokens + request.prompt_tokens);
  }

  [[nodiscard]] Choice shortest_step(const workloads::Request& request, std::span<const InstanceView> seen,
                                     const std::vector<std::uint32_t>& there) const {
    const auto least = std::min_element(seen.begin(), seen.end(), [&](const InstanceView& a, const InstanceView& b) {
      return step_with(request, a) < step_with(request, b);
    });
    const auto instance = static_cast<std::size_t>(least - seen.begin());
    return {.instance = instance, .cached = std::min(there[instance], request.prompt_tokens - 1)};
  }

  RouterSpec spec_;
  const Forecast& forecast_;
  LoadWatch watch_;
  CachePicture picture_;
};

}  // namespace

std::unique_ptr<Router> make_mooncake(const RouterSpec& spec, const Forecast& forecast) {
  return std::make_unique<Mooncake>(spec, forecast);
}

}  // namespace tokenyard::policy
