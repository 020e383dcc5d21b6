#include "sim/files/trace_file.hpp"

#include "models/base/errors.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>
#include <zlib.h>

#include <array>

using namespace tokenyard;
using tokenyard::tests::TemporaryFolder;
using tokenyard::tests::text_of;
using tokenyard::tests::write_text;

namespace {

std::string long_text() {
  std::string text = "timestamp,prompt_tokens,output_tokens\n";
  for (int row = 0; row < 50'000; ++row) {
    text += std::to_string(row * 7919 % 1'000'003) + "," + std::to_string(row % 4096) + ",128\n";
  }
  return text;
}

void write_gzip(const std::string& path, const std::string& text) {
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);
}

std::string read_all(const std::string& path) {
  const auto source = files::open_trace(path);
  std::string text;
  std::array<char, 1000> piece{};
  while (const std::size_t got = source->read(piece.data(), piece.size())) {
    text.append(piece.data(), got);
  }
  return text;
}

}  // namespace

TEST_CASE("trace file: gzip gives back the text whatever the name") {
  const TemporaryFolder folder;
  const std::string text = long_text();
  write_gzip(folder / "trace.csv", text);
  CHECK(read_all(folder / "trace.csv") == text);
  CHECK(files::open_trace(folder / "trace.csv")->name() == folder / "trace.csv");
}

TEST_CASE("trace file: a plain file is read as it is") {
  const TemporaryFolder folder;
  const std::string text = long_text();
  write_text(folder / "trace.csv.gz", text);
  CHECK(read_all(folder / "trace.csv.gz") == text);
  write_text(folder / "empty", "");
  CHECK(read_all(folder / "empty").empty());
}

TEST_CASE("trace file: two gzip files one after the other are one text") {
  const TemporaryFolder folder;
  write_gzip(folder / "a", "first\n");
  write_gzip(folder / "b", "second\n");
  write_text(folder / "ab", text_of(folder / "a") + text_of(folder / "b"));
  CHECK(read_all(folder / "ab") == "first\nsecond\n");
}

TEST_CASE("trace file: a truncated gzip file is refused wherever it was cut") {
  const TemporaryFolder folder;
  write_gzip(folder / "whole", long_text());
  const std::string whole = text_of(folder / "whole");
  const std::string path = folder / "cut.gz";
  for (const std::size_t kept :
       {std::size_t{5}, std::size_t{12}, whole.size() / 2, whole.size() - 8, whole.size() - 1}) {
    CAPTURE(kept);
    write_text(path, whole.substr(0, kept));
    CHECK_THROWS_WITH_AS(read_all(path), doctest::Contains((path + ": truncated gzip file").c_str()), UserError);
  }
}

TEST_CASE("trace file: corrupt gzip data is refused with what is wrong") {
  const TemporaryFolder folder;
  write_gzip(folder / "whole", long_text());
  std::string text = text_of(folder / "whole");
  const std::string path = folder / "bad.gz";
  SUBCASE("the sum at its end") {
    text[text.size() - 6] ^= 1;
    write_text(path, text);
    CHECK_THROWS_WITH_AS(read_all(path),
                         doctest::Contains((path + ": corrupt gzip file: incorrect data check").c_str()), UserError);
  }
  SUBCASE("its head") {
    text[2] = 3;
    write_text(path, text);
    CHECK_THROWS_WITH_AS(read_all(path),
                         doctest::Contains((path + ": corrupt gzip file: unknown compression method").c_str()),
                         UserError);
  }
}

TEST_CASE("trace file: behind the end of gzip data only zeros may stand") {
  const TemporaryFolder folder;
  write_gzip(folder / "whole", long_text());
  const std::string path = folder / "long.gz";
  write_text(path, text_of(folder / "whole") + std::string(700'000, '\0'));
  CHECK(read_all(path) == long_text());
  for (const std::string behind : {"x", "garbage", "\x1fgarbage"}) {
    write_text(path, text_of(folder / "whole") + behind);
    CHECK_THROWS_WITH_AS(read_all(path),
                         doctest::Contains((path + ": corrupt gzip file: what stands behind its end").c_str()),
                         UserError);
  }
}

TEST_CASE("trace file: a missing file and a folder are refused by name") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH_AS(static_cast<void>(files::open_trace("")), "the name of the trace file is empty", UserError);
  const std::string missing = folder / "missing.csv";
  CHECK_THROWS_WITH_AS(static_cast<void>(files::open_trace(missing)),
                       (missing + ": cannot be opened: No such file or directory").c_str(), UserError);
  CHECK_THROWS_WITH_AS(
      static_cast<void>(files::open_trace(folder.path().string())),
      (folder.path().string() + ": is a directory without .json or .jsonl files; a trace is a file").c_str(),
      UserError);
}

TEST_CASE("trace file: the JSON files of a folder are one text in order of their names") {
  const TemporaryFolder folder;
  write_gzip(folder / "b.json.gz", "{2}");
  write_text(folder / "a.json", "{1}");
  write_text(folder / "c.jsonl", "{3}\n");
  write_text(folder / "notes.txt", "no");
  CHECK(read_all(folder.path().string()) == "{1}\n{2}\n{3}\n\n");  // a file's last line may have no end
  const auto source = files::open_trace(folder / "a.json");
  CHECK(source->beside("c.jsonl") != nullptr);
  CHECK(source->beside("b.json") != nullptr);  // its gzip stands in
  CHECK(source->beside("d.json") == nullptr);
  CHECK(source->beside("")->name() == source->name());
}

TEST_CASE("trace file: a folder is called by the file that its bytes are of") {
  const TemporaryFolder folder;
  write_text(folder / "a.json", "{1}");
  write_text(folder / "b.json", "{2}");
  const auto source = files::open_trace(folder.path().string());
  CHECK(source->name() == folder.path().string());
  std::array<char, 1000> piece{};
  std::string names;
  while (source->read(piece.data(), piece.size()) > 0) names += source->name().substr(folder.path().string().size());
  CHECK(names == "/a.json/a.json/b.json/b.json");  // the text of each and the end of its last line
}
