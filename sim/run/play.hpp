#pragma once

#include "sim/config/yaml_map.hpp"
#include "sim/metrics/summary.hpp"

#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

namespace tokenyard {

/// What the command line says about a run.
struct PlayOptions {
  std::vector<config::Override> overrides;
  std::string out = "out";  ///< results go to OUT/NAME
  bool step_by_step = false;
  bool write = true;     ///< false: no files at all
  bool progress = true;  ///< shown on stderr, where that is a terminal
  const std::atomic<bool>* interrupted = nullptr;
  std::vector<std::string> arguments;  ///< the command line, for manifest.json
};

/// Reads an experiment, plays it, writes its results (all of them or none). ONE A PROCESS. Throws UserError.
[[nodiscard]] metrics::Summary play(const std::filesystem::path& file, const PlayOptions& options);

/// One design of a comparison: its summary, or why there is none.
struct Design {
  std::filesystem::path file;
  metrics::Summary summary;
  int status = 0;     ///< 0 played, 2 the user's mistake, 70 ours, 130 not begun because interrupted
  std::string error;  ///< one line when status is not 0
};

/// play() of every file in a process of its own, at most `jobs` at a time; results in the order of `files`. A design
/// with a mistake leaves the others to play; so does a second one of the same name of results. Progress is shown of one
/// at a time: not at all with more jobs. REQUIRES: jobs >= 1.
[[nodiscard]] std::vector<Design> play_all(const std::vector<std::filesystem::path>& files, const PlayOptions& options,
                                           unsigned jobs);

}  // namespace tokenyard
