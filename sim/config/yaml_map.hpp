#pragma once

#include "models/base/errors.hpp"
#include "models/base/sim_time.hpp"
#include "models/base/units.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenyard::config {

/// "workload.trace.path=x.csv" from the command line: replaces or adds one value before anything is read.
/// A list entry is named by its index: "pools.0.instances=4".
struct Override {
  std::string path;
  std::string value;  ///< YAML text
};

/// A YAML mapping that is read key by key against the table of keys of its section (keys.hpp).
///
/// Every getter: the value as written, else the default of the table, else UserError
/// "file:line:col: path.key: what; what would be right". What was read, defaults included, is collected for
/// resolved(). Asking for a key that the table does not list is our bug (expect).
class YamlMap {
 public:
  /// Reads `file` as a mapping of kind `section`, with `overrides` applied.
  [[nodiscard]] static YamlMap load(const std::filesystem::path& file, std::string_view section,
                                    const std::vector<Override>& overrides = {});
  /// An entry of the catalogue by name, or a file by its path ending in .yaml, with `overrides` and `base` as in
  /// entry().
  [[nodiscard]] static YamlMap load_entry(const std::string& name, std::string_view section, std::string_view folder,
                                          const std::vector<Override>& overrides = {});
  /// A mapping of kind `section` that stands in no file: what the command line says, and the defaults.
  [[nodiscard]] static YamlMap of_settings(std::string_view section, const std::vector<Override>& settings);
  YamlMap(YamlMap&&) noexcept;
  YamlMap& operator=(YamlMap&&) noexcept;
  ~YamlMap();

  /// Whether the file itself has the key (defaults do not count).
  [[nodiscard]] bool has(std::string_view key) const;
  /// Whether the value of an existing key is a mapping (and not one word).
  [[nodiscard]] bool is_map(std::string_view key) const;

  [[nodiscard]] YamlMap map(std::string_view key, std::string_view section);
  /// The mapping when it is there, an empty one when the key is absent: its own defaults then apply.
  [[nodiscard]] YamlMap map_or_empty(std::string_view key, std::string_view section);
  [[nodiscard]] std::vector<YamlMap> maps(std::string_view key, std::string_view section);
  /// name -> mapping, in the order of the file, for a mapping whose keys are free names.
  [[nodiscard]] std::vector<std::pair<std::string, YamlMap>> named_maps(std::string_view key, std::string_view section);
  /// A mapping in place, or the name of a catalogue entry: FOLDER/NAME.yaml below the catalogue root (catalog.hpp), or
  /// a path ending in .yaml, relative to the file that names it. resolved() holds the entry in place. A mapping (or a
  /// catalogue file) may hold `base: NAME`: it is then laid over that entry key by key, ~ takes a key away, and a
  /// mapping inside whose `kind` differs replaces the base's. resolved() shows the result, without `base`.
  [[nodiscard]] YamlMap entry(std::string_view key, std::string_view section, std::string_view folder);

  /// Lays this mapping over the entry of FOLDER that its `key` names, as `base` does in an entry; no-op without the
  /// key.
  void lay_over(std::string_view key, std::string_view folder);

  /// One entry for each of `names`, in that order: the catalogue's, with the keys laid over it that the mapping under
  /// `key` has for that name; a name that the catalogue does not have must be given in full. Other names are refused.
  /// `named_at`: for each name the key (with dots) that asks for it; a name that nobody describes is told there.
  [[nodiscard]] std::vector<std::pair<std::string, YamlMap>> named_entries(std::string_view key,
                                                                           const std::vector<std::string>& names,
                                                                           std::string_view section,
                                                                           std::string_view folder,
                                                                           const std::vector<std::string>& named_at);

  [[nodiscard]] std::string text(std::string_view key);
  [[nodiscard]] std::string choice(std::string_view key, const std::vector<std::string>& known);
  [[nodiscard]] std::vector<std::string> texts(std::string_view key);
  /// A file named relative to the file this mapping stands in (or, from --set, to the working folder); absolute.
  [[nodiscard]] std::filesystem::path file(std::string_view key);
  [[nodiscard]] std::vector<std::filesystem::path> files(std::string_view key);  ///< a list of such
  [[nodiscard]] bool flag(std::string_view key);
  [[nodiscard]] std::int64_t integer(std::string_view key, std::int64_t min, std::int64_t max);
  [[nodiscard]] std::uint32_t count(std::string_view key, std::uint32_t min = 1, std::uint32_t max = 1'000'000'000);
  [[nodiscard]] double number(std::string_view key, double min, double max);
  [[nodiscard]] std::vector<double> numbers(std::string_view key);
  [[nodiscard]] Seconds seconds(std::string_view key);  ///< refuses negative and absurd values, like all below
  [[nodiscard]] Bytes bytes(std::string_view key);
  [[nodiscard]] BytesPerSecond bandwidth(std::string_view key);
  [[nodiscard]] FlopPerSecond flop_rate(std::string_view key);
  [[nodiscard]] PerSecond rate(std::string_view key);
  [[nodiscard]] Watts watts(std::string_view key);

  /// True when the key has a value: written, or a default other than kOptional.
  [[nodiscard]] bool given(std::string_view key) const;

  /// UserError for the first key that nobody asked for, with the nearest key of the section's table.
  void finish() const;

  /// UserError at `key`'s place (at the mapping's when the key is absent).
  [[noreturn]] void fail(std::string_view key, const std::string& why) const;
  /// Runs `check` and turns a SpecError into a UserError at the place of its field in this mapping.
  template <class Check>
  auto located(Check check) const {
    try {
      return check();
    } catch (const SpecError& error) {
      if (!error.other().empty() && is_own(error.other()) && !is_own(error.field())) {
        fail(error.other(), error.field() + " " + error.why());
      }
      fail(error.field(), error.why());
    }
  }

  /// Everything read so far through this mapping and its children, as YAML text, defaults explicit.
  [[nodiscard]] std::string resolved() const;

 private:
  struct Impl;
  /// Whether a key's value, if it has one, was written in the file that this mapping stands in, or by --set, and not in
  /// an entry below.
  [[nodiscard]] bool is_own(std::string_view key) const;
  /// UserError for a required key, with the unknown key here that may be it, misspelt.
  [[noreturn]] void fail_missing(std::string_view key) const;
  explicit YamlMap(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tokenyard::config
