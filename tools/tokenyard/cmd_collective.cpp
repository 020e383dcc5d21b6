#include "tools/tokenyard/commands.hpp"

#include "models/base/errors.hpp"
#include "models/base/units_text.hpp"
#include "sim/run/collective_question.hpp"
#include "tools/tokenyard/options.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <vector>

namespace tokenyard::cli {
namespace {

constexpr int kMostExperts = 512;  // of a layer, in any model of the catalogue and in Qwen3-Next

struct CollectiveArguments {
  CollectiveQuestion question;
  std::vector<std::string> settings;
  std::vector<std::string> sizes;
  std::string format = "fp8_block";
};

/// Options that say something of one kind of operation are not heard by the other: they are refused there.
void refuse_unheard(const CLI::App& sub, const std::string& op) {
  const bool exchange = op == "dispatch" || op == "combine";
  const std::vector<const char*> unheard =
      exchange ? std::vector<const char*>{"--bytes"}
               : std::vector<const char*>{"--tokens", "--top-k", "--hidden", "--format", "--node-limit", "--balanced"};
  for (const char* option : unheard) {
    if (sub.count(option) == 0) continue;
    throw UserError(std::string("tokenyard collective: ") + option + ": has no meaning for " + op + "; " +
                    (exchange ? "dispatch and combine take --tokens" : "only dispatch and combine take it"));
  }
}

CollectiveQuestion question_of(const CollectiveArguments& given) {
  CollectiveQuestion question = given.question;
  question.settings = overrides(given.settings);
  for (const std::string& size : given.sizes) {
    try {
      question.sizes.push_back(parse_bytes(size));
    } catch (const std::invalid_argument& error) {
      throw UserError("tokenyard collective: --bytes " + size + ": " + error.what());
    }
    constexpr Bytes kMost{1e18};
    if (!(question.sizes.back() > Bytes{} && question.sizes.back() <= kMost)) {
      throw UserError("tokenyard collective: --bytes " + size + ": is out of range; more than 0 and at most 1e6 TB");
    }
  }
  const auto format = models::gemm_kind(given.format);
  if (!format) {
    throw UserError("tokenyard collective: --format " + given.format +
                    ": one of: bf16, fp8, fp8_block, int8, nvfp4, w4a16, w4a8");
  }
  question.format = *format;
  if (question.sizes.empty()) {
    for (double size = 1024; size < 2e9; size *= 4) question.sizes.emplace_back(size);
  }
  if (question.tokens.empty()) {
    for (std::uint32_t tokens = 1; tokens <= 4096; tokens *= 4) question.tokens.push_back(tokens);
  }
  return question;
}

int answer_question(const CollectiveArguments& given) {
  const CollectiveQuestion question = question_of(given);
  const CollectiveAnswer answer = price_collective(question);
  char text[160];
  std::snprintf(text, sizeof text, "%s of %u ranks of %s in %u domain%s, %s\n", question.op.c_str(), question.ranks,
                question.topology.c_str(), answer.links.domains, answer.links.domains == 1 ? "" : "s",
                answer.software.c_str());
  std::cout << text;
  const bool tokens = question.op == "dispatch" || question.op == "combine";
  std::snprintf(text, sizeof text, "%14s %12s %10s  %s\n", tokens ? "tokens a rank" : "bytes", "time us", "GB/s out",
                "algorithm");
  std::cout << text;
  for (const CollectiveRow& row : answer.rows) {
    std::snprintf(text, sizeof text, "%14.0f %12.2f %10.2f  %s%s\n", row.size, row.time.value() * 1e6,
                  row.bus.value() * 1e-9, row.algorithm.c_str(), row.extrapolated ? ", extrapolated" : "");
    std::cout << text;
  }
  return 0;
}

}  // namespace

void add_collective(CLI::App& app, Command& command) {
  auto* sub = app.add_subcommand("collective", "price one collective on a machine, size by size");
  const auto given = std::make_shared<CollectiveArguments>();
  CollectiveQuestion& question = given->question;
  sub->add_option("--topology", question.topology, "a machine of `topologies`, or a .yaml file")->required();
  add_set_option(*sub, given->settings);
  sub->add_option("--chip", question.chip, "kind of chip; the machine's first when left out");
  sub->add_option("--op", question.op, "all_reduce, all_gather, reduce_scatter, all_to_all, send, dispatch, combine")
      ->capture_default_str();
  sub->add_option("--ranks", question.ranks, "ranks, on the machine's first chips")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000));
  sub->add_option("--bytes", given->sizes, "buffers, such as \"64 KiB\"; 1 KiB to 1 GiB when left out");
  sub->add_option("--software", question.software,
                  "table of models/catalog/collectives; the chip's choice when left out");
  sub->add_option("--tokens", question.tokens, "dispatch, combine: tokens of each rank");
  sub->add_option("--top-k", question.top_k, "experts of a token")
      ->capture_default_str()
      ->check(CLI::Range(1, kMostExperts));
  sub->add_option("--hidden", question.hidden, "width of a token")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000));
  sub->add_option("--format", given->format, "of the experts; decides what dispatch sends")->capture_default_str();
  sub->add_option("--node-limit", question.domain_limit, "domains that a token's experts may lie in; 0: any")
      ->capture_default_str();
  sub->add_flag("--balanced", question.balanced, "deal a token's experts to as many ranks as there are");
  sub->callback([given, sub, &command] {
    command = [given, sub] {
      refuse_unheard(*sub, given->question.op);
      return answer_question(*given);
    };
  });
}

}  // namespace tokenyard::cli
