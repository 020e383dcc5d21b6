#include "tools/tokenyard/commands.hpp"

#include "models/base/errors.hpp"
#include "sim/config/catalog.hpp"
#include "sim/config/keys.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <memory>

namespace tokenyard::cli {
namespace {

struct KeysArguments {
  std::string section;
  bool markdown = false;
};

std::vector<std::string> sections() {
  std::vector<std::string> all;
  for (const config::Key& key : config::all_keys()) {
    if (all.empty() || all.back() != key.section) all.emplace_back(key.section);
  }
  return all;
}

/// A cell of a table in Markdown, where a bar would end it.
std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) escaped += c == '|' ? std::string("\\|") : std::string(1, c);
  return escaped;
}

void print(const config::Key& key, bool markdown) {
  if (markdown) {
    std::cout << "| `" << key.name << "` | " << cell(key.unit) << " | " << cell(key.fallback) << " | "
              << cell(key.sentence) << " |\n";
    return;
  }
  std::cout << "  " << std::left << std::setw(30) << key.name << " " << std::setw(14) << key.fallback << " " << key.unit
            << "\n      " << key.sentence << "\n";
}

int print_keys(const KeysArguments& arguments) {
  const auto known = sections();
  if (!arguments.section.empty() && std::find(known.begin(), known.end(), arguments.section) == known.end()) {
    const std::string meant = config::nearest(arguments.section, known);
    throw UserError("keys: there is no section '" + arguments.section + "'" +
                    (meant.empty() ? "; `tokenyard keys` prints all" : "; is '" + meant + "' meant?"));
  }
  std::string_view current;
  for (const config::Key& key : config::all_keys()) {
    if (!arguments.section.empty() && key.section != arguments.section) continue;
    if (key.section != current) {
      current = key.section;
      if (arguments.markdown) {
        std::cout << "\n### " << current << "\n\n| key | unit | default | |\n|---|---|---|---|\n";
      } else {
        std::cout << "\n" << current << ":\n";
      }
    }
    print(key, arguments.markdown);
  }
  return 0;
}

}  // namespace

void add_keys(CLI::App& app, Command& command) {
  auto* sub = app.add_subcommand("keys", "list every key of an experiment with unit, default and a sentence");
  const auto given = std::make_shared<KeysArguments>();
  sub->add_option("section", given->section, "only this kind of mapping, e.g. pool");
  sub->add_flag("--markdown", given->markdown, "as tables for a document");
  sub->callback([given, &command] { command = [given] { return print_keys(*given); }; });
}

}  // namespace tokenyard::cli
