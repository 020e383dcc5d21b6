#include "sim/files/output_file.hpp"

#include "models/base/errors.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <filesystem>

using namespace tokenyard;
using tokenyard::files::OutputFile;
using tokenyard::tests::TemporaryFolder;
using tokenyard::tests::text_of;

TEST_CASE("output file: it appears whole at commit, with the folders above it") {
  const TemporaryFolder folder;
  OutputFile output(folder / "a/b.csv");
  output.stream() << "one\n";
  CHECK_FALSE(std::filesystem::exists(folder / "a/b.csv"));
  output.commit();
  CHECK(text_of(folder / "a/b.csv") == "one\n");
}

TEST_CASE("output file: names of folders and no name at all are refused") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "there");
  for (const char* const name : {"there", "there/", "new/", ".", "there/.."}) {
    INFO(name);
    CHECK_THROWS_WITH_AS(OutputFile{folder / name}, doctest::Contains(": names a folder; give the name of a file"),
                         UserError);
  }
  CHECK_THROWS_WITH_AS(OutputFile{""}, "the name of the file to write is empty", UserError);
  CHECK(folder.entries() == 1);
}
