#include "sim/files/output_folder.hpp"

#include "models/base/errors.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

namespace fs = std::filesystem;
using namespace tokenyard;
using tokenyard::files::OutputFolder;
using tokenyard::tests::TemporaryFolder;
using tokenyard::tests::text_of;
using tokenyard::tests::write_text;

TEST_CASE("output folder: a new one appears whole at commit") {
  const TemporaryFolder folder;
  OutputFolder output(folder / "results/run1/");
  output.file("requests.csv") << "id,ttft\n";
  output.file("summary.json") << "{}\n";
  output.file("requests.csv") << "0,1.5\n";  // the same file goes on
  CHECK_FALSE(fs::exists(folder / "results/run1"));
  output.commit();
  CHECK(text_of(folder / "results/run1/requests.csv") == "id,ttft\n0,1.5\n");
  CHECK(text_of(folder / "results/run1/summary.json") == "{}\n");
  CHECK(folder.entries() == 4);  // results, run1 and two files: nothing temporary
}

TEST_CASE("output folder: files of one that exists are replaced at commit and others stay") {
  const TemporaryFolder folder;
  write_text(folder / "requests.csv", "old");
  write_text(folder / "notes.txt", "mine");
  OutputFolder output(folder.path().string());
  output.file("requests.csv") << "new";
  CHECK(text_of(folder / "requests.csv") == "old");
  output.commit();
  CHECK(text_of(folder / "requests.csv") == "new");
  CHECK(text_of(folder / "notes.txt") == "mine");
  CHECK(folder.entries() == 2);
}

TEST_CASE("output folder: without commit nothing is left") {
  const TemporaryFolder folder;
  SUBCASE("not even the parents that were made") {
    OutputFolder output(folder / "a/b/c");
    output.file("x") << std::string(3'000'000, 'x');
  }
  SUBCASE("and a folder that was there is as before") {
    fs::create_directory(folder / "a");
    {
      OutputFolder(folder / "a").file("x") << "x";
    }
    CHECK(fs::is_empty(folder / "a"));
    fs::remove(folder / "a");
  }
  CHECK(folder.entries() == 0);
}

TEST_CASE("output folder: a file in its place is refused before the run") {
  const TemporaryFolder folder;
  const std::string path = folder / "taken";
  write_text(path, "");
  CHECK_THROWS_WITH_AS(OutputFolder{path}, (path + ": is a file; results need a folder").c_str(), UserError);
  CHECK_THROWS_WITH_AS(OutputFolder{path + "/run"}, (path + "/run: cannot be written: Not a directory").c_str(),
                       UserError);
  CHECK(folder.entries() == 1);
}

TEST_CASE("output folder: an unwritable place is refused before the run and left as it was") {
  // /proc refuses even root; what its kernel says differs between versions.
  CHECK_THROWS_WITH_AS(OutputFolder{"/proc/tokenyard"}, doctest::Contains("/proc/tokenyard: cannot be written: "),
                       UserError);
  CHECK_THROWS_WITH_AS(OutputFolder{"/proc"}, doctest::Contains("/proc: cannot be written: "), UserError);
}

TEST_CASE("output folder: a disk that is full is told at commit and leaves no half file") {
  const TemporaryFolder folder;
  OutputFolder output(folder / "run");
  std::ostream& file = output.file("requests.csv");
  file << "row\n";
  file.setstate(std::ios::badbit);  // what a failed write leaves behind
  CHECK_THROWS_WITH_AS(output.commit(), doctest::Contains("/run: file requests.csv could not be written whole"),
                       UserError);
  CHECK_FALSE(fs::exists(folder / "run"));
}

TEST_CASE("output folder: its permissions are those of any new folder") {
  const TemporaryFolder folder;
  fs::create_directory(folder / "plain");
  OutputFolder output(folder / "run");
  output.file("x") << "x";
  output.commit();
  CHECK(fs::status(folder / "run").permissions() == fs::status(folder / "plain").permissions());
}
