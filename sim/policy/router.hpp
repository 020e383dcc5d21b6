#pragma once

#include "models/base/ids.hpp"
#include "sim/policy/spec.hpp"
#include "workloads/request.hpp"

#include <cstdint>
#include <memory>
#include <span>

namespace tokenyard::policy {

/// What a router knows of an instance of the pool it chooses from.
struct InstanceView {
  InstanceId id;
  /// Tokens of unfinished requests there: prompts waiting or in progress and contexts being decoded.
  std::uint64_t outstanding_tokens = 0;
};

class Router {
 public:
  virtual ~Router() = default;
  /// Whether choose() looks at more than the ids; if not, the views' loads are not filled in.
  [[nodiscard]] virtual bool needs_load() const = 0;
  /// Index into `instances`. REQUIRES: instances is not empty. Must not keep the views: they die with the call.
  [[nodiscard]] virtual std::size_t choose(const workloads::Request& request, std::span<const InstanceView> instances) = 0;
};

/// `draw` gives independent uniform numbers in [0, 1) (for RouterKind::Random).
class UniformDraw {
 public:
  virtual ~UniformDraw() = default;
  [[nodiscard]] virtual double next() = 0;
};

[[nodiscard]] std::unique_ptr<Router> make_router(RouterKind kind, std::unique_ptr<UniformDraw> draw);

}  // namespace tokenyard::policy
