#pragma once

#include "sim/config/yaml_map.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace YAML {
class Node;
struct Mark;
}  // namespace YAML

/// What YamlMap does with raw nodes before it reads them: loading, --set, `base`. Inside sim/config only.
namespace tokenyard::config {

/// The mapping that is the whole of `file`.
[[nodiscard]] YAML::Node load_mapping(const std::filesystem::path& file);

/// Sets the value of one --set. A word on the way to it becomes {base: word}: `--set topology.nodes=8` on
/// `topology: hgx-h100` changes one key of that entry.
void set_value(YAML::Node root, const Override& change);

/// "a.b.c" -> a, b, c
[[nodiscard]] std::vector<std::string> split_path(std::string_view path);

/// "file:line:column"; "file" alone for a node that no file has.
[[nodiscard]] std::string place(const std::string& file, const YAML::Mark& mark);
[[nodiscard]] bool from_command_line(const YAML::Node& value);
/// File that `value` was written in: its own when it came by way of a base, else `otherwise`.
[[nodiscard]] std::string file_of(const YAML::Node& value, const std::string& otherwise);

/// FOLDER/NAME.yaml below the catalogue root, or a path ending in .yaml, relative to `beside`, a file.
/// Throws std::invalid_argument that names what there is.
[[nodiscard]] std::filesystem::path entry_file(const std::string& name, std::string_view folder,
                                               const std::string& beside);

/// `node`, a mapping of `file`, laid over the entry its key `base_key` names; `node` itself when it has no such key.
/// Key by key: what `node` gives replaces what the base gives, mappings inside are laid over each other in turn (unless
/// their `kind` differs), ~ takes a key of the base away, the order of keys is the base's. Every value keeps its place.
/// Throws UserError.
[[nodiscard]] YAML::Node with_base(const YAML::Node& node, const std::string& file, const std::string& path,
                                   std::string_view folder, const std::string& base_key = "base");

}  // namespace tokenyard::config
