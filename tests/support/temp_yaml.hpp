#pragma once

#include "models/base/errors.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace tokenyard {

/// A YAML file in a folder of its own; both are gone when the test is.
class TempYaml {
 public:
  explicit TempYaml(const std::string& text) {
    std::string pattern = (std::filesystem::temp_directory_path() / "tokenyard-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    add("a.yaml", text);
  }
  ~TempYaml() { std::filesystem::remove_all(folder_); }
  TempYaml(const TempYaml&) = delete;
  TempYaml& operator=(const TempYaml&) = delete;

  /// Another file beside it.
  void add(const std::string& name, const std::string& text) const { std::ofstream(folder_ / name) << text; }
  [[nodiscard]] std::filesystem::path path(const std::string& name = "a.yaml") const { return folder_ / name; }
  /// "3:4: what" -> "<this file>:3:4: what"
  [[nodiscard]] std::string at(const std::string& rest, const std::string& name = "a.yaml") const {
    return path(name).string() + ":" + rest;
  }

 private:
  std::filesystem::path folder_;
};

/// The message of the UserError that `act` ends in.
template <class Act>
std::string user_error(Act act) {
  try {
    act();
  } catch (const UserError& error) {
    return error.what();
  }
  return "no complaint";
}

}  // namespace tokenyard
