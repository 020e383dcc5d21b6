#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace tokenyard {

/// What a process left behind.
struct ChildAnswer {
  int status = 0;    ///< 0 answered, 2 the user's mistake, 70 ours, 130 not begun because interrupted
  std::string text;  ///< the answer, byte for byte; one line of what went wrong when status is not 0
};

struct ChildOptions {
  unsigned jobs = 1;  ///< processes at a time; >= 1
  const std::atomic<bool>* interrupted =
      nullptr;  ///< set: what has not begun is left; children hear the signal themselves
  std::function<void(std::size_t ended)> progress;  ///< called after each, in this process
};

/// Runs work(0) .. work(count - 1), each in a process of its own (SimGrid allows one engine a process), and gives their
/// answers in this order, whatever `jobs`. `work` may throw: a UserError is the user's mistake, anything else ours;
/// `name` says what i is in a message of ours. A child shares nothing but what stood in memory when it began.
[[nodiscard]] std::vector<ChildAnswer> in_children(std::size_t count, const ChildOptions& options,
                                                   const std::function<std::string(std::size_t)>& work,
                                                   const std::function<std::string(std::size_t)>& name);

}  // namespace tokenyard
