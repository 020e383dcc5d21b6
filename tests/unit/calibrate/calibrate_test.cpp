#include "sim/calibrate/calibrate.hpp"

#include "models/base/errors.hpp"
#include "models/fit/families.hpp"
#include "sim/calibrate/calibration_text.hpp"
#include "sim/calibrate/peaks.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

using namespace tokenyard;
using namespace tokenyard::calibrate;
using tokenyard::tests::TemporaryFolder;
using tokenyard::tests::write_text;

namespace {

/// An aiconfigurator GEMM table of the round chip: its own formula, in units of `unit` seconds.
std::string gemm_table(double unit) {
  const models::AcceleratorSpec chip = test::round_chip();
  const fit::Family& family = *fit::find_family("gemm.bf16");
  const auto values = family.stored(chip.kernels);
  std::string text = "gemm_dtype,m,n,k,latency\n";
  for (int m = 1; m <= 256; m *= 2) {
    for (int n = 512; n <= 16384; n *= 2) {
      for (int k = 512; k <= 8192; k *= 2) {
        const std::array shape{1.0 * m, 1.0 * n, 1.0 * k};
        char line[96];
        std::snprintf(line, sizeof line, "bfloat16,%d,%d,%d,%.9g\n", m, n, k,
                      family.time(*values, shape, chip).value() / unit);
        text += line;
      }
    }
  }
  return text;
}

std::string refusal(const auto& call) {
  try {
    static_cast<void>(call());
  } catch (const UserError& error) {
    return error.what();
  }
  return "nothing was refused";
}

}  // namespace

TEST_CASE("calibrate: a table of the chip's own formula is met to the last digit written") {
  const TemporaryFolder here;
  write_text(here / "gemm.csv", gemm_table(1e-3));
  const Calibration calibration = check_tables(read_tables({here / "gemm.csv"}), test::round_chip());
  REQUIRE(calibration.families.size() == 1);
  CHECK(calibration.families[0].family->place == "gemm.bf16");
  CHECK(calibration.families[0].rows == 9 * 6 * 5);
  CHECK(calibration.families[0].error.p90 < 1e-7);  // nine digits are written
}

TEST_CASE("calibrate: a fit says its error and where its worst row stands") {
  const TemporaryFolder here;
  write_text(here / "gemm.csv", gemm_table(1e-3));
  const Calibration calibration = fit_tables(read_tables({here / "gemm.csv"}), test::round_chip());
  REQUIRE(calibration.families.size() == 1);
  CHECK(calibration.families[0].error.p50 < 1e-3);
  REQUIRE(calibration.families[0].worst.size() == 3);
  CHECK(calibration.families[0].worst[0].starts_with(here / "gemm.csv:"));
  const std::string yaml = chip_yaml(calibration, "round-100", "round", "mine", "a test");
  CHECK(yaml.starts_with("base: round-100\nname: mine\nkernels:\n  gemm:\n    bf16:\n      t0: "));
  CHECK(yaml.find("valid: {m: [1, 256], n: [512, 16384], k: [512, 8192]}") != std::string::npos);
}

TEST_CASE("calibrate: microseconds where milliseconds are promised are refused") {
  const TemporaryFolder here;
  write_text(here / "gemm.csv", gemm_table(1e-6));
  const std::string message = refusal([&] { return fit_tables(read_tables({here / "gemm.csv"}), test::round_chip()); });
  CHECK(message.starts_with((here / "gemm.csv") + ":"));
  CHECK(message.find("are the times in the unit that the column promises?") != std::string::npos);
}

TEST_CASE("calibrate: a product that is more than 5 % above the chip's peaks is refused") {
  // 1e11 operations at 100 TFLOP/s take 1 ms, 400 MB at 1 TB/s 0.4 ms; 33.6 MB may come from a cache, at 8 TB/s.
  const TemporaryFolder here;
  const std::string path = here / "gemm.csv";
  const auto refused = [&](const std::string& row) {
    write_text(path, "gemm_dtype,m,n,k,latency\n" + row + "\n");
    return refusal([&] {
      refuse_above_peaks(read_tables({path}), test::round_chip());
      return 0;
    });
  };
  CHECK(refused("bfloat16,1000,1000,50000,0.953") == "nothing was refused");
  CHECK(refused("bfloat16,1000,1000,50000,0.95")
            .starts_with(
                path +
                ":2: gemm.bf16: m 1000, n 1000, k 50000 in 950 us would be 105.3 TFLOP/s, and round-100 has 100;"));
  CHECK(refused("bfloat16,1,20000,10000,0.382") == "nothing was refused");
  CHECK(refused("bfloat16,1,20000,10000,0.38").find("would be 1.053 TB/s, and the memory of round-100 has 1;") !=
        std::string::npos);
  CHECK(refused("bfloat16,1,4096,4096,0.005") == "nothing was refused");
  CHECK(refused("bfloat16,1,4096,4096,0.0001").find("TB/s") != std::string::npos);
}

TEST_CASE("calibrate: decodes that are quicker than the memory are left out and told") {
  // Keys and values of 64 sequences, 8 heads of 128 and 4,096 tokens in BF16 are 1.07 GB: 1.07 ms at 1 TB/s. That of
  // one sequence is 17 MB and may come from a cache, at 8 TB/s: 2.1 us.
  const TemporaryFolder here;
  const std::string path = here / "attention.csv";
  const auto table = [&](int too_quick) {
    std::string text =
        "op_name,kv_cache_dtype,attn_dtype,batch_size,step,num_heads,num_key_value_heads,head_dim,window_size,"
        "latency\n";
    for (int row = 0; row < 40; ++row) {
      const int sequences = 32 + row;
      const double ms = 4095e-6 * sequences * (row < too_quick ? 3.0 : 5.0);
      text += "generation_attention,bfloat16,bfloat16," + std::to_string(sequences) + ",4095,32,8,128,0," +
              std::to_string(ms) + "\n";
    }
    write_text(path, text);
    return read_tables({path});
  };
  const Calibration whole = check_tables(table(0), test::round_chip());
  REQUIRE(whole.families.size() == 1);
  CHECK(whole.families[0].rows == 40);
  CHECK(whole.left_out.empty());
  const Calibration some = check_tables(table(10), test::round_chip());
  CHECK(some.families.at(0).rows == 30);
  REQUIRE(some.left_out.size() == 1);
  CHECK(some.left_out[0].find("attention_decode.bf16: 10 of 40 rows are quicker than the data sheet permits") !=
        std::string::npos);
  CHECK(some.left_out[0].find("times what the memory of round-100 has") != std::string::npos);
  const std::string most = refusal([&] { return check_tables(table(30), test::round_chip()); });
  CHECK(most.starts_with(path + ":"));
  CHECK(most.find("30 of 40 rows") != std::string::npos);
  CHECK(most.find("is it the right chip") != std::string::npos);
}

TEST_CASE("calibrate: prompts cannot multiply faster than the peak of their cache's format") {
  // Causal attention of 8,192 tokens, 32 heads of 128: 2 * 32 * 128 * 8192^2 FLOP, 5.5 ms at 100 TFLOP/s and 2.75 ms
  // at the 200 of FP8.
  const TemporaryFolder here;
  const std::string path = here / "attention.csv";
  const auto left_out = [&](const std::string& format, double ms) {
    std::string text =
        "op_name,kv_cache_dtype,attn_dtype,batch_size,isl,num_heads,num_key_value_heads,head_dim,window_size,latency\n";
    for (int row = 0; row < 30; ++row) {
      const double seconds = row == 0 ? ms : 12.0;
      text += "context_attention," + format + ",bfloat16,1," + std::to_string(8192 + row) + ",32,8,128,0," +
              std::to_string(seconds) + "\n";
    }
    write_text(path, text);
    std::vector<std::string> told = check_tables(read_tables({path}), test::round_chip()).left_out;
    std::erase_if(told, [](const std::string& why) { return why.find("quicker") == std::string::npos; });
    return told;
  };
  CHECK(left_out("bfloat16", 5.3).empty());  // within 5 %
  REQUIRE(left_out("bfloat16", 5.0).size() == 1);
  CHECK(left_out("bfloat16", 5.0)[0].find("times the peak of round-100") != std::string::npos);
  CHECK(left_out("fp8", 5.0).empty());
  CHECK(left_out("fp8", 2.5).size() == 1);
}

TEST_CASE("calibrate: rows of a format that no family stands for are counted") {
  const TemporaryFolder here;
  write_text(here / "gemm.csv", gemm_table(1e-3) + "bflot16,1,512,512,1\nbflot16,2,512,512,1\n");
  const Calibration calibration = check_tables(read_tables({here / "gemm.csv"}), test::round_chip());
  REQUIRE(calibration.left_out.size() == 1);
  CHECK(calibration.left_out[0] == "gemm_dtype 'bflot16': 2 rows that no family stands for");
}

TEST_CASE("calibrate: sizes of a product are whole numbers up to 1e9") {
  const TemporaryFolder here;
  for (const std::string m : {"16.5", "99999999999999999999"}) {
    write_text(here / "gemm.csv", "gemm_dtype,m,n,k,latency\nfp8," + m + ",1,1,1\n");
    CHECK(refusal([&] { return read_tables({here / "gemm.csv"}); }) ==
          (here / "gemm.csv") + ":2: column 'm': '" + m + "' is not a whole number up to 1e9");
  }
}

TEST_CASE("calibrate: a table of no known kind is refused with the kind that is nearest") {
  const TemporaryFolder here;
  write_text(here / "t.csv", "lines,columns\n1,2\n");
  const std::string message = refusal([&] { return read_tables({here / "t.csv"}); });
  CHECK(message.starts_with((here / "t.csv") +
                            ":1: no kind of kernel table has these columns; sim/calibrate/README.md lists the kinds"));
  write_text(here / "t.csv", "gemm_dtype,m,n,kk,latency\nfp8,1,2,3,4\n");
  const std::string near = refusal([&] { return read_tables({here / "t.csv"}); });
  CHECK(near.find("; nearest is aiconfigurator gemm, which also needs: k; sim/calibrate/README.md") !=
        std::string::npos);
}

TEST_CASE("calibrate: formats without a peak on the chip are left out with a reason") {
  const TemporaryFolder here;
  std::string text = gemm_table(1e-3);
  for (std::size_t at = 0; (at = text.find("bfloat16", at)) != std::string::npos;) text.replace(at, 8, "nvfp4");
  write_text(here / "gemm.csv", text);
  const Calibration calibration = fit_tables(read_tables({here / "gemm.csv"}), test::round_chip());
  CHECK(calibration.families.empty());
  REQUIRE(calibration.left_out.size() == 1);
  CHECK(calibration.left_out[0] == "gemm.nvfp4: round-100 has no dense peak for it");
}

TEST_CASE("calibrate: products with scales computed inside lose what those kernels take by themselves") {
  const TemporaryFolder here;
  write_text(here / "gemm.csv",
             "op_name,gemm_dtype,m,n,k,latency\ngemm,fp8,64,1024,2048,0.030\ngemm,fp8,65,1024,2048,0.031\n");
  write_text(here / "scale.csv", "op_name,quant_dtype,m,k,latency\ncompute_scale,fp8,64,2048,0.008\n");
  write_text(here / "matrix.csv", "op_name,quant_dtype,m,k,latency\nscale_matrix,fp8,64,2048,0.002\n");
  const Measurements measured = read_tables({here / "gemm.csv", here / "scale.csv", here / "matrix.csv"});
  const fit::Samples& bare = measured.families().at("gemm.fp8");
  REQUIRE(bare.size() == 1);  // of m = 65 nobody measured the scales
  CHECK(bare.seconds(0) == doctest::Approx(20e-6));
  CHECK(measured.families().count("quantised gemm.fp8") == 0);
}

TEST_CASE("calibrate: untuned products in NVFP4 count where no table of tuned ones stands beside them") {
  const TemporaryFolder here;
  write_text(here / "gemm.csv", "gemm_dtype,m,n,k,latency\nnvfp4,64,1024,2048,0.030\n");
  write_text(here / "tuned.csv", "kind,m,n,k,us\nnvfp4,64,1024,2048,8\n");
  CHECK(read_tables({here / "gemm.csv"}).families().at("gemm.nvfp4").seconds(0) == doctest::Approx(30e-6));
  const Measurements both = read_tables({here / "gemm.csv", here / "tuned.csv"});
  REQUIRE(both.families().at("gemm.nvfp4").size() == 1);
  CHECK(both.families().at("gemm.nvfp4").seconds(0) == doctest::Approx(8e-6));
  CHECK(both.families().contains("untuned gemm.nvfp4"));  // told as left out
}

TEST_CASE("calibrate: a decode of aiconfigurator has the tokens in the cache and one more") {
  const TemporaryFolder here;
  write_text(
      here / "t.csv",
      "op_name,batch_size,step,num_heads,num_key_value_heads,head_dim,window_size,attn_dtype,kv_cache_dtype,latency\n"
      "generation_attention,4,1023,32,8,128,0,bfloat16,fp8,0.02\n"
      "generation_attention,4,1023,32,8,64,128,bfloat16,fp8,0.01\n");  // a window: another kernel
  const Measurements measured = read_tables({here / "t.csv"});
  const fit::Samples& rows = measured.families().at("attention_decode.fp8");
  REQUIRE(rows.size() == 1);
  CHECK(rows.shape(0)[0] == 4.0);
  CHECK(rows.shape(0)[1] == 1024.0);
  CHECK(rows.seconds(0) == doctest::Approx(20e-6));
  const fit::Samples& windowed = measured.families().at("attention_decode_windowed.fp8");
  REQUIRE(windowed.size() == 1);
  CHECK(windowed.shape(0)[1] == 1024.0);  // the whole context
  CHECK(windowed.shape(0)[5] == 128.0);
}

TEST_CASE("calibrate: InferSim says the heads in the file's name and times in microseconds") {
  const TemporaryFolder here;
  const std::string text = "dtype,kv_dtype,batch_size,kv_len,latency_us,mfu\nbf16,bf16,2,4096,27.4,0.1\n";
  write_text(here / "32-8-128.csv", text);
  write_text(here / "128-512-64.csv", text);
  write_text(here / "heads.csv", text);
  const Measurements measured = read_tables({here / "32-8-128.csv", here / "128-512-64.csv"});
  CHECK(measured.families().at("attention_decode.bf16").shape(0)[3] == 8.0);
  CHECK(measured.families().at("mla_decode.bf16").shape(0)[2] == 128.0);
  CHECK(measured.families().at("mla_decode.bf16").seconds(0) == doctest::Approx(27.4e-6));
  CHECK(refusal([&] { return read_tables({here / "heads.csv"}); }).find("the file's name must say the heads") !=
        std::string::npos);
}

TEST_CASE("calibrate: the LLMServingSim profiler's layers have the shapes of their folder's split") {
  const TemporaryFolder here;
  std::filesystem::create_directories(here.path() / "meta-llama/Llama-3.1-8B/bf16/tp1");
  write_text(here / "meta-llama/Llama-3.1-8B/bf16/meta.yaml",
             "tp_degrees: [1, 2]\n  intermediate_size: 7168\n  num_attention_heads: 16\n  num_key_value_heads: 4\n"
             "  vocab_size: 64128\n");
  write_text(here / "meta-llama/Llama-3.1-8B/bf16/tp1/dense.csv",
             "layer,tokens,time_us\ndown_proj,16,80\nlayernorm,16,3\nact_fn,16,4\nrotary_emb,16,5\nembedding,16,6\n");
  const Measurements measured = read_tables({here / "meta-llama/Llama-3.1-8B/bf16/tp1/dense.csv"});
  const fit::Samples& rows = measured.families().at("gemm.bf16");
  REQUIRE(rows.size() == 1);
  CHECK(rows.shape(0)[0] == 16.0);
  CHECK(rows.shape(0)[1] == 4096.0);
  CHECK(rows.shape(0)[2] == 14336.0);  // the degree described is 2, this folder's is 1
  // Element-wise layers move BF16: a norm reads two and writes two, an activation reads gate and up; 32 + 2 * 8 heads.
  const auto small = [&](const char* family) {
    const fit::Samples& samples = measured.families().at(family);
    REQUIRE(samples.size() == 1);
    return std::array{samples.shape(0)[0], samples.shape(0)[1], samples.shape(0)[2]};
  };
  CHECK(small("small.norm") == std::array{16.0, 4096.0, 8.0 * 4096 * 16});
  CHECK(small("small.activation") == std::array{16.0, 14336.0, 6.0 * 14336 * 16});
  CHECK(small("small.rotary") == std::array{16.0, 48 * 128.0, 4.0 * 48 * 128 * 16});

  write_text(here / "meta-llama/Llama-3.1-8B/bf16/tp1/attention.csv",
             "prefill_chunk,kv_prefill,n_decode,kv_decode,time_us\n0,0,4,512,19\n64,0,0,0,12\n16,2048,8,1024,55\n");
  const Measurements attention = read_tables({here / "meta-llama/Llama-3.1-8B/bf16/tp1/attention.csv"});
  CHECK(attention.families().at("attention_decode.bf16").size() == 1);
  CHECK(attention.families().at("attention_context.bf16").size() == 1);
  const fit::Samples& mixed = attention.families().at("attention_mixed.bf16");  // all with prompt tokens
  REQUIRE(mixed.size() == 2);
  const std::array beside{16.0, 2048.0, 8.0, 1024.0, 32.0, 8.0, 128.0};
  CHECK(std::equal(beside.begin(), beside.end(), mixed.shape(1).begin(), mixed.shape(1).end()));
  CHECK(mixed.seconds(1) == doctest::Approx(55e-6));

  // Times of unequal contexts are sums of the repetitions that meta.yaml tells.
  write_text(here / "meta-llama/Llama-3.1-8B/bf16/tp1/skew.csv",
             "regime,n,kv_big,kv_mean,t_mean_us,t_skew_us\npure,64,4096,1072,681.9,844.8\nmixed,4,2048,1100,99,120\n");
  {
    std::ofstream meta(here / "meta-llama/Llama-3.1-8B/bf16/meta.yaml", std::ios::app);
    meta << "measurement_iterations: 3\n";
  }
  const Measurements skewed = read_tables({here / "meta-llama/Llama-3.1-8B/bf16/tp1/skew.csv"});
  const fit::Samples& skew = skewed.families().at("attention_skew.bf16");
  REQUIRE(skew.size() == 1);  // not the one beside a chunk
  CHECK(skew.shape(0)[4] == doctest::Approx(227.3));
  CHECK(skew.seconds(0) == doctest::Approx(281.6e-6));
}
