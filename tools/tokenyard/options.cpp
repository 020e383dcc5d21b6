#include "tools/tokenyard/options.hpp"

#include "models/base/errors.hpp"

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <iostream>

namespace tokenyard::cli {
namespace {

// A signal handler can reach nothing but what is static.
std::atomic<bool> interrupted{false};

void on_signal(int signal) {
  interrupted.store(true);
  std::signal(signal, SIG_DFL);
}

}  // namespace

void add_set_option(CLI::App& command, std::vector<std::string>& settings) {
  command
      .add_option("--set", settings, "PATH=VALUE: change one value of the file, e.g. --set pools.decode.instances=4")
      ->take_all()
      ->allow_extra_args(false);
}

std::vector<config::Override> overrides(const std::vector<std::string>& settings) {
  std::vector<config::Override> all;
  for (const std::string& setting : settings) {
    const std::size_t equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw UserError("--set " + setting + ": PATH=VALUE is needed, e.g. seed=7");
    }
    if (equals + 1 == setting.size()) {
      throw UserError("--set " + setting + ": a value is needed; ~ takes the key away");
    }
    all.push_back({setting.substr(0, equals), setting.substr(equals + 1)});
  }
  return all;
}

void complain(const std::string& text) {
  std::string line;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      line += c;
    } else if (c == '\n') {
      line += "\\n";
    } else {
      char code[8];
      std::snprintf(code, sizeof code, "\\x%02x", static_cast<unsigned>(byte));
      line += code;
    }
  }
  std::cerr << line << "\n";
}

const std::atomic<bool>& catch_interrupt() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  return interrupted;
}

}  // namespace tokenyard::cli
