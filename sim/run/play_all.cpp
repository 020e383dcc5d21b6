#include "sim/run/play.hpp"

#include "models/base/errors.hpp"
#include "sim/config/experiment.hpp"
#include "sim/report/json.hpp"
#include "sim/run/children.hpp"

#include <map>
#include <sstream>

namespace tokenyard {
namespace {

constexpr int kUserMistake = 2;

/// The designs to play: those that can be read and whose results have a name of their own. The others get their error.
std::vector<std::size_t> readable(std::vector<Design>& designs, const std::vector<config::Override>& overrides) {
  std::map<std::string, std::filesystem::path> names;
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < designs.size(); ++i) {
    Design& design = designs[i];
    try {
      const config::Experiment experiment = config::read_experiment(design.file, overrides);
      const auto [known, is_new] = names.emplace(experiment.name, design.file);
      if (!is_new) {
        experiment.source->fail("name", "'" + experiment.name + "' is also the name of " + known->second.string() +
                                            ": their results would overwrite each other");
      }
      chosen.push_back(i);
    } catch (const UserError& error) {  // the others are played all the same
      design.status = kUserMistake;
      design.error = error.what();
    }
  }
  return chosen;
}

}  // namespace

std::vector<Design> play_all(const std::vector<std::filesystem::path>& files, const PlayOptions& options,
                             unsigned jobs) {
  std::vector<Design> designs;
  for (const auto& file : files) designs.push_back({.file = file});
  const std::vector<std::size_t> chosen = readable(designs, options.overrides);
  PlayOptions alone = options;
  alone.progress = options.progress && jobs == 1;  // several would write over each other's line
  const auto answers = in_children(
      chosen.size(), {.jobs = jobs, .interrupted = options.interrupted},
      [&](std::size_t i) {
        std::ostringstream text;
        report::write_summary(play(files[chosen[i]], alone), text);
        return text.str();
      },
      [&](std::size_t i) { return files[chosen[i]].string(); });
  for (std::size_t i = 0; i < answers.size(); ++i) {
    Design& design = designs[chosen[i]];
    design.status = answers[i].status;
    if (design.status != 0) {
      design.error = answers[i].text;
      continue;
    }
    std::istringstream text(answers[i].text);
    design.summary = report::read_summary(text, design.file.string());
  }
  return designs;
}

}  // namespace tokenyard
