#include "sim/run/table_network.hpp"

#include "models/base/errors.hpp"
#include "sim/calibrate/calibrate.hpp"
#include "sim/config/read_models.hpp"
#include "tests/support/source_root.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace tokenyard;
using tokenyard::tests::TemporaryFolder;
using tokenyard::tests::write_text;

namespace {

const std::string kSends =
    "time_stats.send_recv.median,num_workers,size,collective,devices_per_node\n0.012,2,4096,send_recv,2\n";
const std::string kAllReduces = "allreduce_dtype,num_gpus,message_size,latency\nbfloat16,8,2048,0.005\n";
const std::string kProducts = "m,k,n,latency_us\n64,2048,2048,5.0\n";

/// Keys of the coefficients at `place` when a table is taken for this software on eight H100; the refusal otherwise.
std::string keys_or_refusal(const std::string& table, const std::string& software, const std::string& place) {
  const TemporaryFolder here;
  write_text(here / "t.csv", table);
  const models::AcceleratorSpec chip =
      config::load_chip((test::source_root() / "models/catalog/chips/h100-sxm.yaml").string());
  TableNetwork network("hgx-h100", {}, software, chip);
  try {
    const std::vector<fit::Family> families = network.families(calibrate::read_tables({here / "t.csv"}));
    const auto found =
        std::find_if(families.begin(), families.end(), [&](const fit::Family& one) { return one.place == place; });
    REQUIRE(found != families.end());
    std::string keys;
    for (const std::string& key : found->path()) keys += (keys.empty() ? "" : ".") + key;
    return keys;
  } catch (const UserError& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("table network: sends are of the library that is named") {
  const std::string place = "library.point_to_point";
  CHECK(keys_or_refusal(kSends, "", place) == "collectives.libraries.nccl-2.29.point_to_point");
  CHECK(keys_or_refusal(kSends, "nccl-2.29", place) == "collectives.libraries.nccl-2.29.point_to_point");
}

TEST_CASE("table network: software that no row can be of is refused") {
  const std::string start = "tokenyard calibrate: --software ";
  const std::string place = "library.point_to_point";
  CHECK(keys_or_refusal(kSends, "nccl-2.92", place) ==
        start +
            "nccl-2.92: h100-sxm has no software of that name for these rows; there are: nccl-2.29; is "
            "'nccl-2.29' meant?");
  CHECK(keys_or_refusal(kSends, "vllm-0.24", place) ==
        start +
            "vllm-0.24: is an engine's own all-reduce, of which the tables have no row; theirs can be of: nccl-2.29");
  CHECK(keys_or_refusal(kSends, "deepep-normal", place) ==
        start +
            "deepep-normal: is an exchange of experts, of which the tables have no row; theirs can be of: nccl-2.29");
  CHECK(keys_or_refusal(kProducts, "nccl-2.29", place) ==
        start + "nccl-2.29: no row of the tables is of communication; leave it out");
}

TEST_CASE("table network: an engine's all-reduce may be new and a library's name is none of it") {
  CHECK(keys_or_refusal(kAllReduces, "vllm-0.24", "all_reduce") == "collectives.all_reduces.vllm-0.24");
  CHECK(keys_or_refusal(kAllReduces, "vllm-9", "all_reduce") == "collectives.all_reduces.vllm-9");
  CHECK(keys_or_refusal(kAllReduces, "nccl-2.29", "all_reduce").find("is a library, of which the tables have no row") !=
        std::string::npos);
}
