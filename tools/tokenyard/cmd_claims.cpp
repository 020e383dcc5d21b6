#include "tools/tokenyard/commands.hpp"

#include "models/base/errors.hpp"
#include "sim/claims/claim.hpp"
#include "sim/claims/play_claims.hpp"
#include "sim/config/catalog.hpp"
#include "sim/files/output_folder.hpp"
#include "sim/report/claim_files.hpp"
#include "tools/tokenyard/options.hpp"

#include <CLI/CLI.hpp>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <thread>

namespace tokenyard::cli {
namespace {

struct ClaimsArguments {
  std::vector<std::string> ids;
  std::string folder;
  std::string out = "out/claims";
  std::string figures;
  unsigned jobs = 0;
};

/// The folders of the claims asked for, all of them when none is named; in order of the command line.
std::vector<std::filesystem::path> chosen(const std::filesystem::path& root, const std::vector<std::string>& ids) {
  const auto all = claims::claim_folders(root);
  if (all.empty())
    throw UserError("claims: there is no claim in " + root.string() + "; a claim is a folder with a claim.yaml");
  if (ids.empty()) return all;
  std::vector<std::filesystem::path> some;
  std::vector<std::string> known;
  for (const auto& folder : all) known.push_back(folder.filename().string());
  for (const std::string& id : ids) {
    const auto place = std::find(known.begin(), known.end(), id);
    if (place == known.end()) {
      const std::string meant = config::nearest(id, known);
      throw UserError("claims: there is no " + (root / id / "claim.yaml").string() +
                      (meant.empty() ? "" : "; is '" + meant + "' meant?"));
    }
    some.push_back(all[static_cast<std::size_t>(place - known.begin())]);
  }
  return some;
}

void write(const std::string& out, const std::string& figures, const std::vector<metrics::ClaimRow>& rows) {
  files::OutputFolder folder(out);
  report::write_claims_markdown(rows, figures, folder.file("claims.md"));
  report::write_claims_json(rows, folder.file("claims.json"));
  for (const metrics::ClaimRow& row : rows) {
    if (row.figure && !row.figure->curves.empty()) {
      report::write_curves(row.id + ": " + row.claim, *row.figure, folder.file(row.id + ".svg"));
    }
  }
  folder.commit();
}

int test_claims(const ClaimsArguments& given) {
  const std::filesystem::path root =
      given.folder.empty() ? config::catalog_root() / "configs/claims" : std::filesystem::path(given.folder);
  const auto folders = chosen(root, given.ids);
  const bool watched = ::isatty(STDERR_FILENO) != 0;
  auto played = claims::play_claims(
      folders, {.jobs = given.jobs > 0 ? given.jobs : std::max(1U, std::thread::hardware_concurrency()),
                .interrupted = &catch_interrupt(),
                .progress = [&](std::size_t done, std::size_t all) {
                  if (watched) std::cerr << "\r " << done << " of " << all << " runs played " << std::flush;
                }});
  if (watched) std::cerr << "\r                                \r" << std::flush;
  for (const metrics::ClaimRow& row : played.rows) {
    if (row.verdict == metrics::Verdict::Failed) {
      complain(row.because);
    } else {
      std::cout << report::claim_line(row);
    }
  }
  const auto open = root / "not-yet.yaml";
  if (given.ids.empty() && std::filesystem::exists(open)) {
    const auto rows = claims::read_open_claims(open);
    std::cout << rows.size() << " claims not yet: the list stands in claims.md\n";
    played.rows.insert(played.rows.end(), rows.begin(), rows.end());
  }
  if (played.status != kInterrupted) {
    write(given.out, given.figures, played.rows);
    std::cout << "results in " << given.out << "/\n";
  }
  return played.status;
}

}  // namespace

void add_claims(CLI::App& app, Command& command) {
  auto* sub = app.add_subcommand("claims", "put claims of documents to the test: run their scenarios, say what holds");
  const auto given = std::make_shared<ClaimsArguments>();
  sub->add_option("ids", given->ids, "claims by their folder's name; without any: all");
  sub->add_option("--claims", given->folder, "folder of claims instead of configs/claims");
  sub->add_option("--out", given->out, "folder for claims.md, claims.json and figures")->capture_default_str();
  sub->add_option("--figures", given->figures, "what stands before the names of figures in claims.md, e.g. claims/");
  sub->add_option("-j,--jobs", given->jobs, "runs at a time; 0 = one a core")->capture_default_str();
  sub->callback([given, &command] { command = [given] { return test_claims(*given); }; });
}

}  // namespace tokenyard::cli
