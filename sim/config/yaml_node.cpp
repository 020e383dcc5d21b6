#include "sim/config/yaml_node.hpp"

#include "sim/config/catalog.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <system_error>
#include <vector>

namespace tokenyard::config {
namespace {

constexpr const char* kSetTag = "!set";
constexpr std::string_view kFileTag = "!file:";  // of a value that came by way of a base; its file follows
constexpr const char* kBase = "base";

/// Tags a node and all below it, unless something has tagged them already.
void tag_all(YAML::Node node, const std::string& tag) {
  if (!node.Tag().starts_with(kFileTag) && node.Tag() != kSetTag) node.SetTag(tag);
  if (node.IsMap()) {
    for (const auto& entry : node) tag_all(entry.second, tag);
  } else if (node.IsSequence()) {
    for (const auto& item : node) tag_all(item, tag);
  }
}

/// The entry that `part` of a path names in a list of `size`, from 0. `whole`: of the --set that says so.
std::size_t index_of(const std::string& part, std::size_t size, const std::string& whole) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
  if (error != std::errc{} || end != part.data() + part.size() || index >= size) {
    throw UserError("--set " + whole + ": '" + part + "' is not an entry of this list; it has " + std::to_string(size) +
                    ", counted from 0");
  }
  return index;
}

/// Sets `value` at `parts` below `node`, making mappings on the way. Lists take an index that exists.
void set_at(YAML::Node node, const std::vector<std::string>& parts, std::size_t depth, const YAML::Node& value,
            const std::string& whole) {
  const std::string& part = parts[depth];
  const bool last = depth + 1 == parts.size();
  if (node.IsSequence()) {
    const std::size_t index = index_of(part, node.size(), whole);
    if (last) {
      node[index] = value;
    } else {
      set_at(node[index], parts, depth + 1, value, whole);
    }
    return;
  }
  if (last) {
    node[part] = value;
    return;
  }
  if (!node[part] || node[part].IsNull()) {
    YAML::Node made(YAML::NodeType::Map);
    made.SetTag(kSetTag);
    node[part] = made;
  } else if (node[part].IsScalar()) {
    const std::string word = node[part].Scalar();
    YAML::Node entry(YAML::NodeType::Map);
    entry.SetTag(kSetTag);
    entry[kBase] = word;
    node[part] = entry;
  }
  set_at(node[part], parts, depth + 1, value, whole);
}

bool other_kind(const YAML::Node& base, const YAML::Node& top) {
  const YAML::Node wanted = top["kind"];
  return wanted && wanted.IsScalar() && base["kind"] && base["kind"].Scalar() != wanted.Scalar();
}

YAML::Node overlay(const YAML::Node& base, const YAML::Node& top, const std::string& base_key);

/// A list of the base with entries that --set changed, which are a mapping of their places: the list was not known.
YAML::Node changed_list(const YAML::Node& base, const std::string& key, const YAML::Node& top,
                        const std::string& base_key) {
  std::vector<YAML::Node> items;
  for (const auto& item : base) items.push_back(item);
  for (const auto& change : top) {
    const std::string& part = change.first.Scalar();
    YAML::Node& item = items[index_of(part, items.size(), key + "." + part)];
    const bool lay = item.IsMap() && change.second.IsMap() && !other_kind(item, change.second);
    item.reset(lay ? overlay(item, change.second, base_key) : YAML::Node(change.second));
  }
  YAML::Node list(YAML::NodeType::Sequence);
  for (const YAML::Node& item : items) list.push_back(item);
  return list;
}

YAML::Node overlay(const YAML::Node& base, const YAML::Node& top, const std::string& base_key) {
  YAML::Node merged(YAML::NodeType::Map);
  for (const auto& below : base) {
    bool replaced = false;
    for (const auto& above : top) {
      if (above.first.Scalar() != below.first.Scalar()) continue;
      // A key that stands in `top` twice is kept twice: YamlMap::finish() tells where.
      const bool both = !replaced && above.second.IsMap() && below.second.IsMap();
      replaced = true;
      if (above.second.IsNull()) continue;
      if (below.second.IsSequence() && above.second.IsMap() && from_command_line(above.second)) {
        merged.force_insert(above.first, changed_list(below.second, above.first.Scalar(), above.second, base_key));
        continue;
      }
      const bool lay = both && !other_kind(below.second, above.second);
      merged.force_insert(above.first, lay ? overlay(below.second, above.second, base_key) : YAML::Node(above.second));
    }
    if (!replaced) merged.force_insert(below.first, below.second);
  }
  for (const auto& above : top) {
    const bool new_key = !base[above.first.Scalar()];
    if (new_key && above.first.Scalar() != base_key) merged.force_insert(above.first, above.second);
  }
  return merged;
}

YAML::Node resolve(const YAML::Node& node, const std::string& file, const std::string& path, std::string_view folder,
                   const std::string& base_key, std::vector<std::filesystem::path>& seen) {
  const YAML::Node base = node[base_key];
  if (!base) return node;
  const auto fail = [&](const std::string& why) {
    const YAML::Mark mark = base.Mark().is_null() ? node.Mark() : base.Mark();
    throw UserError((from_command_line(base) ? "--set" : place(file_of(base, file), mark)) + ": " + path + base_key +
                    ": " + why);
  };
  if (!base.IsScalar()) fail("the name of an entry is needed here");
  std::filesystem::path below;
  try {
    below = entry_file(base.Scalar(), folder, file_of(base, file));
  } catch (const std::invalid_argument& error) {
    fail(error.what());
  }
  if (std::find(seen.begin(), seen.end(), below) != seen.end()) fail("'" + base.Scalar() + "' stands on itself");
  seen.push_back(below);
  const YAML::Node raw = load_mapping(below);
  YAML::Node found = resolve(raw, below.string(), "", folder, base_key, seen);
  tag_all(found, std::string(kFileTag) + below.string());
  return overlay(found, node, base_key);
}

}  // namespace

YAML::Node load_mapping(const std::filesystem::path& file) {
  std::error_code unknown;
  if (std::filesystem::is_directory(file, unknown))
    throw UserError(file.string() + ": is a folder; a .yaml file is needed");
  YAML::Node node;
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAllFromFile(file.string());
    if (documents.size() > 1 && !documents[1].IsNull()) {
      throw UserError(place(file.string(), documents[1].Mark()) +
                      ": a second YAML document begins here; one file holds one document, without --- in between");
    }
    if (!documents.empty()) node = documents.front();
  } catch (const YAML::BadFile&) {
    throw UserError(file.string() + ": cannot be read; is the path right?");
  } catch (const YAML::ParserException& error) {
    throw UserError(place(file.string(), error.mark) + ": not YAML: " + error.msg);
  }
  if (!node || node.IsNull()) throw UserError(file.string() + ":1:1: is empty; a mapping of keys to values is needed");
  if (!node.IsMap()) throw UserError(place(file.string(), node.Mark()) + ": must be a mapping of keys to values");
  return node;
}

void set_value(YAML::Node root, const Override& change) {
  const std::string whole = change.path + "=" + change.value;
  YAML::Node value;
  try {
    value = YAML::Load(change.value);
  } catch (const YAML::Exception& error) {
    throw UserError("--set " + whole + ": not YAML: " + error.msg);
  }
  tag_all(value, kSetTag);
  set_at(root, split_path(change.path), 0, value, whole);
}

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t dot = path.find('.');
    parts.emplace_back(path.substr(0, dot));
    if (dot == std::string_view::npos) return parts;
    path.remove_prefix(dot + 1);
  }
}

std::string place(const std::string& file, const YAML::Mark& mark) {
  if (mark.is_null()) return file;
  return file + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1);
}

bool from_command_line(const YAML::Node& value) { return value && value.Tag() == kSetTag; }

std::string file_of(const YAML::Node& value, const std::string& otherwise) {
  if (!value || !value.Tag().starts_with(kFileTag)) return otherwise;
  return value.Tag().substr(kFileTag.size());
}

std::filesystem::path entry_file(const std::string& name, std::string_view folder, const std::string& beside) {
  if (name.ends_with(".yaml")) {
    const std::filesystem::path written = name;
    const auto path = written.is_absolute() ? written : std::filesystem::path(beside).parent_path() / written;
    if (!std::filesystem::exists(path)) throw std::invalid_argument("there is no file " + path.string());
    return path;
  }
  const std::vector<std::string> known = catalog_names(folder);
  if (std::find(known.begin(), known.end(), name) == known.end()) {
    const std::string meant = nearest(name, known);
    std::string all;
    for (const std::string& one : known) all += (all.empty() ? "" : ", ") + one;
    throw std::invalid_argument("there is no '" + name + "' in " + std::string(folder) + "; " +
                                (meant.empty() ? "there are: " + all : "is '" + meant + "' meant?"));
  }
  return catalog_root() / folder / (name + ".yaml");
}

YAML::Node with_base(const YAML::Node& node, const std::string& file, const std::string& path, std::string_view folder,
                     const std::string& base_key) {
  std::vector<std::filesystem::path> seen;
  return resolve(node, file, path, folder, base_key, seen);
}

}  // namespace tokenyard::config
