#include "sim/report/flat_figures.hpp"

#include "sim/report/json.hpp"

#include <nlohmann/json.hpp>

#include <sstream>

namespace tokenyard::report {
namespace {

using Json = nlohmann::ordered_json;
using Figures = std::vector<std::pair<std::string, double>>;

std::string name_in_list(const Json& entry, std::size_t index) {
  for (const char* key : {"name", "plane", "metric"}) {
    if (entry.is_object() && entry.contains(key) && entry.at(key).is_string()) return entry.at(key).get<std::string>();
  }
  return std::to_string(index);
}

void flatten(const Json& json, const std::string& path, Figures& figures) {
  if (json.is_number()) {
    figures.emplace_back(path, json.get<double>());
  } else if (json.is_object()) {
    for (const auto& [key, value] : json.items()) flatten(value, path.empty() ? key : path + "." + key, figures);
  } else if (json.is_array()) {
    for (std::size_t i = 0; i < json.size(); ++i) flatten(json[i], path + "." + name_in_list(json[i], i), figures);
  }
}

}  // namespace

Figures flat_figures(const metrics::Summary& summary) {
  std::stringstream text;
  write_summary(summary, text);
  Figures figures;
  flatten(Json::parse(text), "", figures);
  return figures;
}

}  // namespace tokenyard::report
