#include "sim/claims/play_claims.hpp"

#include "models/base/errors.hpp"
#include "sim/claims/answer.hpp"
#include "sim/claims/claim.hpp"
#include "sim/claims/expression.hpp"
#include "sim/config/catalog.hpp"
#include "sim/report/claim_files.hpp"
#include "sim/run/children.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>

namespace tokenyard::claims {
namespace {

constexpr int kUserMistake = 2;
constexpr int kInterrupted = 130;

/// All that is asked, each once.
class Asked {
 public:
  void add(const Ask& ask, const std::string& claim) {
    if (place_.emplace(ask.key(), asks_.size()).second) {
      asks_.push_back(ask);
      for_.push_back(claim);
    }
  }
  [[nodiscard]] const std::vector<Ask>& asks() const { return asks_; }
  [[nodiscard]] const std::string& claim_of(std::size_t i) const { return for_[i]; }
  [[nodiscard]] std::size_t place(const Ask& ask) const { return place_.at(ask.key()); }

 private:
  std::map<std::string, std::size_t> place_;
  std::vector<Ask> asks_;
  std::vector<std::string> for_;  ///< the first claim that asks it
};

/// A run of the claim could not be played.
class RunFailed : public std::runtime_error {
 public:
  RunFailed(const std::string& why, int with) : std::runtime_error(why), status(with) {}
  int status;
};

/// The number a swept value begins with: "25 GB/s" -> 25.
double leading_number(const std::string& text) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) throw std::invalid_argument("a sweep over words like '" + text + "' has no x");
  return value;
}

/// The figures of a claim's runs under one set-up.
class Figures {
 public:
  Figures(const Claim& claim, const Variant* variant, const Asked& asked, const std::vector<ChildAnswer>& answers) {
    for (const Run& run : claim.runs) {
      for (const Ask& ask : asks_of(run, variant)) {
        const ChildAnswer& child = answers[asked.place(ask)];
        if (child.status != 0) throw RunFailed("runs." + run.name + ": " + child.text, child.status);
        points_[run.name].push_back(from_text(child.text));
      }
      values_[run.name] = run.sweep_values;
    }
  }

  /// Adds the name of the run to `runs_read`.
  [[nodiscard]] Quantity look_up(const std::string& name, std::set<std::string>& runs_read) const {
    const std::size_t dot = name.find('.');
    const auto points = points_.find(name.substr(0, dot));
    if (points == points_.end() || dot == std::string::npos) {
      std::vector<std::string> runs;
      for (const auto& [run, any] : points_) runs.push_back(run);
      throw std::invalid_argument("'" + name + "' names no run; a figure is RUN.PATH, and the runs are " +
                                  joined(runs));
    }
    runs_read.insert(points->first);
    const std::string path = name.substr(dot + 1);
    Quantity quantity;
    if (const auto& values = values_.at(points->first); path == "x" && !values.empty()) {
      for (const std::string& value : values) quantity.values.push_back(leading_number(value));
      return quantity;
    }
    for (const Answer& one : points->second) {
      const auto figure = one.figures.find(path);
      if (figure == one.figures.end()) refuse(points->first, path, one);
      quantity.values.push_back(figure->second.value);
      quantity.error = std::max(quantity.error, figure->second.error);
    }
    return quantity;
  }

  void add_confidence(std::vector<std::string>& lines) const {
    for (const auto& [run, points] : points_) {
      for (const Answer& one : points) {
        if (one.confidence.empty() || std::find(lines.begin(), lines.end(), one.confidence) != lines.end()) continue;
        lines.push_back(one.confidence);
      }
    }
  }

 private:
  static std::string joined(const std::vector<std::string>& names) {
    std::string all;
    for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
    return all;
  }
  [[noreturn]] static void refuse(const std::string& run, const std::string& path, const Answer& answer) {
    std::vector<std::string> known;
    for (const auto& [name, any] : answer.figures) known.push_back(name);
    const std::string meant = config::nearest(path, known);
    throw std::invalid_argument("run '" + run + "' has no figure '" + path + "'" +
                                (meant.empty() ? "" : "; is '" + meant + "' meant?"));
  }

  std::map<std::string, std::vector<Answer>> points_;
  std::map<std::string, std::vector<std::string>> values_;
};

/// Evaluates an expression of the claim; a mistake in it is told at `key`.
Quantity value_of(const std::string& text, const Figures& figures, const config::YamlMap& source, const char* key,
                  std::set<std::string>& runs_read) {
  try {
    return evaluate(text, [&](const std::string& name) { return figures.look_up(name, runs_read); });
  } catch (const std::invalid_argument& error) {
    source.fail(key, error.what());
  }
}

metrics::ClaimValue tested(const Test& test, const Figures& figures, const std::string& set_up,
                           std::set<std::string>& runs_read) {
  const Quantity quantity = value_of(test.value, figures, *test.source, "value", runs_read);
  if (quantity.values.size() != 1) {
    test.source->fail("value", "is a list of " + std::to_string(quantity.values.size()) +
                                   " points; take first, last, max, min or exponent of it");
  }
  metrics::ClaimValue value{.set_up = set_up};
  value.value = quantity.values[0] / *report::unit_factor(test.row.unit);
  value.error = test.error.value_or(quantity.error);
  value.verdict = metrics::verdict_of(value.value, value.error, test.row.claimed);
  return value;
}

/// Whether a variant touches what was read: else its value is that of the runs as they stand, and says nothing.
bool changes(const Variant& variant, const std::set<std::string>& read) {
  return variant.runs.empty() ||
         std::ranges::any_of(variant.runs, [&](const std::string& run) { return read.contains(run); });
}

metrics::ClaimRow judged(const Claim& claim, const Asked& asked, const std::vector<ChildAnswer>& answers) {
  metrics::ClaimRow row = claim.row;
  for (const Test& test : claim.tests) row.tests.push_back(test.row);
  std::vector<const Variant*> set_ups{nullptr};
  for (const Variant& variant : claim.variants) set_ups.push_back(&variant);
  for (const Variant* variant : set_ups) {
    const Figures figures(claim, variant, asked, answers);
    for (std::size_t t = 0; t < claim.tests.size(); ++t) {
      std::set<std::string> read;
      const metrics::ClaimValue value = tested(claim.tests[t], figures, variant == nullptr ? "" : variant->name, read);
      if (variant == nullptr || changes(*variant, read)) row.tests[t].values.push_back(value);
    }
    figures.add_confidence(row.confidence);
    if (variant != nullptr || !claim.figure) continue;
    row.figure = claim.figure;
    for (const Curve& curve : claim.curves) {
      std::set<std::string> read;
      const Quantity x = value_of(curve.x, figures, *curve.source, "x", read);
      const Quantity y = value_of(curve.y, figures, *curve.source, "y", read);
      if (x.values.size() != y.values.size()) curve.source->fail("y", "has not as many points as x");
      row.figure->curves.push_back({curve.name, x.values, y.values});
    }
  }
  metrics::conclude(row);
  return row;
}

}  // namespace

std::vector<std::filesystem::path> claim_folders(const std::filesystem::path& root) {
  std::vector<std::filesystem::path> folders;
  if (!std::filesystem::is_directory(root)) return folders;
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    if (std::filesystem::is_regular_file(entry.path() / "claim.yaml")) folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

PlayedClaims play_claims(const std::vector<std::filesystem::path>& folders, const PlayClaimsOptions& options) {
  PlayedClaims played;
  std::vector<std::optional<Claim>> claims(folders.size());
  Asked asked;
  const auto fail = [&](std::size_t i, const std::string& why, int status) {
    played.rows[i].verdict = metrics::Verdict::Failed;
    played.rows[i].because = why;
    played.status = std::max(played.status, status);
    claims[i].reset();
  };
  for (std::size_t i = 0; i < folders.size(); ++i) {
    played.rows.push_back({.id = folders[i].filename().string()});
    try {
      claims[i] = read_claim(folders[i]);
      played.rows[i] = claims[i]->row;
      for (const Run& run : claims[i]->runs) {
        for (const Ask& ask : asks_of(run, nullptr)) asked.add(ask, claims[i]->row.id);
        for (const Variant& variant : claims[i]->variants) {
          for (const Ask& ask : asks_of(run, &variant)) asked.add(ask, claims[i]->row.id);
        }
      }
    } catch (const UserError& error) {  // the others are played all the same
      fail(i, error.what(), kUserMistake);
    }
  }
  ChildOptions children{.jobs = options.jobs, .interrupted = options.interrupted};
  if (options.progress) children.progress = [&](std::size_t ended) { options.progress(ended, asked.asks().size()); };
  const auto answers = in_children(
      asked.asks().size(), children,
      [&](std::size_t i) { return to_text(answer(asked.asks()[i], options.interrupted)); },
      [&](std::size_t i) { return "claim " + asked.claim_of(i); });
  const bool cut = options.interrupted != nullptr && options.interrupted->load();
  for (std::size_t i = 0; i < folders.size(); ++i) {
    if (!claims[i]) continue;
    if (cut) {
      fail(i, "interrupted", kInterrupted);
      continue;
    }
    try {
      played.rows[i] = judged(*claims[i], asked, answers);
    } catch (const RunFailed& error) {
      fail(i, (folders[i] / "claim.yaml").string() + ": " + error.what(), error.status);
    } catch (const UserError& error) {
      fail(i, error.what(), kUserMistake);
    }
  }
  return played;
}

}  // namespace tokenyard::claims
