#include "sim/calibrate/calibrate.hpp"
#include "sim/config/read_models.hpp"
#include "sim/run/table_network.hpp"
#include "tests/support/data_file.hpp"
#include "tests/support/source_root.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::calibrate;

namespace {

struct Shipped {
  std::string chip;
  std::string machine;
  std::string software;
  std::vector<std::string> tables;  // below kernels/
  std::size_t families;             // that the tables hold
};

const models::Provenance& provenance_of(const fit::Family& family, const models::CollectiveKernels& kernels) {
  const std::vector<std::string> path = family.path();  // collectives, all_reduces, vllm-0.24
  if (path[1] == "all_reduces") return kernels.all_reduces.at(path[2]).provenance;
  if (path[1] == "exchanges") {
    const models::ExchangeKernel& exchange = kernels.exchanges.at(path[2]);
    return (path[3] == "dispatch" ? exchange.dispatch : exchange.combine).provenance;
  }
  const models::LibraryCoefficients& library = kernels.libraries.at(path[2]);
  for (std::size_t op = 0; op < models::kCollectives; ++op) {
    if (path[3] == models::name(static_cast<models::Collective>(op))) return library.ring.at(op).provenance;
  }
  return path[3] == "point_to_point" ? library.point_to_point.provenance : library.in_network->provenance;
}

/// The errors that the entry states are those its coefficients have on the rows that are held out of the tables.
void check(const Shipped& shipped) {
  CAPTURE(shipped.chip + " " + shipped.software);
  std::vector<std::string> files;
  for (const std::string& table : shipped.tables) {
    const auto file = test::data_file("kernels/" + table);
    if (!file) return;  // said so
    files.push_back(*file);
  }
  const models::AcceleratorSpec chip =
      config::load_chip((test::source_root() / "models/catalog/chips" / (shipped.chip + ".yaml")).string());
  std::vector<config::Override> several;
  if (shipped.software.starts_with("deepep")) several = {{"nodes", "8"}};  // up to 64 ranks
  TableNetwork network(shipped.machine, several, shipped.software, chip);
  const Measurements measured = read_tables(files);
  const std::vector<fit::Family> families = network.families(measured);
  const Calibration checked = check_tables(measured, chip, families);
  CHECK(checked.families.size() == shipped.families);
  for (const FamilyResult& result : checked.families) {
    CAPTURE(result.family->place);
    const models::Provenance& stated = provenance_of(*result.family, chip.kernels.collectives);
    REQUIRE(stated.error_p90.has_value());
    CHECK(stated.rows == result.rows);
    // Coefficients are written with four digits and errors with three.
    CHECK(std::abs(*stated.error_p50 - result.error.p50) < 0.0015);
    CHECK(std::abs(*stated.error_p90 - result.error.p90) < 0.0015);
  }
}

std::string communication(const std::string& system, const std::string& table) {
  return "aiconfigurator/" + system + "/comm/" + table + "_perf.csv.gz";
}

void check_all(const std::string& chip, const std::string& machine, const std::string& system, bool switches_add) {
  for (const auto& [software, table] :
       std::vector<std::pair<std::string, std::string>>{{"vllm-0.24", "vllm_0.24.0"},
                                                        {"sglang-0.5.14", "sglang_0.5.14"},
                                                        {"sglang-0.5.10", "sglang_0.5.10"},
                                                        {"trtllm-1.3", "trtllm_1.3.0rc20"}}) {
    check({chip, machine, software, {communication(system, table + "_custom_allreduce")}, 1});
  }
  check({chip, machine, "nccl-2.29", {communication(system, "nccl_2.29.2_nccl")}, switches_add ? 5U : 4U});
}

}  // namespace

TEST_CASE("shipped collectives: a100 has the errors it states") {
  for (const auto& [software, table] : std::vector<std::pair<std::string, std::string>>{
           {"vllm-0.14", "vllm_0.14.0"}, {"sglang-0.5.10", "sglang_0.5.10"}, {"trtllm-1.0", "trtllm_1.0.0"}}) {
    check({"a100-80g-sxm", "dgx-a100", software, {communication("a100_sxm", table + "_custom_allreduce")}, 1});
  }
  check({"a100-80g-sxm", "dgx-a100", "nccl-2.27", {communication("a100_sxm", "nccl_2.27.3_nccl")}, 4});
}
TEST_CASE("shipped collectives: h100 and h200 have the errors they state") {
  for (const std::string name : {"h100", "h200"}) {
    const std::string system = name + "_sxm";
    check_all(name + "-sxm", "hgx-" + name, system, true);
    check({name + "-sxm",
           "hgx-" + name,
           "deepep-low-latency",
           {communication(system, "sglang_0.5.6.post2_wideep_deepep_ll")},
           2});
    check({name + "-sxm",
           "hgx-" + name,
           "deepep-normal",
           {communication(system, "sglang_0.5.12_wideep_deepep_normal"),
            communication(system, "sglang_0.5.6.post2_wideep_deepep_normal")},
           2});
  }
}
TEST_CASE("shipped collectives: a100 and h100 have the errors they state on sends in a node") {
  check({"a100-80g-sxm", "dgx-a100", "", {"vidur/network_a100_dgx_send_recv.csv.gz"}, 1});
  check({"h100-sxm", "hgx-h100", "", {"vidur/network_h100_dgx_send_recv.csv.gz"}, 1});
}
TEST_CASE("shipped collectives: b200 has the errors it states") {
  check_all("b200-sxm", "hgx-b200", "b200_sxm", true);
  check(
      {"b200-sxm", "hgx-b200", "deepep-low-latency", {communication("b200_sxm", "sglang_0.5.12_wideep_deepep_ll")}, 2});
  check(
      {"b200-sxm", "hgx-b200", "deepep-normal", {communication("b200_sxm", "sglang_0.5.12_wideep_deepep_normal")}, 2});
}
TEST_CASE("shipped collectives: gb200 has the errors it states") {
  check_all("gb200", "gb200-nvl72", "gb200", false);
  check({"gb200",
         "gb200-nvl72",
         "trtllm-1.3-one-sided",
         {communication("gb200", "trtllm_1.3.0rc10_trtllm_alltoall")},
         2});
  check({"gb200", "gb200-nvl72", "trtllm-one-sided", {"collectives/gb200_alltoall_dispatch_combine.csv"}, 2});
}
