#pragma once

#include "sim/config/keys.hpp"

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace YAML {
class Node;
}  // namespace YAML

/// The keys that a mapping may have, and what is wrong with those that it should not. Inside sim/config only.
namespace tokenyard::config {

/// Names of the keys of `section`, in the order of the table.
[[nodiscard]] std::vector<std::string> keys_of(std::string_view section);

/// The row of one of them. Throws BugError when the table has none.
[[nodiscard]] const Key& key_of(std::string_view section, std::string_view name);

/// What `node` is, for a message: "nothing", "'word'", "a mapping", "a list".
[[nodiscard]] std::string shape_of(const YAML::Node& node);

/// Keys of a mapping that its section does not have, as they were written.
[[nodiscard]] std::vector<std::string> unknown_keys(const YAML::Node& map, std::string_view section);

/// What was read of a mapping, and where it stands.
struct Reading {
  const std::string& section;
  const std::string& path;  ///< "topology." or ""
  const std::string& file;
  const std::set<std::string, std::less<>>& asked;  ///< keys that were read
};
/// Throws UserError at the first key of `map` that is no word, stands there twice, is unknown, or that nothing asked
/// for. A `map` that is no mapping has no keys.
void check_keys(const YAML::Node& map, const Reading& reading);

}  // namespace tokenyard::config
