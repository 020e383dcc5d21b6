#pragma once

#include "sim/metrics/claim_rows.hpp"

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace tokenyard::claims {

struct PlayClaimsOptions {
  unsigned jobs = 1;
  const std::atomic<bool>* interrupted = nullptr;
  std::function<void(std::size_t played, std::size_t all)> progress{};
};

struct PlayedClaims {
  std::vector<metrics::ClaimRow> rows;  ///< in the order asked for; Failed with the reason where something was wrong
  int status = 0;                       ///< 0; the highest of 2, 70, 130 that a run or a claim ended with
};

/// The folders of `root` that hold a claim.yaml, by name.
[[nodiscard]] std::vector<std::filesystem::path> claim_folders(const std::filesystem::path& root);

/// Reads the claims, plays every distinct run once in a process of its own, computes all values and verdicts. A claim
/// with a mistake leaves the others to play.
[[nodiscard]] PlayedClaims play_claims(const std::vector<std::filesystem::path>& folders,
                                       const PlayClaimsOptions& options);

}  // namespace tokenyard::claims
