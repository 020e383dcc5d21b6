#pragma once

#include "models/base/sim_time.hpp"
#include "sim/config/yaml_map.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace tokenyard::traffic {

/// Asks what the workload of an experiment will offer, without serving it.
struct Preview {
  std::vector<config::Override> overrides;
  std::optional<std::uint64_t> limit;  ///< at most so many requests
  std::string out{};                   ///< write them there as a trace (format tokenyard); empty = do not
  /// Sessions and closed loops go on when an answer has come; here every one takes first_token + output * per_token.
  SimTime first_token{500'000'000};
  SimTime per_token{20'000'000};
  std::vector<std::uint64_t> lru_blocks;
};

/// Draws or reads all requests, a record at a time, and gives a table and a plot of arrivals over time for the screen.
/// A trace written of an open loop holds every request with its time, one of drawn sessions or a closed loop every turn
/// with what it waits for; played again they give the same run to the byte. Of replayed conversations the times written
/// are those assumed here: trace_convert() keeps what waits for what. Throws UserError.
[[nodiscard]] std::string preview(const std::filesystem::path& experiment, const Preview& asked);

}  // namespace tokenyard::traffic
