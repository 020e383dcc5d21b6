#include "sim/policy/router.hpp"

#include "models/base/errors.hpp"

#include <algorithm>

namespace tokenyard::policy {
namespace {

class RoundRobin final : public Router {
 public:
  [[nodiscard]] bool needs_load() const override { return false; }
  [[nodiscard]] std::size_t choose(const workloads::Request&, std::span<const InstanceView> instances) override {
    return next_++ % instances.size();
  }

 private:
  std::size_t next_ = 0;
};

class RandomRouter final : public Router {
 public:
  explicit RandomRouter(std::unique_ptr<UniformDraw> draw) : draw_(std::move(draw)) {
    expect(draw_ != nullptr, "a random router needs a source of numbers");
  }
  [[nodiscard]] bool needs_load() const override { return false; }
  [[nodiscard]] std::size_t choose(const workloads::Request&, std::span<const InstanceView> instances) override {
    const auto index = static_cast<std::size_t>(draw_->next() * static_cast<double>(instances.size()));
    return std::min(index, instances.size() - 1);
  }

 private:
  std::unique_ptr<UniformDraw> draw_;
};

/// Ties go to the lowest index.
class LeastOutstandingTokens final : public Router {
 public:
  [[nodiscard]] bool needs_load() const override { return true; }
  [[nodiscard]] std::size_t choose(const workloads::Request&, std::span<const InstanceView> instances) override {
    const auto least = std::min_element(instances.begin(), instances.end(), [](const auto& a, const auto& b) {
      return a.outstanding_tokens < b.outstanding_tokens;
    });
    return static_cast<std::size_t>(least - instances.begin());
  }
};

}  // namespace

std::unique_ptr<Router> make_router(RouterKind kind, std::unique_ptr<UniformDraw> draw) {
  switch (kind) {
    case RouterKind::RoundRobin: return std::make_unique<RoundRobin>();
    case RouterKind::Random: return std::make_unique<RandomRouter>(std::move(draw));
    case RouterKind::LeastOutstandingTokens: return std::make_unique<LeastOutstandingTokens>();
  }
  expect(false, "a router of a known kind");
  return nullptr;
}

}  // namespace tokenyard::policy
