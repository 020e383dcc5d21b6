#include "models/base/errors.hpp"
#include "sim/calibrate/calibrate.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tokenyard;
using namespace tokenyard::calibrate;
using tokenyard::tests::TemporaryFolder;
using tokenyard::tests::write_text;

namespace {

const std::string kHeader =
    "kernel_source,moe_dtype,num_tokens,hidden_size,inter_size,topk,num_experts,moe_tp_size,moe_ep_size,distribution,"
    "latency\n";

std::string refusal(const std::string& path) {
  try {
    static_cast<void>(read_tables({path}));
  } catch (const UserError& error) {
    return error.what();
  }
  return "nothing was refused";
}

}  // namespace

TEST_CASE("expert tables: a row of aiconfigurator is what one of the ranks that share the experts computes") {
  const TemporaryFolder here;
  write_text(here / "t.csv", kHeader + "moe_torch_flow_cutlass,fp8_block,64,7168,2048,8,256,2,4,power_law_1.2,0.25\n" +
                                 "moe_torch_flow_cutlass,fp8_block,64,7168,2048,8,256,2,4,balanced,0.20\n");
  const Measurements measured = read_tables({here / "t.csv"});
  const fit::Samples& rows = measured.families().at("moe.fp8_block");
  REQUIRE(rows.size() == 2);
  const std::vector<double> expected{64, 256, 8, 4, 1.2, 7168, 1024};  // an expert split in two
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(rows.shape(0)[i] == expected[i]);
  CHECK(rows.shape(1)[4] == 0.0);
  CHECK(rows.seconds(0) == doctest::Approx(250e-6));
}

TEST_CASE("expert tables: kernels that no family stands for wait under names of their own") {
  const TemporaryFolder here;
  const std::string row = ",64,7168,2048,8,256,1,4,power_law_1.2,0.25\n";
  write_text(here / "t.csv", kHeader + "moe_torch_flow_nongated,bfloat16" + row + "moe_torch_flow,w4a8_mxfp4_mxfp8" +
                                 row + "moe_torch_flow_min_latency,nvfp4,64,7168,2048,8,256,1,4,balanced,0.25\n" +
                                 "moe_torch_flow_cutlass,nvfp4" + row + "moe_torch_flow_min_latency,nvfp4" + row);
  const Measurements measured = read_tables({here / "t.csv"});
  CHECK(measured.families().count("moe.bf16") == 0);
  CHECK(measured.families().at("moe.nvfp4").size() == 1);  // the quick kernel under a power law
  CHECK(measured.families().at("grouped moe.nvfp4").size() == 1);
}

TEST_CASE("expert tables: NVFP4 rows of the other kernel alone are taken as they are") {
  const TemporaryFolder here;
  write_text(here / "t.csv", kHeader + "moe_torch_flow_cutlass,nvfp4,64,7168,2048,8,256,1,4,balanced,0.25\n");
  CHECK(read_tables({here / "t.csv"}).families().at("moe.nvfp4").size() == 1);
}

TEST_CASE("expert tables: a wrong cell is told with file and line and column") {
  const TemporaryFolder here;
  const std::string path = here / "t.csv";
  const std::string start = kHeader + "moe_torch_flow_cutlass,fp8,64,7168,2048,8,256,1,";
  write_text(path, start + "4,zipf_1.2,0.25\n");
  CHECK(refusal(path) ==
        path + ":2: column 'distribution': 'zipf_1.2' is neither balanced nor power_law_ and its exponent");
  write_text(path, start + "3,balanced,0.25\n");
  CHECK(refusal(path) == path + ":2: column 'moe_ep_size': does not divide num_experts");
  write_text(path, start + "4,balanced,0.25 ms\n");
  CHECK(refusal(path) == path + ":2: column 'latency': '0.25 ms' is not a number; figures stand without a unit");
  write_text(path, kHeader + "moe_torch_flow_cutlass,fp8,64,7168,2048,8,4,1,4,balanced,0.25\n");
  CHECK(refusal(path) == path + ":2: column 'topk': is more than the experts there are");
}
