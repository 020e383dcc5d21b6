#pragma once

#include "models/llm/speculation.hpp"
#include "sim/policy/router.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace tokenyard::serving {

/// Speculative decoding as a scheduler sees it: how many drafts a decode verifies, and how many of them turn out right.
class Acceptance {
 public:
  virtual ~Acceptance() = default;
  /// Drafts a decode verifies in every step, k >= 1.
  [[nodiscard]] virtual std::uint32_t drafts() const = 0;
  /// Accepted ones of the next decode: 0 ... drafts().
  [[nodiscard]] virtual std::uint32_t next() = 0;
};

/// Draws from the probabilities of the spec, one number a decode and step: draft i is accepted with probability
/// p1 * ... * pi. Decodes are independent of each other and of their past.
class DrawnAcceptance final : public Acceptance {
 public:
  /// REQUIRES: spec.tokens > 0.
  DrawnAcceptance(const models::SpeculationSpec& spec, std::unique_ptr<policy::UniformDraw> draw);
  [[nodiscard]] std::uint32_t drafts() const override { return static_cast<std::uint32_t>(reaches_.size()); }
  [[nodiscard]] std::uint32_t next() override;

 private:
  std::vector<double> reaches_;  // probability that at least so many are accepted, less one; falling
  std::unique_ptr<policy::UniformDraw> draw_;
};

}  // namespace tokenyard::serving
