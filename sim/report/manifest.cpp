#include "sim/report/manifest.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace tokenyard::report {
namespace {

using Json = nlohmann::ordered_json;

#if defined(__clang__)
constexpr const char* kCompiler = "Clang " __clang_version__;
#else
constexpr const char* kCompiler = "GCC " __VERSION__;
#endif

}  // namespace

Build this_build() {
  // Macros of room.cmake.
  constexpr std::string_view kCommit = TOKENYARD_COMMIT;
  Build build{.version = TOKENYARD_VERSION, .type = TOKENYARD_BUILD_TYPE, .compiler = kCompiler};
  if (!kCommit.empty()) build.commit = std::string(kCommit);
  return build;
}

void write_manifest(const Manifest& manifest, std::ostream& out) {
  Json json;
  json["manifest_schema"] = 1;
  json["version"] = manifest.build.version;
  json["commit"] = manifest.build.commit ? Json(*manifest.build.commit) : Json();
  json["build_type"] = manifest.build.type;
  json["compiler"] = manifest.build.compiler;
  json["simgrid_version"] = manifest.simgrid_version;
  json["scenario_hash"] = fmt::format("fnv1a64:{:016x}", manifest.scenario_hash);
  json["arguments"] = manifest.arguments;
  json["complete"] = manifest.complete;
  json["wall_time_s"] = manifest.wall_time.count();
  json["peak_memory_bytes"] = manifest.peak_memory_bytes;
  json["events"] = manifest.events;
  json["flows"] = manifest.flows;
  json["files"] = manifest.files;
  out << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

std::uint64_t fnv1a_64(std::string_view text) {
  constexpr std::uint64_t kBasis = 14695981039346656037U;
  constexpr std::uint64_t kPrime = 1099511628211U;
  std::uint64_t hash = kBasis;
  for (const char byte : text) {
    hash ^= static_cast<unsigned char>(byte);
    hash *= kPrime;
  }
  return hash;
}

}  // namespace tokenyard::report
