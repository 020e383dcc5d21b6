#pragma once

#include "sim/config/yaml_map.hpp"

#include <atomic>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace tokenyard::cli {

inline constexpr int kInterrupted = 130;  ///< exit code of a run that Ctrl-C ended, as a shell tells it

/// "--set PATH=VALUE", as often as one likes.
void add_set_option(CLI::App& command, std::vector<std::string>& settings);

/// Throws UserError for a setting without '=' or without anything on one side of it.
[[nodiscard]] std::vector<config::Override> overrides(const std::vector<std::string>& settings);

/// Writes one line to stderr, whatever stands in `text`: control characters of a quoted value are shown as \n, \x07.
void complain(const std::string& text);

/// From now on Ctrl-C (and TERM) sets this flag instead of ending the process; a second one ends it.
[[nodiscard]] const std::atomic<bool>& catch_interrupt();

}  // namespace tokenyard::cli
