#include "sim/config/yaml_keys.hpp"

#include "sim/config/catalog.hpp"
#include "sim/config/yaml_node.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>

namespace tokenyard::config {

std::vector<std::string> keys_of(std::string_view section) {
  std::vector<std::string> names;
  for (const Key& key : all_keys()) {
    if (key.section == section) names.emplace_back(key.name);
  }
  return names;
}

const Key& key_of(std::string_view section, std::string_view name) {
  for (const Key& key : all_keys()) {
    if (key.section == section && key.name == name) return key;
  }
  throw BugError("no key '" + std::string(name) + "' in the table of section '" + std::string(section) + "'");
}

std::string shape_of(const YAML::Node& node) {
  if (!node || node.IsNull()) return "nothing";
  if (node.IsScalar()) return "'" + node.Scalar() + "'";
  return node.IsMap() ? "a mapping" : "a list";
}

std::vector<std::string> unknown_keys(const YAML::Node& map, std::string_view section) {
  std::vector<std::string> unknown;
  if (!map.IsMap()) return unknown;
  const auto known = keys_of(section);
  for (const auto& entry : map) {
    const std::string written = entry.first.Scalar();
    if (std::find(known.begin(), known.end(), written) == known.end()) unknown.push_back(written);
  }
  return unknown;
}

void check_keys(const YAML::Node& map, const Reading& reading) {
  if (!map.IsMap()) return;
  std::set<std::string> seen;
  for (const auto& entry : map) {
    if (!entry.first.IsScalar()) {
      const std::string at = reading.path.empty() ? "" : reading.path.substr(0, reading.path.size() - 1) + ": ";
      throw UserError(place(file_of(entry.second, reading.file), entry.first.Mark()) + ": " + at +
                      "a key is one word, not " + shape_of(entry.first));
    }
    const std::string key = entry.first.Scalar();
    const std::string where =
        from_command_line(entry.second) ? "--set" : place(file_of(entry.second, reading.file), entry.first.Mark());
    if (!seen.insert(key).second) {
      throw UserError(where + ": " + reading.path + key + ": stands here twice; keep one");
    }
    if (reading.asked.contains(key)) continue;
    const auto known = keys_of(reading.section);
    if (std::find(known.begin(), known.end(), key) != known.end()) {
      if (entry.second.IsNull()) continue;  // ~ takes a key away, also one that nobody asks for then
      throw UserError(where + ": " + reading.path + key +
                      ": has no meaning here, beside the other keys of this mapping");
    }
    const std::string meant = nearest(key, known);
    std::string all;
    for (const std::string& one : known) all += (all.empty() ? "" : ", ") + one;
    throw UserError(where + ": " + reading.path + key + ": unknown key; " +
                    (meant.empty() ? "known here: " + all : "is '" + meant + "' meant?"));
  }
}

}  // namespace tokenyard::config
