#include "sim/config/yaml_map.hpp"

#include "sim/config/catalog.hpp"
#include "sim/config/keys.hpp"
#include "sim/config/yaml_keys.hpp"
#include "sim/config/yaml_node.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <optional>
#include <set>
#include <stdexcept>

namespace tokenyard::config {
namespace {

/// Key and value of one entry of a mapping, nothing when it has no such key.
std::optional<std::pair<YAML::Node, YAML::Node>> entry_of(const YAML::Node& map, const std::string& key) {
  for (const auto& entry : map) {
    if (entry.first.IsScalar() && entry.first.Scalar() == key) return std::pair{entry.first, entry.second};
  }
  return std::nullopt;
}

}  // namespace

struct YamlMap::Impl {
  std::string file;  // for messages
  std::string path;  // "topology." or ""
  std::string section;
  YAML::Node node;  // what the person wrote; Null for an absent mapping
  YAML::Mark mark;  // of the mapping, or of where it would stand
  YAML::Node out;   // what was read
  std::set<std::string, std::less<>> asked;

  /// The value of a key or its default; an undefined node when it has neither.
  YAML::Node take(std::string_view name) {
    const Key& key = key_of(section, name);
    asked.emplace(name);
    if (const YAML::Node written = find(name); written && !written.IsNull()) return written;
    if (key.fallback == kRequired || key.fallback == kOptional) return YAML::Node(YAML::NodeType::Undefined);
    return YAML::Load(std::string(key.fallback));
  }

  /// A path that stands in `value`, absolute.
  [[nodiscard]] std::filesystem::path absolute(const std::string& written, const YAML::Node& value) const;

  [[nodiscard]] YAML::Node find(std::string_view name) const {
    if (!node.IsMap()) return YAML::Node(YAML::NodeType::Undefined);
    const YAML::Node& constant = node;  // operator[] of a non-const node would add the key
    return constant[std::string(name)];
  }

  [[nodiscard]] std::unique_ptr<Impl> child(const std::string& name, std::string_view child_section,
                                            const YAML::Node& value) const {
    // A mapping that was laid over a base has no place of its own: the one it stands in tells where.
    const bool placed = value.IsMap() && !value.Mark().is_null();
    return std::make_unique<Impl>(Impl{placed ? file_of(value, file) : file,
                                       path + name + ".",
                                       std::string(child_section),
                                       value,
                                       placed ? value.Mark() : mark,
                                       YAML::Node(YAML::NodeType::Map),
                                       {}});
  }
};

YamlMap::YamlMap(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
YamlMap::YamlMap(YamlMap&&) noexcept = default;
YamlMap& YamlMap::operator=(YamlMap&&) noexcept = default;
YamlMap::~YamlMap() = default;

YamlMap YamlMap::load(const std::filesystem::path& file, std::string_view section,
                      const std::vector<Override>& overrides) {
  const YAML::Node node = load_mapping(file);
  for (const Override& change : overrides) set_value(node, change);
  return YamlMap{std::make_unique<Impl>(
      Impl{file.string(), "", std::string(section), node, node.Mark(), YAML::Node(YAML::NodeType::Map), {}})};
}

YamlMap YamlMap::load_entry(const std::string& name, std::string_view section, std::string_view folder,
                            const std::vector<Override>& overrides) {
  std::filesystem::path path;
  try {
    path = entry_file(name, folder, (std::filesystem::current_path() / ".").string());
  } catch (const std::invalid_argument& error) {
    throw UserError(std::string(section) + ": " + error.what());
  }
  const YAML::Node written = load_mapping(path);
  for (const Override& change : overrides) set_value(written, change);
  return YamlMap{std::make_unique<Impl>(Impl{path.string(),
                                             "",
                                             std::string(section),
                                             with_base(written, path.string(), "", folder),
                                             written.Mark(),
                                             YAML::Node(YAML::NodeType::Map),
                                             {}})};
}

YamlMap YamlMap::of_settings(std::string_view section, const std::vector<Override>& settings) {
  const YAML::Node node(YAML::NodeType::Map);
  for (const Override& setting : settings) set_value(node, setting);
  return YamlMap{std::make_unique<Impl>(
      Impl{"--set", "", std::string(section), node, node.Mark(), YAML::Node(YAML::NodeType::Map), {}})};
}

void YamlMap::fail(std::string_view key, const std::string& why) const {
  // A field of a nested mapping comes with dots ("kernels.small.t0"): point at as much of the way as was written.
  YAML::Node value = impl_->node;
  YAML::Mark mark = impl_->mark;
  std::string file = impl_->file;
  bool set = from_command_line(impl_->node);
  for (const std::string& part : split_path(key)) {
    if (!value.IsMap()) break;
    const auto entry = entry_of(value, part);
    if (!entry) break;
    value.reset(entry->second);
    set = from_command_line(value);
    // `key:` without a value has its mark where the next key stands.
    const YAML::Mark here = value.IsNull() ? entry->first.Mark() : value.Mark();
    if (here.is_null()) continue;
    mark = here;
    file = file_of(value, impl_->file);
  }
  throw UserError((set ? "--set" : place(file, mark)) + ": " + impl_->path + std::string(key) + ": " + why);
}

bool YamlMap::is_own(std::string_view key) const {
  const YAML::Node value = impl_->find(key);
  return !value || (from_command_line(value) || file_of(value, impl_->file) == impl_->file);
}

void YamlMap::fail_missing(std::string_view key) const {
  const std::vector<std::string> unknown = unknown_keys(impl_->node, impl_->section);
  if (const std::string written = nearest(key, unknown); !written.empty()) {
    const auto entry = entry_of(impl_->node, written);
    const bool set = from_command_line(entry->second);
    throw UserError((set ? "--set" : place(file_of(entry->second, impl_->file), entry->first.Mark())) + ": " +
                    impl_->path + written + ": unknown key; is '" + std::string(key) + "' meant?");
  }
  std::string others;
  for (const std::string& one : unknown) others += (others.empty() ? "" : ", ") + ("'" + one + "'");
  fail(key, "required: " + std::string(key_of(impl_->section, key).sentence) +
                (others.empty() ? "" : " Not known here: " + others));
}

bool YamlMap::has(std::string_view key) const {
  const YAML::Node value = impl_->find(key);
  return value && !value.IsNull();
}

bool YamlMap::is_map(std::string_view key) const {
  const YAML::Node value = impl_->find(key);
  return value && value.IsMap();
}

bool YamlMap::given(std::string_view key) const {
  return has(key) ||
         (key_of(impl_->section, key).fallback != kOptional && key_of(impl_->section, key).fallback != kRequired);
}

YamlMap YamlMap::map(std::string_view key, std::string_view section) {
  const YAML::Node value = impl_->take(key);
  const std::string name(key);
  if (!value) fail_missing(key);
  if (!value.IsMap()) fail(key, "a mapping is needed here, not " + shape_of(value));
  auto child = impl_->child(name, section, value);
  impl_->out[name] = child->out;
  return YamlMap{std::move(child)};
}

YamlMap YamlMap::map_or_empty(std::string_view key, std::string_view section) {
  const YAML::Node value = impl_->take(key);
  if (value && !value.IsMap()) fail(key, "a mapping is needed here, not " + shape_of(value));
  auto child = impl_->child(std::string(key), section, value ? value : YAML::Node(YAML::NodeType::Null));
  impl_->out[std::string(key)] = child->out;
  return YamlMap{std::move(child)};
}

std::vector<YamlMap> YamlMap::maps(std::string_view key, std::string_view section) {
  const YAML::Node value = impl_->take(key);
  if (!value) fail_missing(key);
  if (!value.IsSequence()) fail(key, "a list of mappings is needed here, not " + shape_of(value));
  if (value.size() == 0) fail(key, "the list is empty; at least one entry is needed");
  // Linked before it is filled: yaml-cpp lets go of nodes that are added through a node whose parent was linked later.
  YAML::Node list(YAML::NodeType::Sequence);
  impl_->out[std::string(key)] = list;
  std::vector<YamlMap> all;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (!value[i].IsMap()) {
      throw UserError(place(file_of(value[i], impl_->file), value[i].Mark()) + ": " + impl_->path + std::string(key) +
                      "." + std::to_string(i) + ": a mapping is needed here, not " + shape_of(value[i]));
    }
    auto child = impl_->child(std::string(key) + "." + std::to_string(i), section, value[i]);
    list.push_back(child->out);
    all.push_back(YamlMap{std::move(child)});
  }
  return all;
}

std::vector<std::pair<std::string, YamlMap>> YamlMap::named_maps(std::string_view key, std::string_view section) {
  const YAML::Node value = impl_->take(key);
  std::vector<std::pair<std::string, YamlMap>> all;
  if (!value) {
    if (key_of(impl_->section, key).fallback == kOptional) return all;
    fail_missing(key);
  }
  if (!value.IsMap()) fail(key, "a mapping of names is needed here, not " + shape_of(value));
  YAML::Node group(YAML::NodeType::Map);
  impl_->out[std::string(key)] = group;  // before it is filled, as in maps()
  std::set<std::string> seen;
  for (const auto& entry : value) {
    const std::string name = entry.first.Scalar();
    const std::string whole = std::string(key) + "." + name;
    if (entry.second.IsNull()) fail(whole, "a mapping is needed here, not nothing; {} takes every default");
    if (!entry.second.IsMap()) fail(whole, "a mapping is needed here, not " + shape_of(entry.second));
    if (!seen.insert(name).second) {
      throw UserError(place(file_of(entry.second, impl_->file), entry.first.Mark()) + ": " + impl_->path + whole +
                      ": stands here twice; keep one");
    }
    auto child = impl_->child(std::string(key) + "." + name, section, entry.second);
    group[name] = child->out;
    all.emplace_back(name, YamlMap{std::move(child)});
  }
  return all;
}

YamlMap YamlMap::entry(std::string_view key, std::string_view section, std::string_view folder) {
  const YAML::Node value = impl_->take(key);
  if (!value) fail_missing(key);
  if (value.IsMap()) {
    auto child = impl_->child(std::string(key), section, value);
    child->node = with_base(value, child->file, child->path, folder);
    impl_->out[std::string(key)] = child->out;
    return YamlMap{std::move(child)};
  }
  if (!value.IsScalar()) fail(key, "a name or a mapping is needed here, not " + shape_of(value));
  std::filesystem::path path;
  try {
    path = entry_file(value.Scalar(), folder, file_of(value, impl_->file));
  } catch (const std::invalid_argument& error) {
    fail(key, error.what());
  }
  const YAML::Node written = load_mapping(path);
  auto loaded = std::make_unique<Impl>(Impl{path.string(),
                                            "",
                                            std::string(section),
                                            with_base(written, path.string(), "", folder),
                                            written.Mark(),
                                            YAML::Node(YAML::NodeType::Map),
                                            {}});
  impl_->out[std::string(key)] = loaded->out;
  return YamlMap{std::move(loaded)};
}

std::vector<std::pair<std::string, YamlMap>> YamlMap::named_entries(std::string_view key,
                                                                    const std::vector<std::string>& names,
                                                                    std::string_view section, std::string_view folder,
                                                                    const std::vector<std::string>& named_at) {
  expect(named_at.size() == names.size(), "every name was written somewhere");
  const YAML::Node value = impl_->take(key);
  if (value && !value.IsMap()) fail(key, "a mapping of names is needed here, not " + shape_of(value));
  auto group = impl_->child(std::string(key), section, value ? value : YAML::Node(YAML::NodeType::Map));
  impl_->out[std::string(key)] = group->out;
  for (const auto& written : group->node) {
    const std::string name = written.first.Scalar();
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    std::string used;
    for (const std::string& one : names) used += (used.empty() ? "" : ", ") + one;
    fail(std::string(key) + "." + name, "nothing here uses it; in use: " + used);
  }
  const auto known = catalog_names(folder);
  std::vector<std::pair<std::string, YamlMap>> all;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string& name = names[i];
    const YAML::Node found = group->find(name);
    const bool in_catalog = std::find(known.begin(), known.end(), name) != known.end();
    const bool given = found && !found.IsNull();
    if (!given && !in_catalog) {
      const std::string meant = nearest(name, known);
      fail(named_at[i], "'" + name + "' is not in " + std::string(folder) + "; " +
                            (meant.empty() ? "" : "is '" + meant + "' meant? else ") + "describe it under `" +
                            std::string(key) + "`");
    }
    YAML::Node written = given ? found : YAML::Node(YAML::NodeType::Map);
    if (in_catalog && !written["base"]) written["base"] = name;
    auto child = group->child(name, section, written);
    child->node = with_base(written, child->file, child->path, folder);
    group->out[name] = child->out;
    all.emplace_back(name, YamlMap{std::move(child)});
  }
  return all;
}

void YamlMap::lay_over(std::string_view key, std::string_view folder) {
  static_cast<void>(impl_->take(key));
  if (impl_->node.IsMap()) impl_->node = with_base(impl_->node, impl_->file, impl_->path, folder, std::string(key));
}

std::string YamlMap::text(std::string_view key) {
  const YAML::Node value = impl_->take(key);
  if (!value) fail_missing(key);
  if (!value.IsScalar()) fail(key, "one value is needed here, not " + shape_of(value));
  impl_->out[std::string(key)] = value.Scalar();
  return value.Scalar();
}

std::string YamlMap::choice(std::string_view key, const std::vector<std::string>& known) {
  const std::string written = text(key);
  if (std::find(known.begin(), known.end(), written) != known.end()) return written;
  std::string all;
  for (const std::string& one : known) all += (all.empty() ? "" : ", ") + one;
  const std::string meant = nearest(written, known);
  fail(key, "'" + written + "' is not known; one of: " + all + (meant.empty() ? "" : "; is '" + meant + "' meant?"));
}

std::vector<std::string> YamlMap::texts(std::string_view key) {
  const YAML::Node value = impl_->take(key);
  std::vector<std::string> all;
  if (!value) {
    if (key_of(impl_->section, key).fallback == kOptional) return all;
    fail_missing(key);
  }
  if (!value.IsSequence()) fail(key, "a list is needed here, not " + shape_of(value));
  YAML::Node list(YAML::NodeType::Sequence);
  list.SetStyle(YAML::EmitterStyle::Flow);
  for (const auto& item : value) {
    if (!item.IsScalar()) fail(key, "a list of single values is needed here");
    all.push_back(item.Scalar());
    list.push_back(item.Scalar());
  }
  impl_->out[std::string(key)] = list;
  return all;
}

std::filesystem::path YamlMap::Impl::absolute(const std::string& written, const YAML::Node& value) const {
  const std::filesystem::path named = written;
  if (!named.is_relative()) return named;
  const auto base = from_command_line(value) ? std::filesystem::current_path()
                                             : std::filesystem::absolute(file_of(value, file)).parent_path();
  return (base / named).lexically_normal();
}

std::filesystem::path YamlMap::file(std::string_view key) {
  const std::string written = text(key);
  if (written.empty()) fail(key, "is empty; the name of a file is needed");
  const std::filesystem::path path = impl_->absolute(written, impl_->find(key));
  impl_->out[std::string(key)] = path.string();
  return path;
}

std::vector<std::filesystem::path> YamlMap::files(std::string_view key) {
  std::vector<std::filesystem::path> paths;
  YAML::Node list(YAML::NodeType::Sequence);
  for (const std::string& written : texts(key)) {
    paths.push_back(impl_->absolute(written, impl_->find(key)));
    list.push_back(paths.back().string());
  }
  impl_->out[std::string(key)] = list;
  return paths;
}

void YamlMap::finish() const {
  check_keys(impl_->node, {.section = impl_->section, .path = impl_->path, .file = impl_->file, .asked = impl_->asked});
}

std::string YamlMap::resolved() const {
  YAML::Emitter emitter;
  emitter << impl_->out;
  return std::string(emitter.c_str()) + "\n";
}

}  // namespace tokenyard::config
