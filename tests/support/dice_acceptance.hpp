#pragma once

#include "sim/serving/acceptance.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace tokenyard::test {

/// Drafts accepted with one probability each, drawn by a small generator of its own (a linear congruence).
class DiceAcceptance final : public serving::Acceptance {
 public:
  DiceAcceptance(std::uint32_t drafts, double rate, std::uint64_t seed) : drafts_(drafts), rate_(rate), state_(seed) {}
  [[nodiscard]] std::uint32_t drafts() const override { return drafts_; }
  [[nodiscard]] std::uint32_t next() override {
    std::uint32_t accepted = 0;
    while (accepted < drafts_ && uniform() < rate_) ++accepted;
    return accepted;
  }

 private:
  double uniform() {
    state_ = state_ * 6'364'136'223'846'793'005ULL + 1'442'695'040'888'963'407ULL;
    return static_cast<double>(state_ >> 33) / 2147483648.0;
  }

  std::uint32_t drafts_;
  double rate_;
  std::uint64_t state_;
};

/// Accepted drafts as listed, then none.
class ListedAcceptance final : public serving::Acceptance {
 public:
  ListedAcceptance(std::uint32_t drafts, std::vector<std::uint32_t> accepted)
      : drafts_(drafts), accepted_(std::move(accepted)) {}
  [[nodiscard]] std::uint32_t drafts() const override { return drafts_; }
  [[nodiscard]] std::uint32_t next() override { return at_ < accepted_.size() ? accepted_[at_++] : 0; }

 private:
  std::uint32_t drafts_;
  std::vector<std::uint32_t> accepted_;
  std::size_t at_ = 0;
};

}  // namespace tokenyard::test
