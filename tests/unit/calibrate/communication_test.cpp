#include "models/fit/communication_families.hpp"

#include "sim/calibrate/calibrate.hpp"
#include "sim/calibrate/calibration_text.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdio>
#include <string>

using namespace tokenyard;
using namespace tokenyard::calibrate;
using namespace tokenyard::literals;
using doctest::Approx;
using tokenyard::tests::TemporaryFolder;
using tokenyard::tests::write_text;

namespace {

fit::CommunicationSetup one_domain_of_100_GBps(bool switches_add = false) {
  const auto links = [switches_add](std::uint32_t ranks) {
    cost::GroupLinks group = test::one_domain(ranks, 100_GBps);
    group.in_network_reduction = switches_add;
    return group;
  };
  return {.links = links, .all_reduce = "own", .own_up_to = Bytes{8e6}, .library = "library", .exchange = "exchange"};
}

const fit::Family& at(const std::vector<fit::Family>& all, const std::string& place) {
  for (const fit::Family& family : all) {
    if (family.place == place) return family;
  }
  FAIL("no family ", place);
  return all.front();
}

/// An aiconfigurator table: `values` of the family's formula for 1 KB to 8 MB (of two bytes an element), 2 to 8 ranks.
std::string table_of(const fit::Family& family, const std::vector<double>& values, const std::string& header,
                     const std::string& before) {
  std::string text = header + "\n";
  for (const int ranks : {2, 4, 8}) {
    for (int elements = 512; elements <= 4096 * 1024; elements *= 2) {
      const std::array shape{2.0 * elements, 1.0 * ranks};
      char line[120];
      std::snprintf(line, sizeof line, "%s,%d,%d,%.9g\n", before.c_str(), ranks, elements,
                    1e3 * family.time(values, shape, test::round_chip()).value());
      text += line;
    }
  }
  return text;
}

}  // namespace

TEST_CASE("calibrate communication: an all-reduce made by the formula gives its coefficients back") {
  const TemporaryFolder here;
  const std::vector<fit::Family> families = fit::communication_families(one_domain_of_100_GBps());
  const fit::Family& own = at(families, "all_reduce");
  const std::vector<double> truth{3e-6, 0.2e-6, 0.55, 12e-6, 0.75};
  write_text(here / "t.csv", table_of(own, truth, "allreduce_dtype,num_gpus,message_size,latency", "bfloat16"));
  const Measurements measured = read_tables({here / "t.csv"});
  const Calibration fitted = fit_tables(measured, test::round_chip(), families);
  REQUIRE(fitted.families.size() == 1);
  CHECK(fitted.families[0].rows == 39);  // 8 MiB are above what the kernels take, 1 KiB to 4 MiB at three ranks
  CHECK(fitted.families[0].error.rows == 13);
  CHECK(fitted.families[0].error.p90 < 2e-3);  // what a search of finite length leaves
  for (std::size_t i = 0; i < truth.size(); ++i) CHECK(fitted.families[0].values[i] == Approx(truth[i]).epsilon(0.05));
  const std::string yaml = chip_yaml(fitted, "round-100", "round", "mine", "a test");
  CHECK(yaml.find("kernels:\n  collectives:\n    base: round\n    all_reduces:\n      own:\n        one_shot_t0: ") !=
        std::string::npos);
  CHECK(yaml.find("        valid: {bytes: [1024, 4194304], ranks: [2, 8]}\n") != std::string::npos);
  // Without a machine nobody knows the rate of a port.
  const Calibration without = fit_tables(measured, test::round_chip());
  REQUIRE(without.left_out.size() == 1);
  CHECK(without.left_out[0] == "all_reduce: 42 rows of communication, which is fitted with --topology");
}

TEST_CASE("calibrate communication: the library's own formula is met and large all-reduces go to the switches") {
  const TemporaryFolder here;
  const std::vector<fit::Family> families = fit::communication_families(one_domain_of_100_GBps(true));
  const models::AcceleratorSpec chip = test::round_chip();
  const fit::Family& ring = at(families, "library.all_reduce");
  const auto values = ring.stored(chip.kernels);
  REQUIRE(values.has_value());
  write_text(here / "t.csv",
             table_of(ring, *values, "op_name,nccl_dtype,num_gpus,message_size,latency", "all_reduce,half"));
  const Calibration checked = check_tables(read_tables({here / "t.csv"}), chip, families);
  REQUIRE(checked.families.size() == 1);
  CHECK(checked.families[0].family->place == "library.all_reduce");
  CHECK(checked.families[0].rows == 39);  // of 42 without 2 and 4 and 8 MiB at 8 ranks
  CHECK(checked.families[0].error.p90 < 1e-7);
  REQUIRE(checked.left_out.size() == 1);
  CHECK(checked.left_out[0] == "library.in_network: 3 of 42 rows have shapes that serving meets; a fit needs 8");
  // The switches of the round chip, by hand: V = 9/8 * 8 MB over 0.9 * 100 GB/s is X = 100 us, 12 us + X + sqrt(40 *
  // X).
  const fit::Family& switches = at(families, "library.in_network");
  const auto stored = switches.stored(chip.kernels);
  REQUIRE(stored.has_value());
  const std::array shape{8e6, 8.0};
  CHECK(switches.time(*stored, shape, chip).value() == Approx(175.2456e-6).epsilon(1e-6));
}

TEST_CASE("calibrate communication: nothing is sent faster than the port of a chip") {
  // 8 MB out of a port of 100 GB/s take 80 us; of an all-gather among two half of it.
  const TemporaryFolder here;
  const std::vector<fit::Family> families = fit::communication_families(one_domain_of_100_GBps());
  const auto left_out = [&](const std::string& table, const std::string& first) {
    write_text(here / "t.csv", table + first);
    std::vector<std::string> told;
    for (const std::string& sentence :
         check_tables(read_tables({here / "t.csv"}), test::round_chip(), families).left_out) {
      if (sentence.find("quicker") != std::string::npos) told.push_back(sentence);
    }
    return told;
  };
  std::string sends = "time_stats.send_recv.median,num_workers,size,collective,devices_per_node\n";
  for (int row = 1; row <= 30; ++row) sends += "0.2,2," + std::to_string(row * 4096) + ",send_recv,2\n";
  CHECK(left_out(sends, "0.077,2,8000000,send_recv,2\n").empty());  // within 5 %
  const auto told = left_out(sends, "0.07,2,8000000,send_recv,2\n");
  REQUIRE(told.size() == 1);
  CHECK(told[0].find("library.point_to_point: 1 of 31 rows are quicker") != std::string::npos);
  CHECK(told[0].find("114.3 GB/s, 1.14 times what the links of round-100 have") != std::string::npos);
  std::string gathers = "op_name,nccl_dtype,num_gpus,message_size,latency\n";
  for (int row = 1; row <= 30; ++row) gathers += "all_gather,half,2," + std::to_string(row * 4096) + ",0.2\n";
  CHECK(left_out(gathers, "all_gather,half,2,4000000,0.039\n").empty());
  CHECK(left_out(gathers, "all_gather,half,2,4000000,0.037\n").size() == 1);
}

TEST_CASE("calibrate communication: a send made by the formula gives its coefficients back") {
  const TemporaryFolder here;
  const std::vector<fit::Family> families = fit::communication_families(one_domain_of_100_GBps());
  std::string sends = "time_stats.send_recv.median,num_workers,size,collective,devices_per_node\n";
  for (int kib = 2; kib <= 65'536; kib *= 2) {
    for (const double part : {1.0, 1.25, 1.5}) {  // 8 us and 0.8 of 100 GB/s
      const double bytes = part * kib * 1024.0;
      sends += std::to_string(8e-3 + bytes / 80e9 * 1e3) + ",2," + std::to_string(bytes) + ",send_recv,2\n";
    }
  }
  write_text(here / "t.csv", sends);
  const Calibration fitted = fit_tables(read_tables({here / "t.csv"}), test::round_chip(), families);
  REQUIRE(fitted.families.size() == 1);
  CHECK(fitted.families[0].family->place == "library.point_to_point");
  CHECK(fitted.families[0].values[0] == Approx(8e-6).epsilon(0.01));
  CHECK(fitted.families[0].values[1] == Approx(0.8).epsilon(0.01));
}

TEST_CASE("calibrate communication: DeepEP sends FP8 with scales to the ranks of its nodes and gets BF16 back") {
  const TemporaryFolder here;
  const std::string header = "device,node_num,hidden_size,num_topk,num_token,";
  write_text(here / "ll.csv",
             header + "dispatch_avg_t_us,combine_avg_t_us\nNVIDIA H100 80GB HBM3,2,7168,8,128,60,100\n");
  write_text(here / "normal.csv",
             header +
                 "dispatch_sms,dispatch_transmit_us,dispatch_notify_us,combine_sms,"
                 "combine_transmit_us,combine_notify_us\nNVIDIA GB200,1,7168,8,4096,20,300,45,24,500,50\n");
  const fit::Samples few = read_tables({here / "ll.csv"}).families().at("exchange.dispatch");
  REQUIRE(few.size() == 1);
  CHECK(few.shape(0)[1] == 16.0);                   // ranks
  CHECK(few.shape(0)[3] == 7168 + 7168 / 32 + 16);  // a scale of 4 bytes for 128 elements and a header
  CHECK(few.seconds(0) == Approx(60e-6));
  const Measurements many = read_tables({here / "normal.csv"});
  const fit::Samples& back = many.families().at("exchange.combine");
  CHECK(back.shape(0)[1] == 4.0);  // a tray of GB200
  CHECK(back.shape(0)[3] == 2 * 7168);
  CHECK(back.shape(0)[4] == 24.0);
  CHECK(back.seconds(0) == Approx(550e-6));  // with the exchange of counts
}
