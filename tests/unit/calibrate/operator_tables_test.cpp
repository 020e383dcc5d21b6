#include "models/base/errors.hpp"
#include "sim/calibrate/calibrate.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::calibrate;
using tokenyard::tests::TemporaryFolder;
using tokenyard::tests::write_text;

namespace {

std::vector<double> shape(const Measurements& measured, const char* place, std::size_t row = 0) {
  const auto figures = measured.families().at(place).shape(row);
  return {figures.begin(), figures.end()};
}

std::string refusal(const std::string& path) {
  try {
    static_cast<void>(read_tables({path}));
  } catch (const UserError& error) {
    return error.what();
  }
  return "nothing was refused";
}

const std::string kLayerHeader =
    "time_stats.attn_pre_proj.median,time_stats.attn_post_proj.median,time_stats.mlp_up_proj.median,"
    "time_stats.mlp_down_proj.median,n_head,n_kv_head,n_embd,n_expanded_embd,use_gated_mlp,num_tokens,"
    "num_tensor_parallel_workers";

}  // namespace

TEST_CASE("operator tables: Vidur's layers are the products of one rank in milliseconds") {
  const TemporaryFolder here;
  write_text(here / "mlp.csv", kLayerHeader + "\n0.1,0.2,0.3,0.4,64,8,8192,28672,True,128,4\n");
  const Measurements measured = read_tables({here / "mlp.csv"});
  const fit::Samples& rows = measured.families().at("gemm.bf16");
  REQUIRE(rows.size() == 4);
  CHECK(shape(measured, "gemm.bf16", 0) == std::vector<double>{128, 14336, 8192});  // gate and up of a quarter
  CHECK(shape(measured, "gemm.bf16", 1) == std::vector<double>{128, 8192, 7168});
  CHECK(shape(measured, "gemm.bf16", 2) == std::vector<double>{128, 2048 + 2 * 2 * 128, 8192});
  CHECK(shape(measured, "gemm.bf16", 3) == std::vector<double>{128, 8192, 2048});
  CHECK(rows.seconds(0) == doctest::Approx(0.3e-3));
}

TEST_CASE("operator tables: Frontier's projections and quantised layers are left out") {
  const TemporaryFolder here;
  const std::string header = kLayerHeader + ",profiling_precision,quant_signature\n";
  write_text(here / "linear.csv", header + "0.1,0.2,0.3,0.4,32,4,2048,768,True,16,1,BF16,none\n" +
                                      "0.1,0.2,0.3,0.4,32,4,2048,768,True,32,1,BF16,method=fp8\n");
  const Measurements measured = read_tables({here / "linear.csv"});
  CHECK(measured.families().at("gemm.bf16").size() == 2);  // up and down of the first row
  CHECK(measured.left_out().at("quant_signature 'method=fp8'") == 1);
}

TEST_CASE("operator tables: attention is told apart by kind and prefixes are left out") {
  const TemporaryFolder here;
  write_text(here / "attention.csv",
             "time_stats.attn_prefill.median,time_stats.attn_decode.median,n_embd,n_q_head,n_kv_head,batch_size,"
             "prefill_chunk_size,kv_cache_size,is_prefill,num_tensor_parallel_workers\n"
             "0.5,0.0,4096,32,8,1,1024,0,True,2\n"
             "0.6,0.0,4096,32,8,1,1024,512,True,2\n"
             "0.0,0.02,4096,32,8,16,0,2047,False,2\n");
  const Measurements measured = read_tables({here / "attention.csv"});
  CHECK(measured.families().at("attention_context.bf16").size() == 1);
  CHECK(shape(measured, "attention_context.bf16") == std::vector<double>{1, 1024, 16, 4, 128});
  CHECK(shape(measured, "attention_decode.bf16") == std::vector<double>{16, 2048, 16, 4, 128});
  CHECK(measured.families().at("attention_decode.bf16").seconds(0) == doctest::Approx(20e-6));
}

TEST_CASE("operator tables: a cell that says nothing of a mixed batch is no mixed batch") {
  const TemporaryFolder here;
  write_text(here / "attention.csv",
             "time_stats.attn_prefill.median,time_stats.attn_decode.median,n_embd,n_q_head,n_kv_head,batch_size,"
             "prefill_chunk_size,kv_cache_size,is_prefill,num_tensor_parallel_workers,is_true_mixed_batch\n"
             "0.0,0.02,4096,32,8,16,0,2047,False,2,\n"
             "0.0,0.03,4096,32,8,16,0,2047,False,2,True\n");
  CHECK(read_tables({here / "attention.csv"}).families().at("attention_decode.bf16").size() == 1);
}

TEST_CASE("operator tables: all-reduces count bytes in Vidur and elements in aiconfigurator") {
  const TemporaryFolder here;
  write_text(here / "vidur.csv",
             "time_stats.all_reduce.median,num_workers,size,collective,devices_per_node\n"
             "0.03,8,2048,all_reduce,8\n0.09,8,2048,all_reduce,4\n");
  write_text(here / "custom.csv",
             "allreduce_dtype,num_gpus,message_size,latency,backend\n"
             "bfloat16,4,2048,0.005,vllm_graph\nbfloat16,4,4096,0.03,vllm_eager\n");
  const Measurements vidur = read_tables({here / "vidur.csv"});
  REQUIRE(vidur.families().at("all_reduce").size() == 1);  // not that across nodes
  CHECK(shape(vidur, "all_reduce") == std::vector<double>{2048, 8});
  const Measurements custom = read_tables({here / "custom.csv"});
  REQUIRE(custom.families().at("all_reduce").size() == 1);  // not the one that no graph holds
  CHECK(shape(custom, "all_reduce") == std::vector<double>{4096, 4});
}

TEST_CASE("operator tables: all-reduces of two engines are not taken for one kernel") {
  const TemporaryFolder here;
  const std::string header = "allreduce_dtype,num_gpus,message_size,latency,backend,framework,version\n";
  write_text(here / "a.csv", header + "bfloat16,4,2048,0.005,vllm_graph,vLLM,0.24.0\n");
  write_text(here / "more.csv", header + "bfloat16,8,2048,0.006,vllm_graph,vLLM,0.24.0\n");
  write_text(here / "b.csv", header + "bfloat16,4,2048,0.004,sglang_graph,SGLang,0.5.14\n");
  CHECK(read_tables({here / "a.csv", here / "more.csv"}).families().at("all_reduce").size() == 2);
  std::string told;
  try {
    static_cast<void>(read_tables({here / "a.csv", here / "b.csv"}));
  } catch (const UserError& error) {
    told = error.what();
  }
  CHECK(told == (here / "b.csv") + ": all_reduce of SGLang 0.5.14 beside those of vLLM 0.24.0 in " + (here / "a.csv") +
                    "; one software at a time");
}

TEST_CASE("operator tables: sends count inside a node and those between nodes are told") {
  const TemporaryFolder here;
  const std::string header = "time_stats.send_recv.median,num_workers,size,collective,devices_per_node\n";
  write_text(here / "send.csv", header + "0.012,2,4096,send_recv,2\n0.02,2,4096,send_recv,1\n");
  const Measurements measured = read_tables({here / "send.csv"});
  REQUIRE(measured.families().at("library.point_to_point").size() == 1);
  CHECK(shape(measured, "library.point_to_point") == std::vector<double>{4096, 2});
  CHECK(measured.families().at("library.point_to_point").seconds(0) == doctest::Approx(12e-6));
  CHECK(measured.left_out().at("devices_per_node '1'") == 1);
  write_text(here / "send.csv", header + "0.012,2,4096,all_reduce,2\n");
  CHECK(refusal(here / "send.csv") == (here / "send.csv") + ":2: column 'collective': is not send_recv");
  write_text(here / "send.csv", header + "0.012,2,4 KiB,send_recv,2\n");
  CHECK(refusal(here / "send.csv").starts_with((here / "send.csv") + ":2: column 'size': '4 KiB' is not a number"));
}

TEST_CASE("operator tables: a negative time and a word and an unknown column are told with their place") {
  const TemporaryFolder here;
  const std::string path = here / "t.csv";
  write_text(path, kLayerHeader + "\n0.1,0.2,-0.3,0.4,64,8,8192,28672,True,128,4\n");
  CHECK(refusal(path) == path + ":2: column 'time_stats.mlp_up_proj.median': is below 0");
  write_text(path, kLayerHeader + "\n0.1,0.2,0.3 ms,0.4,64,8,8192,28672,True,128,4\n");
  CHECK(refusal(path) ==
        path + ":2: column 'time_stats.mlp_up_proj.median': '0.3 ms' is not a number; figures stand without a unit");
  write_text(path, "time_stats.mlp_up_proj.mean,n_head\n0.3,64\n");
  CHECK(refusal(path).starts_with(path + ":1: no kind of kernel table has these columns; nearest is "));
}
