#include "models/base/errors.hpp"
#include "sim/calibrate/calibrate.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

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

TEST_CASE("expert tables: grouped products of InferSim are those of one rank that holds its share") {
  const TemporaryFolder here;
  const std::string header =
      "num_experts,num_gpus,num_local_experts,topk,hidden_size,intermediate_size,batch_size_per_gpu,tokens_per_expert,"
      "up_proj_us,up_mfu,down_proj_us,down_mfu\n";
  write_text(here / "data.csv", header + "128,8,16,8,2048,768,32,16,33.5,0.155,22.9,0.122\n" +
                                    "256,1,256,8,7168,2048,32,1,1297.0,0.0029,721.6,0.0028\n");
  const Measurements measured = read_tables({here / "data.csv"});
  const fit::Samples& rows = measured.families().at("grouped products.fp8_block");
  REQUIRE(rows.size() == 1);
  // 16 rows for each of 128 experts are 256 tokens that choose 8; a rank of 8 holds 16, and all are hit.
  const std::vector<double> expected{256, 128, 8, 8, 2048, 768, 16};
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(rows.shape(0)[i] == expected[i]);
  CHECK(rows.seconds(0) == doctest::Approx(56.4e-6));
  CHECK(measured.left_out().at("tokens_per_expert '1'") == 1);  // nobody knows how many got one
  write_text(here / "data.csv", header + "16,8,32,8,2048,768,32,16,33.5,0.155,22.9,0.122\n");
  CHECK(refusal(here / "data.csv") ==
        (here / "data.csv") + ":2: column 'num_local_experts': is more than the experts there are");
  write_text(here / "data.csv", header + "128,8,16,129,2048,768,32,16,33.5,0.155,22.9,0.122\n");
  CHECK(refusal(here / "data.csv") == (here / "data.csv") + ":2: column 'topk': is more than the experts there are");
  write_text(here / "data.csv", header + "128,8,16,8,2048,768,32,16,33.5 us,0.155,22.9,0.122\n");
  CHECK(refusal(here / "data.csv")
            .starts_with((here / "data.csv") + ":2: column 'up_proj_us': '33.5 us' is not a number"));
}

TEST_CASE("expert tables: grouped products whose GPUs and tokens contradict their experts are told with the column") {
  const TemporaryFolder here;
  const std::string start = "num_experts,num_gpus,num_local_experts,topk,hidden_size,intermediate_size,";
  const std::string end = "tokens_per_expert,up_proj_us,down_proj_us\n";
  const auto told = [&](const std::string& sent, const std::string& row) {
    write_text(here / "data.csv", start + sent + "," + end + row);
    return refusal(here / "data.csv");
  };
  const std::string place = (here / "data.csv") + ":2: column ";
  CHECK(told("batch_size_per_gpu", "128,4,16,8,2048,768,32,16,33.5,22.9\n") ==
        place + "'num_gpus': 4 GPUs with 16 experts each do not hold all 128 experts equally often");
  CHECK(told("batch_size_per_gpu", "128,12,16,8,2048,768,32,16,33.5,22.9\n") ==
        place + "'num_gpus': 12 GPUs with 16 experts each do not hold all 128 experts equally often");
  // 8 GPUs send 32 tokens to 8 experts each: 2,048 rows of 128 experts, 16 of each. 8 are those of one GPU in two.
  CHECK(told("batch_size_per_gpu", "128,8,16,8,2048,768,32,8,33.5,22.9\n") ==
        place +
            "'tokens_per_expert': '8' is not the 16 that 32 tokens of each GPU (batch_size_per_gpu) with 8 experts "
            "each leave the 16 experts of a GPU");
  CHECK(told("seq_len_per_gpu", "128,8,16,8,2048,768,4096,256,33.5,22.9\n") ==
        place +
            "'tokens_per_expert': '256' is not the 2048 that 4096 tokens of each GPU (seq_len_per_gpu) with 8 "
            "experts each leave the 16 experts of a GPU");
  // Two GPUs with all experts each send nothing to each other, as in a row of InferSim's; whole numbers are rounded.
  CHECK(told("batch_size_per_gpu", "256,2,256,8,3072,512,168,5,345.2,172.1\n") == "nothing was refused");
}

TEST_CASE("expert tables: sparse and linear attention and prompts of InferSim are refused with the reason") {
  const TemporaryFolder here;
  const auto told = [&](const std::string& name, const std::string& text) {
    write_text(here / name, text);
    return refusal(here / name);
  };
  const std::string sparse =
      ":1: InferSim's table of sparse attention (DSA): no model here has an indexer that chooses the tokens it reads, "
      "so "
      "nothing could use a fit; leave it out";
  CHECK(told("logits-64-128.csv", "batchsize,next_n,s_kv,latency_us,mfu\n64,1,1024,9.1,0.06\n") ==
        (here / "logits-64-128.csv") + sparse);
  CHECK(told("logits.csv", "s_q,s_kv,latency_us,mfu\n2048,4096,101,0.5\n") == (here / "logits.csv") + sparse);
  CHECK(told("attn-128-576-2048.csv", "dtype,s_q,s_kv,latency_us,mfu\nbf16,4096,4096,3687,0.6\n") ==
        (here / "attn-128-576-2048.csv") + sparse);
  CHECK(told("attn-128-576-2048.csv", "dtype,kv_dtype,batch_size,kv_len,latency_us,mfu\nbf16,fp8,64,1024,91,0.4\n") ==
        (here / "attn-128-576-2048.csv") + sparse);
  for (const std::string text : {"seq_len,conv,kkt,tril,wu,chunk_gdn,chunk_o\n4096,65,45,86,79,188,129\n",
                                 "batchsize,conv,gdn_update\n1,8,74\n"}) {
    CHECK(told("gdn.csv", text) == (here / "gdn.csv") +
                                       ":1: InferSim's table of linear attention (gated delta nets): no "
                                       "model here has these kernels, so nothing could use a fit; "
                                       "leave it out");
  }
  CHECK(told("16-1-256.csv", "dtype,seq_len,latency_us,mfu\nbf16,1024,90.1,0.6\n")
            .find("attention of prompts: four or five rows a set of heads are too few") != std::string::npos);
}

TEST_CASE("expert tables: grouped products become the coefficients of whole experts") {
  // Two kernels of the round chip: 30 us less the floors of three small kernels, 1 us an expert, FLOP/100T and
  // weights/1T, which add up. 100 rows an expert: 2 * 3 * 100 * 2048 * 1024 FLOP are 12.58 us, its weights 6.29 us.
  const TemporaryFolder here;
  std::string text =
      "num_experts,num_local_experts,topk,hidden_size,intermediate_size,tokens_per_expert,up_proj_us,down_proj_us\n";
  for (const int held : {1, 2, 4, 8, 16, 32}) {
    for (const int each : {4, 16, 64, 100, 256, 1000}) {
      const double us = 30.0 - 3.0 * 2.0 + held + held * (each * 0.12582912 + 6.291456);
      text += "32," + std::to_string(held) + ",2,2048,1024," + std::to_string(each) + "," + std::to_string(0.6 * us) +
              "," + std::to_string(0.4 * us) + "\n";
    }
  }
  write_text(here / "data.csv", text);
  const Calibration fitted = fit_tables(read_tables({here / "data.csv"}), test::round_chip());
  REQUIRE(fitted.families.size() == 1);
  CHECK(fitted.families[0].family->place == "moe.fp8_block");
  CHECK(fitted.families[0].error.p90 < 0.02);
  for (std::size_t i = 0; i < fitted.families[0].values.size(); ++i) {
    const std::string_view key = fitted.families[0].family->parameters[i].key;
    CHECK(key != "act_io");  // of which the table knows nothing
    if (key == "t0") CHECK(fitted.families[0].values[i] == doctest::Approx(30e-6).epsilon(0.1));
    if (key == "per_local_expert") CHECK(fitted.families[0].values[i] == 0.0);  // not told from those that are hit
  }
}

TEST_CASE("expert tables: experts that are quicker than the data sheet in most rows are refused") {
  // 2 * 3 * 100 * 2048 * 1024 FLOP of 16 experts in 20 us would be 1,007 TFLOP/s.
  const TemporaryFolder here;
  std::string text =
      "num_experts,num_local_experts,topk,hidden_size,intermediate_size,tokens_per_expert,up_proj_us,down_proj_us\n";
  for (int each = 100; each < 140; ++each) text += "32,16,2,2048,1024," + std::to_string(each) + ",12,8\n";
  write_text(here / "data.csv", text);
  try {
    static_cast<void>(fit_tables(read_tables({here / "data.csv"}), test::round_chip()));
    FAIL("nothing was refused");
  } catch (const UserError& error) {
    CHECK(std::string(error.what()).find("40 of 40 rows are quicker than the data sheet permits") != std::string::npos);
  }
}

TEST_CASE("expert tables: LLMServingSim says how many experts are hit and the folder which model it is") {
  const TemporaryFolder here;
  const std::filesystem::path folder = here.path() / "Qwen/Qwen3-30B-A3B-Instruct-2507/bf16/tp1";
  std::filesystem::create_directories(folder);
  const std::string path = (folder / "moe.csv").string();
  write_text(path, "tokens,activated_experts,time_us\n8,64,423.073\n8,8,51.638\n");
  const Measurements measured = read_tables({path});
  const fit::Samples& rows = measured.families().at("moe_of.triton.bf16");
  REQUIRE(rows.size() == 1);
  const std::vector<double> expected{8, 128, 8, 1, 2048, 768, 64};
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(rows.shape(0)[i] == expected[i]);
  CHECK(rows.seconds(0) == doctest::Approx(423.073e-6));
  // 8 experts of 3 * 2048 * 768 weights are 75.5 MB and stay in an L2 of 128 MB.
  CHECK(measured.left_out().at("activated_experts '8'") == 1);
  write_text(path, "tokens,activated_experts,time_us\n2,17,100\n");  // 2 tokens choose 16 at most
  CHECK(refusal(path).starts_with(path + ":2: column 'activated_experts': these tokens choose 8 of 128 experts each"));
  write_text(here / "moe.csv", "tokens,activated_experts,time_us\n2,16,100\n");
  CHECK(refusal(here / "moe.csv").find("the folders above must name a profiled model") != std::string::npos);
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
