#pragma once

#include <filesystem>

namespace tokenyard::test {

/// The source tree. Defined once, in main.cpp, so that where the tree stands is part of no other object: a compiler
/// cache then serves every checkout.
[[nodiscard]] std::filesystem::path source_root();

}  // namespace tokenyard::test
