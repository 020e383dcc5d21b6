#include "sim/run/children.hpp"

#include "models/base/errors.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace tokenyard {
namespace {

constexpr int kUserMistake = 2;
constexpr int kOurMistake = 70;
constexpr int kInterrupted = 130;

struct Child {
  std::size_t index;
  pid_t pid;
  int pipe;
  std::string text;
};

void write_all(int pipe, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t written = ::write(pipe, text.data() + at, text.size() - at);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    at += static_cast<std::size_t>(written);
  }
}

class Pool {
 public:
  Pool(const std::function<std::string(std::size_t)>& work, const std::function<std::string(std::size_t)>& name)
      : work_(work), name_(name) {}

  [[nodiscard]] std::size_t running() const { return children_.size(); }

  void begin(std::size_t index) {
    int ends[2];
    expect(::pipe(ends) == 0, "a pipe can be made");
    std::fflush(nullptr);  // what is buffered would be printed by both
    const pid_t pid = ::fork();
    expect(pid >= 0, "a process can be made");
    if (pid == 0) {
      ::close(ends[0]);
      answer(index, ends[1]);
    }
    ::close(ends[1]);
    children_.push_back({index, pid, ends[0], {}});
  }

  /// Waits for something to read from any child; gives how many have ended.
  std::size_t listen(std::vector<ChildAnswer>& answers) {
    std::vector<pollfd> polls;
    for (const Child& child : children_) polls.push_back({child.pipe, POLLIN, 0});
    if (::poll(polls.data(), polls.size(), -1) < 0) return 0;  // interrupted: the children hear the signal too
    std::size_t ended = 0;
    for (std::size_t i = children_.size(); i-- > 0;) {
      if (polls[i].revents == 0) continue;
      char buffer[65536];
      const ssize_t got = ::read(children_[i].pipe, buffer, sizeof buffer);
      if (got > 0) {
        children_[i].text.append(buffer, static_cast<std::size_t>(got));
      } else if (got == 0 || errno != EINTR) {
        answers[children_[i].index] = end(children_[i]);
        children_.erase(children_.begin() + static_cast<std::ptrdiff_t>(i));
        ++ended;
      }
    }
    return ended;
  }

 private:
  /// In the child; never returns.
  [[noreturn]] void answer(std::size_t index, int pipe) const {
    int status = 0;
    std::string text;
    try {
      text = work_(index);
    } catch (const UserError& error) {
      status = kUserMistake;
      text = error.what();
    } catch (const std::exception& error) {
      status = kOurMistake;
      text = name_(index) + ": a mistake of ours, please report it: " + error.what();
    }
    write_all(pipe, text);
    ::close(pipe);
    ::_exit(status);
  }

  [[nodiscard]] ChildAnswer end(Child& child) const {
    ::close(child.pipe);
    int status = 0;
    while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
    }
    ChildAnswer answer{WIFEXITED(status) ? WEXITSTATUS(status) : kOurMistake, std::move(child.text)};
    if (answer.status != 0 && (answer.text.empty() || !WIFEXITED(status))) {
      answer.text = name_(child.index) + ": its process died";
    }
    return answer;
  }

  const std::function<std::string(std::size_t)>& work_;
  const std::function<std::string(std::size_t)>& name_;
  std::vector<Child> children_;
};

}  // namespace

std::vector<ChildAnswer> in_children(std::size_t count, const ChildOptions& options,
                                     const std::function<std::string(std::size_t)>& work,
                                     const std::function<std::string(std::size_t)>& name) {
  expect(options.jobs >= 1, "at least one job");
  std::vector<ChildAnswer> answers(count);
  Pool pool(work, name);
  std::size_t ended = 0;
  for (std::size_t next = 0; next < count || pool.running() > 0;) {
    if (next < count && options.interrupted != nullptr && options.interrupted->load()) {
      answers[next] = {kInterrupted, name(next) + ": not played: interrupted before it began"};
      ++next;
    } else if (next < count && pool.running() < options.jobs) {
      pool.begin(next++);
    } else {
      ended += pool.listen(answers);
      if (options.progress) options.progress(ended);
    }
  }
  return answers;
}

}  // namespace tokenyard
