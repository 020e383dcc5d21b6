#include "tools/tokenyard/commands.hpp"

#include "models/base/errors.hpp"
#include "sim/config/catalog.hpp"
#include "sim/files/output_file.hpp"
#include "sim/files/output_folder.hpp"
#include "sim/report/score.hpp"
#include "sim/validate/play_points.hpp"
#include "sim/validate/read_set.hpp"
#include "tools/tokenyard/options.hpp"

#include <CLI/CLI.hpp>

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace tokenyard::cli {
namespace {

struct ValidateArguments {
  std::vector<std::string> sets;
  std::string model;
  std::string chip;
  std::string engine;
  std::size_t limit = 0;
  std::size_t worst = 10;
  unsigned jobs = 0;
  bool list = false;
  std::string out;
  std::string traces;
  std::string accuracy;
};

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// The points asked for, and of these at most `limit`, evenly spread.
std::vector<validate::Point> chosen(std::vector<validate::Point> points, const ValidateArguments& given) {
  std::erase_if(points, [&](const validate::Point& point) {
    return !holds(point.scored.model, given.model) || !holds(point.scored.chip, given.chip) ||
           !holds(point.scored.engine, given.engine);
  });
  if (given.limit == 0 || points.size() <= given.limit) return points;
  std::vector<validate::Point> some;
  for (std::size_t i = 0; i < given.limit; ++i) some.push_back(std::move(points[i * points.size() / given.limit]));
  return some;
}

/// The names in the sets that are nearest to what was asked for and no point has.
std::string meant(const std::vector<validate::Point>& points, const ValidateArguments& given) {
  std::string text;
  const auto add = [&](const char* option, const std::string& asked, auto name_of) {
    std::vector<std::string> known;
    for (const validate::Point& point : points) known.push_back(name_of(point));
    std::sort(known.begin(), known.end());
    if (std::any_of(known.begin(), known.end(), [&](const std::string& name) { return holds(name, asked); })) return;
    const std::string nearest = config::nearest(asked, known);
    if (!nearest.empty()) text += std::string("; ") + option + " " + asked + ": is '" + nearest + "' meant?";
  };
  add("--model", given.model, [](const validate::Point& point) { return point.scored.model; });
  add("--chip", given.chip, [](const validate::Point& point) { return point.scored.chip; });
  add("--engine", given.engine, [](const validate::Point& point) { return point.scored.engine; });
  return text;
}

/// A line that is written over, where somebody watches.
class Counter {
 public:
  ~Counter() {
    if (shown_) std::cerr << "\r                                        \r" << std::flush;
  }
  void show(std::size_t played, std::size_t all) {
    if (::isatty(STDERR_FILENO) == 0) return;
    shown_ = true;
    std::cerr << "\r " << played << " of " << all << " set-ups played " << std::flush;
  }

 private:
  bool shown_ = false;
};

void write(const ValidateArguments& given, const metrics::Scoreboard& board,
           const std::vector<metrics::ScoredPoint>& points) {
  files::OutputFolder folder(given.out);
  report::write_points(points, folder.file("points.csv"));
  report::write_scores(board, folder.file("scoreboard.csv"));
  report::write_score_json(board, points, folder.file("scoreboard.json"));
  folder.commit();
}

int validate_sets(const ValidateArguments& given) {
  std::vector<validate::Point> points;
  std::vector<std::string> notes;
  for (const std::string& file : given.sets.empty() ? validate::shipped_sets() : given.sets) {
    validate::MeasuredSet set = validate::read_set(file, given.traces);
    for (const std::string& note : set.notes) notes.push_back(file + ": " + note);
    std::move(set.points.begin(), set.points.end(), std::back_inserter(points));
  }
  const std::string nearest = meant(points, given);
  points = chosen(std::move(points), given);
  if (points.empty()) throw UserError("validate: no row of the sets is of such a model, chip and engine" + nearest);

  validate::PlayedPoints played;
  {
    Counter counter;
    played = validate::play_points(
        points, {.jobs = given.jobs > 0 ? given.jobs : std::max(1U, std::thread::hardware_concurrency()),
                 .interrupted = &catch_interrupt(),
                 .progress = [&](std::size_t done, std::size_t all) { counter.show(done, all); }});
  }
  const metrics::Scoreboard board = metrics::scoreboard(played.points);
  if (given.list) std::cout << report::point_lines(played.points) << '\n';
  std::cout << report::score_table(board, played.points, given.worst);
  for (const std::string& note : notes) std::cout << "note: " << note << '\n';
  if (!given.out.empty()) {
    write(given, board, played.points);
    std::cout << "points.csv, scoreboard.csv and scoreboard.json in " << given.out << "/\n";
  }
  if (!given.accuracy.empty()) {
    files::OutputFile file(given.accuracy);
    report::write_accuracy(metrics::accuracy_lines(played.points), file.stream());
    file.commit();
    std::cout << "accuracy of each chip, model and engine in " << given.accuracy << '\n';
  }
  return played.status;
}

}  // namespace

void add_validate(CLI::App& app, Command& command) {
  auto* sub = app.add_subcommand("validate", "play measured serving points and say how far off the simulator is");
  const auto given = std::make_shared<ValidateArguments>();
  sub->add_option(
         "--set", given->sets,
         "a file of measurements (docs/validation.md has the kinds); may be given several times; without it the "
         "published figures that ship with tokenyard")
      ->take_all()
      ->allow_extra_args(false);
  sub->add_option("--model", given->model, "only models with this in their name");
  sub->add_option("--chip", given->chip, "only chips with this in their name");
  sub->add_option("--engine", given->engine, "only engines with this in their name");
  sub->add_option("--limit", given->limit, "at most so many points, evenly spread over those chosen; 0 = all")
      ->capture_default_str();
  sub->add_option("--worst", given->worst, "how many of the worst points are printed")->capture_default_str();
  sub->add_option("--traces", given->traces,
                  "folder with the traces of recorded runs, where they do not lie beside the set");
  sub->add_flag("--list", given->list, "a line a point as well");
  sub->add_option("--out", given->out,
                  "folder for points.csv, scoreboard.csv and scoreboard.json; without it none are written");
  sub->add_option(
      "--write", given->accuracy,
      "file for the accuracy by chip, model, engine and batch; models/catalog/accuracy.csv is what runs look up");
  sub->add_option("-j,--jobs", given->jobs, "points at a time; 0 = one a core")->capture_default_str();
  sub->callback([given, &command] { command = [given] { return validate_sets(*given); }; });
}

}  // namespace tokenyard::cli
