#pragma once

#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace tokenyard {

/// A value that a person gave is out of its domain. `field` is the key as the person wrote it ("tensor");
/// sim/config turns it into file:line:column before anyone reads it. `other` is a second key that it lies at as much:
/// where a person wrote that one and the first came with a catalogue's entry, it is told there.
class SpecError : public std::invalid_argument {
 public:
  SpecError(std::string field, const std::string& why, std::string other = {})
      : std::invalid_argument(field + ": " + why), field_(std::move(field)), why_(why), other_(std::move(other)) {}
  [[nodiscard]] const std::string& field() const { return field_; }
  [[nodiscard]] const std::string& why() const { return why_; }
  [[nodiscard]] const std::string& other() const { return other_; }  ///< empty: there is none

 private:
  std::string field_;
  std::string why_;
  std::string other_;
};

/// A mistake in something a person wrote, told in one line that starts with its place:
/// "configs/a.yaml:7:12: topology.nodes: must be at least 1". Exit code 2.
class UserError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A broken promise between our own functions: always a bug of ours, never of the input. Exit code 70.
class BugError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// Precondition. Stays on in Release: a wrong result costs more than a branch.
inline void expect(bool holds, std::string_view promise, std::source_location at = std::source_location::current()) {
  if (!holds) [[unlikely]] {
    throw BugError(std::string(at.file_name()) + ":" + std::to_string(at.line()) + ": broken: " + std::string(promise));
  }
}

}  // namespace tokenyard
