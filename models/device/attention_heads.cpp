#include "models/device/attention_heads.hpp"

#include <array>

namespace tokenyard::models {

std::string_view name(DecodeHeads heads) {
  constexpr std::array<std::string_view, kDecodeHeads> names{
      "single",    "wide",           "heads_64",         "heads_64_wide", "heads_64_window",
      "heads_192", "heads_192_wide", "heads_192_window", "heads_256",     "heads_256_wide"};
  return names.at(static_cast<std::size_t>(heads));
}

std::string_view name(ContextHeads heads) {
  constexpr std::array<std::string_view, kContextHeads> names{"window", "heads_256"};
  return names.at(static_cast<std::size_t>(heads));
}

}  // namespace tokenyard::models
