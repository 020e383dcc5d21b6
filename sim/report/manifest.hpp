#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace tokenyard::report {

/// How this program was built.
struct Build {
  std::string version;
  std::string type;                   ///< of CMake: "Release"
  std::string compiler;               ///< "GCC 12.2.0"
  std::optional<std::string> commit;  ///< of the source tree at configure time; it may have been changed since
};
[[nodiscard]] Build this_build();

/// Who made the results, from what, at what cost: the only file in which two runs of one experiment differ.
struct Manifest {
  Build build = this_build();
  std::string simgrid_version;
  std::uint64_t scenario_hash = 0;     ///< fnv1a_64 of scenario.resolved.yaml
  std::vector<std::string> arguments;  ///< the command line
  bool complete = true;                ///< false: the run was interrupted
  std::chrono::duration<double> wall_time{};
  std::uint64_t peak_memory_bytes = 0;  ///< of the process
  std::uint64_t events = 0;             ///< of the event queue
  std::uint64_t flows = 0;              ///< that the network carried
  std::vector<std::string> files;       ///< that stand beside this one
};

/// manifest.json.
void write_manifest(const Manifest& manifest, std::ostream& out);

/// FNV-1a, 64 bits. Tells scenarios apart; no defence against who wants two to look alike.
/// Source: Fowler, Noll, Vo, Eastlake, "The FNV Non-Cryptographic Hash Algorithm", IETF draft-eastlake-fnv, sections
/// 2, 5.
[[nodiscard]] std::uint64_t fnv1a_64(std::string_view text);

}  // namespace tokenyard::report
