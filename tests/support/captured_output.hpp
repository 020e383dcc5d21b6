#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace tokenyard::tests {

/// What `write` puts on a file descriptor of the process (STDOUT_FILENO, STDERR_FILENO), whoever writes it.
template <class Write>
std::string output_of(int descriptor, Write write) {
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() /
      ("tokenyard-output-" + std::to_string(getpid()) + "-" + std::to_string(descriptor));
  std::fflush(nullptr);
  const int kept = dup(descriptor);
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  dup2(file, descriptor);
  close(file);
  write();
  std::fflush(nullptr);
  dup2(kept, descriptor);
  close(kept);
  std::ifstream in(path);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  std::filesystem::remove(path);
  return text;
}

}  // namespace tokenyard::tests
