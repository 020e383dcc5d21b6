#include "sim/config/yaml_map.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

using namespace tokenyard;
using namespace tokenyard::config;

namespace {

/// A file that is gone when the test is.
class TempFile {
 public:
  explicit TempFile(const std::string& text) {
    std::string pattern = (std::filesystem::temp_directory_path() / "tokenyard-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    std::ofstream(path()) << text;
  }
  ~TempFile() { std::filesystem::remove_all(folder_); }
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;
  [[nodiscard]] std::filesystem::path path() const { return folder_ / "a.yaml"; }
  [[nodiscard]] std::string at(const std::string& place_and_message) const {
    return path().string() + ":" + place_and_message;
  }

 private:
  std::filesystem::path folder_;
};

template <class Act>
std::string complaint(Act act) {
  try {
    act();
  } catch (const UserError& error) {
    return error.what();
  }
  return "no complaint";
}

// The tests borrow sections of the models' tables: the reader treats all alike.
constexpr const char* kExchange = "collectives.direction";  // launch required, per_doubling with default 0, eff, source
constexpr const char* kFine = "launch: 5 us\neff: 0.5\nsource: a test\n";

}  // namespace

TEST_CASE("yaml map: what is written is read and what is not has the table's default") {
  const TempFile file("launch: 5 us\neff: 0.5\nsource: a test\n");
  YamlMap map = YamlMap::load(file.path(), kExchange);
  CHECK(map.seconds("launch").value() == doctest::Approx(5e-6));
  CHECK(map.seconds("per_doubling").value() == 0.0);
  CHECK(map.number("eff", 0.0, 1.0) == 0.5);
  CHECK(map.text("source") == "a test");
  CHECK(map.has("launch"));
  CHECK_FALSE(map.has("per_doubling"));
  CHECK(map.given("per_doubling"));     // by its default
  CHECK_FALSE(map.given("error_p50"));  // optional
  map.finish();
}

TEST_CASE("yaml map: defaults appear in resolved text and can be read again") {
  const TempFile file(kFine);
  YamlMap map = YamlMap::load(file.path(), kExchange);
  (void)map.seconds("launch");
  (void)map.seconds("per_doubling");
  (void)map.number("eff", 0.0, 1.0);
  (void)map.text("source");
  CHECK(map.resolved() == "launch: 5 us\nper_doubling: 0\neff: 0.5\nsource: a test\n");
}

TEST_CASE("yaml map: resolved text holds nested mappings as they were read") {
  const TempFile file("memory:\n  capacity: 80 GB\n  bandwidth: 2 TB/s\n  source: a test\n");
  YamlMap map = YamlMap::load(file.path(), "chip");
  YamlMap memory = map.map("memory", "chip.memory");
  (void)memory.bytes("capacity");  // after the child was handed out
  CHECK(map.flag("scenario") == false);
  CHECK(map.resolved() == "memory:\n  capacity: 80 GB\nscenario: false\n");
}

TEST_CASE("yaml map: an unknown key is refused at its place with the nearest known key") {
  const TempFile file("launch: 5 us\neff: 0.5\nsorce: a test\n");
  YamlMap map = YamlMap::load(file.path(), kExchange);
  (void)map.seconds("launch");
  CHECK(complaint([&] { (void)map.text("source"); }) == file.at("3:1: sorce: unknown key; is 'source' meant?"));
  (void)map.number("eff", 0.0, 1.0);
  CHECK(complaint([&] { map.finish(); }) == file.at("3:1: sorce: unknown key; is 'source' meant?"));
}

TEST_CASE("yaml map: an unknown key without a near one lists what is known") {
  const TempFile file("bandwidth_of_everything: 3\n");
  const YamlMap map = YamlMap::load(file.path(), kExchange);
  CHECK(complaint([&] { map.finish(); }) ==
        file.at("1:1: bandwidth_of_everything: unknown key; known here: launch, per_doubling, across_launch, "
                "across_per_doubling, eff, across_eff, overlap, norm, rate_per_sm, across_rate_per_sm, per_token, "
                "error_p50, error_p90, rows, valid, source"));
}

TEST_CASE("yaml map: a known key that nobody asked for has no meaning here") {
  const TempFile file("kind: mla\nhead_dim: 128\n");
  YamlMap map = YamlMap::load(file.path(), "llm.attention");
  CHECK(map.choice("kind", {"gqa", "mla"}) == "mla");
  CHECK(complaint([&] { map.finish(); }) ==
        file.at("2:1: head_dim: has no meaning here, beside the other keys of this mapping"));
}

TEST_CASE("yaml map: a key that stands twice is refused") {
  const TempFile file("launch: 5 us\neff: 0.5\nlaunch: 6 us\n");
  YamlMap map = YamlMap::load(file.path(), kExchange);
  (void)map.seconds("launch");
  (void)map.number("eff", 0.0, 1.0);
  CHECK(complaint([&] { map.finish(); }) == file.at("3:1: launch: stands here twice; keep one"));
}

TEST_CASE("yaml map: a wrong unit is refused at the value with the units that would do") {
  const TempFile file("eff: 0.5\nlaunch: 5 GB\nper_doubling: 7\n");
  YamlMap map = YamlMap::load(file.path(), kExchange);
  CHECK(complaint([&] { (void)map.seconds("launch"); }) ==
        file.at("2:9: launch: '5 GB' needs a unit, one of: s, ms, us, ns, min, h"));
  CHECK(complaint([&] { (void)map.seconds("per_doubling"); }) ==
        file.at("3:15: per_doubling: '7' needs a unit, one of: s, ms, us, ns, min, h"));
}

TEST_CASE("yaml map: a value out of range is refused with the range") {
  const TempFile file("layers: 0\nhidden: 1_024\nvocab: many\nmax_context: -4\n");
  YamlMap map = YamlMap::load(file.path(), "llm");
  CHECK(complaint([&] { (void)map.count("layers"); }) ==
        file.at("1:9: layers: 0 is out of range; from 1 to 1000000000"));
  CHECK(map.count("hidden") == 1024);
  CHECK(complaint([&] { (void)map.count("vocab"); }) == file.at("3:8: vocab: 'many' is not a whole number"));
  CHECK(complaint([&] { (void)map.count("max_context", 0); }) ==
        file.at("4:14: max_context: -4 is out of range; from 0 to 1000000000"));
}

TEST_CASE("yaml map: ratios and spans have their range too") {
  const TempFile file("eff: 1.5\nlaunch: -2 us\n");
  YamlMap map = YamlMap::load(file.path(), kExchange);
  CHECK(complaint([&] { (void)map.number("eff", 0.0, 1.0); }) == file.at("1:6: eff: 1.5 is out of range; from 0 to 1"));
  CHECK(complaint([&] { (void)map.seconds("launch"); }) ==
        file.at("2:9: launch: '-2 us' is negative; 0 or more is needed"));
}

TEST_CASE("yaml map: a word that is no choice is refused with the choices") {
  const TempFile file("kind: mqa\n");
  YamlMap map = YamlMap::load(file.path(), "llm.attention");
  CHECK(complaint([&] {
          (void)map.choice("kind", {"gqa", "mla"});
        }) == file.at("1:7: kind: 'mqa' is not known; one of: gqa, mla; is 'gqa' meant?"));
}

TEST_CASE("yaml map: a nested value is named by its path") {
  const TempFile file("memory:\n  capacity: 80 parsecs\n");
  YamlMap map = YamlMap::load(file.path(), "chip");
  YamlMap memory = map.map("memory", "chip.memory");
  CHECK(complaint([&] {
          (void)memory.bytes("capacity");
        }).starts_with(file.at("2:13: memory.capacity: '80 parsecs' needs a unit, one of: B, kB")));
}

TEST_CASE("yaml map: a mapping where a value is needed is refused and the other way round") {
  const TempFile file("name: {first: a}\nmemory: big\n");
  YamlMap map = YamlMap::load(file.path(), "chip");
  CHECK(complaint([&] { (void)map.text("name"); }) == file.at("1:7: name: one value is needed here, not a mapping"));
  CHECK(complaint([&] { (void)map.map("memory", "chip.memory"); }) ==
        file.at("2:9: memory: a mapping is needed here, not 'big'"));
}

TEST_CASE("yaml map: an override replaces a nested value") {
  const TempFile file("memory:\n  capacity: 80 GB\n  bandwidth: 2 TB/s\n");
  YamlMap map = YamlMap::load(file.path(), "chip", {{"memory.capacity", "96 GB"}});
  YamlMap memory = map.map("memory", "chip.memory");
  CHECK(memory.bytes("capacity").value() == 96e9);
  CHECK(memory.bandwidth("bandwidth").value() == 2e12);
}

TEST_CASE("yaml map: an override adds what the file lacks") {
  const TempFile file("name: x\n");
  YamlMap map = YamlMap::load(file.path(), "chip", {{"memory.capacity", "96 GB"}, {"scenario", "true"}});
  CHECK(map.flag("scenario"));
  CHECK(map.map("memory", "chip.memory").bytes("capacity").value() == 96e9);
}

TEST_CASE("yaml map: an override reaches an entry of a list by its index") {
  const TempFile file("kernels:\n  - {launch: 1 us}\n  - {launch: 2 us}\n");
  YamlMap map = YamlMap::load(file.path(), "chip", {{"kernels.1.launch", "7 us"}});
  auto entries = map.maps("kernels", kExchange);
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].seconds("launch").value() == doctest::Approx(1e-6));
  CHECK(entries[1].seconds("launch").value() == doctest::Approx(7e-6));
  CHECK(complaint([&] {
          (void)YamlMap::load(file.path(), "chip", {{"kernels.2.launch", "7 us"}});
        }) == "--set kernels.2.launch=7 us: '2' is not an entry of this list; it has 2, counted from 0");
}

TEST_CASE("yaml map: a complaint about an override names the command line") {
  const TempFile file(kFine);
  YamlMap map = YamlMap::load(file.path(), kExchange, {{"launch", "5 GB"}, {"launc", "1 us"}});
  CHECK(complaint([&] { (void)map.seconds("launch"); }) ==
        "--set: launch: '5 GB' needs a unit, one of: s, ms, us, ns, min, h");
  (void)map.number("eff", 0.0, 1.0);
  (void)map.text("source");
  CHECK(complaint([&] { map.finish(); }) == "--set: launc: unknown key; is 'launch' meant?");
}

TEST_CASE("yaml map: a mapping from the command line is named as such all the way down") {
  const TempFile file("name: x\n");
  YamlMap map = YamlMap::load(file.path(), "chip", {{"memory", "{capacity: 5 us}"}});
  YamlMap memory = map.map("memory", "chip.memory");
  CHECK(complaint([&] { (void)memory.bytes("capacity"); }).starts_with("--set: memory.capacity: '5 us' needs a unit"));
}

TEST_CASE("yaml map: a domain error lands on the line of its field") {
  const TempFile file("name: x\nmemory:\n  capacity: 80 GB\n  bandwidth: 2 TB/s\n");
  const YamlMap map = YamlMap::load(file.path(), "chip");
  const auto refuse = [&](const char* field) {
    return complaint([&] { map.located([&]() -> int { throw SpecError(field, "too odd"); }); });
  };
  CHECK(refuse("name") == file.at("1:7: name: too odd"));
  CHECK(refuse("memory.bandwidth") == file.at("4:14: memory.bandwidth: too odd"));
  CHECK(refuse("memory.colour") == file.at("3:3: memory.colour: too odd"));  // the mapping that lacks it
  CHECK(refuse("elsewhere") == file.at("1:1: elsewhere: too odd"));
}

TEST_CASE("yaml map: a file that is not there or not YAML is refused by name") {
  CHECK(complaint([] { (void)YamlMap::load("/no/such/file.yaml", "chip"); }) ==
        "/no/such/file.yaml: cannot be read; is the path right?");
  const TempFile broken("name: [a, b\n");
  CHECK(complaint([&] { (void)YamlMap::load(broken.path(), "chip"); }).starts_with(broken.at("2:1: not YAML: ")));
  const TempFile list("- a\n- b\n");
  CHECK(complaint([&] { (void)YamlMap::load(list.path(), "chip"); }) ==
        list.at("1:1: must be a mapping of keys to values"));
}

TEST_CASE("yaml map: asking for a key that no table lists is our bug") {
  const TempFile file(kFine);
  YamlMap map = YamlMap::load(file.path(), kExchange);
  CHECK_THROWS_AS((void)map.text("colour"), BugError);
}

TEST_CASE("yaml map: a tilde takes away an optional key that then nobody asks for") {
  const TempFile file("colour: red\nblocks: ~\n");
  YamlMap map = YamlMap::load(file.path(), "engine");
  CHECK_FALSE(map.given("blocks"));
  CHECK_THROWS_WITH_AS(map.finish(), doctest::Contains("colour: unknown key"), UserError);
}
