#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <stdexcept>
#include <string>

namespace tokenyard::test {

/// What `work` returns, computed in a process of its own: an engine is once per process, and a law needs two runs.
/// Throws when the child fails, with what it said.
inline std::string in_child(const std::function<std::string()>& work) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("no pipe");
  std::fflush(nullptr);  // what is buffered would be printed by both
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    std::string text;
    try {
      text = "+" + work();
    } catch (const std::exception& error) {
      text = std::string("-") + error.what();
    }
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t written = write(ends[1], text.data() + at, text.size() - at);
      if (written <= 0) break;
      at += static_cast<std::size_t>(written);
    }
    _exit(0);
  }
  close(ends[1]);
  std::string text;
  char buffer[65536];
  for (ssize_t got = 0; (got = read(ends[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (text.empty() || text[0] != '+') throw std::runtime_error("child: " + (text.empty() ? "died" : text.substr(1)));
  return text.substr(1);
}

}  // namespace tokenyard::test
