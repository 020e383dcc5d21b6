#include "sim/policy/router.hpp"

#include "models/base/errors.hpp"
#include "sim/kv/id_map.hpp"
#include "sim/policy/load_watch.hpp"
#include "sim/policy/mooncake_router.hpp"
#include "sim/policy/prefix_routers.hpp"

#include <algorithm>

namespace tokenyard::policy {
namespace {

class RoundRobin final : public Router {
 public:
  [[nodiscard]] bool needs_load(SimTime) const override { return false; }
  [[nodiscard]] Choice choose(const workloads::Request&, std::span<const InstanceView> instances, SimTime) override {
    return {.instance = next_++ % instances.size()};
  }

 private:
  std::size_t next_ = 0;
};

class RandomRouter final : public Router {
 public:
  explicit RandomRouter(std::unique_ptr<UniformDraw> draw) : draw_(std::move(draw)) {
    expect(draw_ != nullptr, "a random router needs a source of numbers");
  }
  [[nodiscard]] bool needs_load(SimTime) const override { return false; }
  [[nodiscard]] Choice choose(const workloads::Request&, std::span<const InstanceView> instances, SimTime) override {
    const auto index = static_cast<std::size_t>(draw_->next() * static_cast<double>(instances.size()));
    return {.instance = std::min(index, instances.size() - 1)};
  }

 private:
  std::unique_ptr<UniformDraw> draw_;
};

/// Ties go to the lowest index.
std::size_t least_outstanding(std::span<const InstanceView> instances) {
  const auto least = std::min_element(instances.begin(), instances.end(), [](const auto& a, const auto& b) {
    return a.outstanding_tokens < b.outstanding_tokens;
  });
  return static_cast<std::size_t>(least - instances.begin());
}

class LeastOutstandingTokens final : public Router {
 public:
  explicit LeastOutstandingTokens(SimTime refresh) : watch_(refresh) {}
  [[nodiscard]] bool needs_load(SimTime now) const override { return watch_.due(now); }
  [[nodiscard]] Choice choose(const workloads::Request& request, std::span<const InstanceView> instances,
                              SimTime now) override {
    const std::size_t chosen = least_outstanding(watch_.at(now, instances));
    watch_.sent(chosen, request.prompt_tokens);
    return {.instance = chosen};
  }

 private:
  LoadWatch watch_;
};

class SessionAffinity final : public Router {
 public:
  explicit SessionAffinity(SimTime refresh) : watch_(refresh) {}
  [[nodiscard]] bool needs_load(SimTime now) const override { return watch_.due(now); }
  [[nodiscard]] Choice choose(const workloads::Request& request, std::span<const InstanceView> instances,
                              SimTime now) override {
    const auto seen = watch_.at(now, instances);
    const std::uint32_t* home = request.session ? home_of_.find(*request.session) : nullptr;
    const std::size_t chosen = home != nullptr ? *home : least_outstanding(seen);
    if (request.session && home == nullptr) home_of_.insert(*request.session, static_cast<std::uint32_t>(chosen));
    watch_.sent(chosen, request.prompt_tokens);
    return {.instance = chosen};
  }

 private:
  LoadWatch watch_;
  kv::IdMap home_of_;
};

class VllmScore final : public Router {
 public:
  VllmScore(SimTime refresh, std::uint32_t start) : watch_(refresh), start_(start) {}
  [[nodiscard]] bool needs_load(SimTime now) const override { return watch_.due(now); }
  [[nodiscard]] Choice choose(const workloads::Request& request, std::span<const InstanceView> instances,
                              SimTime now) override {
    const auto seen = watch_.at(now, instances);
    const auto score = [&](std::size_t i) { return 4 * std::uint64_t{seen[i].waiting} + seen[i].running; };
    std::size_t chosen = start_ % seen.size();
    for (std::size_t i = 1; i < seen.size(); ++i) {
      const std::size_t next = (start_ + i) % seen.size();
      if (score(next) < score(chosen)) chosen = next;
    }
    watch_.sent(chosen, request.prompt_tokens);
    return {.instance = chosen};
  }

 private:
  LoadWatch watch_;
  std::size_t start_;
};

}  // namespace

void Router::name_changed(std::size_t, std::uint64_t, bool, SimTime) {
  expect(false, "only routers that want names are told of them");
}

void validate(const RouterSpec& spec) {
  if (spec.block_tokens == 0) throw SpecError("block_tokens", "must be at least 1");
  const auto check = [](const char* name, double weight) {
    if (!(weight >= 0.0)) throw SpecError(name, "must not be negative");
  };
  check("prefix_weight", spec.prefix_weight);
  check("queue_weight", spec.queue_weight);
  check("memory_weight", spec.memory_weight);
  check("overlap_weight", spec.overlap_weight);
  if (!(spec.copy_threshold >= 1.0)) throw SpecError("copy_threshold", "must be at least 1");
  if (spec.reject && spec.kind != RouterKind::Mooncake) {
    throw SpecError("reject", "needs a router that expects latencies; take kind: mooncake");
  }
  if (!(spec.prefix_weight + spec.queue_weight + spec.memory_weight > 0.0)) {
    throw SpecError("prefix_weight", "one of prefix_weight, queue_weight and memory_weight must be above 0");
  }
}

std::unique_ptr<Router> make_router(const RouterSpec& spec, std::unique_ptr<UniformDraw> draw,
                                    const Forecast* forecast) {
  validate(spec);
  switch (spec.kind) {
    case RouterKind::RoundRobin:
      return std::make_unique<RoundRobin>();
    case RouterKind::Random:
      return std::make_unique<RandomRouter>(std::move(draw));
    case RouterKind::LeastOutstandingTokens:
      return std::make_unique<LeastOutstandingTokens>(spec.refresh);
    case RouterKind::SessionAffinity:
      return std::make_unique<SessionAffinity>(spec.refresh);
    case RouterKind::VllmScore:
      return std::make_unique<VllmScore>(spec.refresh, spec.start);
    case RouterKind::PrefixAware:
      return make_prefix_aware(spec);
    case RouterKind::KvAware:
      return make_kv_aware(spec);
    case RouterKind::Mooncake:
      expect(forecast != nullptr, "a router that expects latencies has a forecast");
      return make_mooncake(spec, *forecast);
  }
  expect(false, "a router of a known kind");
  return nullptr;
}

}  // namespace tokenyard::policy
