#include "sim/policy/prefix_routers.hpp"

#include "models/base/errors.hpp"
#include "sim/policy/cache_picture.hpp"
#include "sim/policy/load_watch.hpp"

#include <algorithm>
#include <vector>

namespace tokenyard::policy {
namespace {

class PrefixRouter : public Router {
 public:
  explicit PrefixRouter(const RouterSpec& spec) : spec_(spec), watch_(spec.refresh), picture_(spec) {}
  [[nodiscard]] bool needs_load(SimTime now) const override { return watch_.due(now); }
  [[nodiscard]] bool wants_names() const override { return spec_.view == PrefixView::Events; }
  void name_changed(std::size_t instance, std::uint64_t name, bool here, SimTime when) override {
    picture_.name_changed(instance, name, here, when);
  }
  [[nodiscard]] Choice choose(const workloads::Request& request, std::span<const InstanceView> instances,
                              SimTime now) override {
    const std::vector<std::uint32_t>& there = picture_.tokens_at(request, instances, now);
    const std::size_t chosen = best(request, watch_.at(now, instances), there);
    watch_.sent(chosen, request.prompt_tokens - there[chosen]);
    picture_.sent(request, chosen);
    return {.instance = chosen, .cached = there[chosen]};
  }

 protected:
  /// `there`: tokens of the prompt that each instance holds.
  [[nodiscard]] virtual std::size_t best(const workloads::Request& request, std::span<const InstanceView> seen,
                                         const std::vector<std::uint32_t>& there) const = 0;
  [[nodiscard]] const RouterSpec& spec() const { return spec_; }

 private:
  RouterSpec spec_;
  LoadWatch watch_;
  CachePicture picture_;
};

class PrefixAware final : public PrefixRouter {
 public:
  using PrefixRouter::PrefixRouter;

 private:
  [[nodiscard]] std::size_t best(const workloads::Request& request, std::span<const InstanceView> seen,
                                 const std::vector<std::uint32_t>& there) const override {
    const auto [least, most] = std::minmax_element(seen.begin(), seen.end(),
                                                   [](const auto& a, const auto& b) { return a.waiting < b.waiting; });
    std::size_t chosen = 0;
    double highest = -1.0;
    for (std::size_t i = 0; i < seen.size(); ++i) {
      const double prefix = static_cast<double>(there[i]) / request.prompt_tokens;
      const double queue = most->waiting == least->waiting ? 1.0
                                                           : static_cast<double>(most->waiting - seen[i].waiting) /
                                                                 static_cast<double>(most->waiting - least->waiting);
      const double memory = seen[i].total_blocks == 0 ? 1.0
                                                      : 1.0 - static_cast<double>(seen[i].used_blocks) /
                                                                  static_cast<double>(seen[i].total_blocks);
      const double score = spec().prefix_weight * prefix + spec().queue_weight * queue + spec().memory_weight * memory;
      if (score > highest) {
        highest = score;
        chosen = i;
      }
    }
    return chosen;
  }
};

class KvAware final : public PrefixRouter {
 public:
  using PrefixRouter::PrefixRouter;

 private:
  [[nodiscard]] std::size_t best(const workloads::Request& request, std::span<const InstanceView> seen,
                                 const std::vector<std::uint32_t>& there) const override {
    std::size_t chosen = 0;
    double least = 0.0;
    for (std::size_t i = 0; i < seen.size(); ++i) {
      const double block = seen[i].block_tokens;
      const std::uint64_t missing = request.prompt_tokens - std::min(request.prompt_tokens, there[i]);
      const double prefill = static_cast<double>(seen[i].prompt_tokens + missing) / block;
      const double decode = static_cast<double>(seen[i].used_blocks) + static_cast<double>(missing) / block;
      const double cost = spec().overlap_weight * prefill + decode;
      if (i == 0 || cost < least) {
        least = cost;
        chosen = i;
      }
    }
    return chosen;
  }
};

}  // namespace

std::unique_ptr<Router> make_prefix_aware(const RouterSpec& spec) { return std::make_unique<PrefixAware>(spec); }

std::unique_ptr<Router> make_kv_aware(const RouterSpec& spec) { return std::make_unique<KvAware>(spec); }

}  // namespace tokenyard::policy
