#include "sim/run/play.hpp"

#include "models/base/errors.hpp"
#include "sim/config/experiment.hpp"
#include "sim/report/json.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <map>
#include <sstream>

namespace tokenyard {
namespace {

constexpr int kUserMistake = 2;
constexpr int kOurMistake = 70;
constexpr int kInterrupted = 130;

/// A child at work: SimGrid allows one engine a process, so every design has its own.
struct Child {
  std::size_t design;
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

/// In the child: the summary as JSON, or the error as text; never returns.
[[noreturn]] void work(const std::filesystem::path& file, PlayOptions options, bool alone, int pipe) {
  int status = 0;
  std::ostringstream text;
  options.progress = options.progress && alone;  // several would write over each other's line
  try {
    report::write_summary(play(file, options), text);
  } catch (const UserError& error) {
    status = kUserMistake;
    text.str(error.what());
  } catch (const std::exception& error) {
    status = kOurMistake;
    text.str(file.string() + ": a mistake of ours, please report it: " + error.what());
  }
  write_all(pipe, text.str());
  ::close(pipe);
  ::_exit(status);
}

Child begin(std::size_t design, const std::filesystem::path& file, const PlayOptions& options, bool alone) {
  int ends[2];
  expect(::pipe(ends) == 0, "a pipe can be made");
  std::fflush(nullptr);  // what is buffered would be printed by both
  const pid_t pid = ::fork();
  expect(pid >= 0, "a process can be made");
  if (pid == 0) {
    ::close(ends[0]);
    work(file, options, alone, ends[1]);
  }
  ::close(ends[1]);
  return {design, pid, ends[0], {}};
}

void end(Child& child, Design& design) {
  ::close(child.pipe);
  int status = 0;
  while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
  }
  design.status = WIFEXITED(status) ? WEXITSTATUS(status) : kOurMistake;
  if (design.status != 0) {
    design.error = child.text.empty() ? design.file.string() + ": its process died" : child.text;
    return;
  }
  std::istringstream text(child.text);
  design.summary = report::read_summary(text, design.file.string());
}

/// Reads what there is from every child; takes the ended ones off the list.
void listen(std::vector<Child>& children, std::vector<Design>& designs) {
  std::vector<pollfd> polls;
  for (const Child& child : children) polls.push_back({child.pipe, POLLIN, 0});
  if (::poll(polls.data(), polls.size(), -1) < 0) return;  // interrupted: the children hear the signal too
  for (std::size_t i = children.size(); i-- > 0;) {
    if (polls[i].revents == 0) continue;
    char buffer[65536];
    const ssize_t got = ::read(children[i].pipe, buffer, sizeof buffer);
    if (got > 0) {
      children[i].text.append(buffer, static_cast<std::size_t>(got));
    } else if (got == 0 || errno != EINTR) {
      end(children[i], designs[children[i].design]);
      children.erase(children.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
}

}  // namespace

std::vector<Design> play_all(const std::vector<std::filesystem::path>& files, const PlayOptions& options,
                             unsigned jobs) {
  expect(jobs >= 1, "at least one job");
  std::map<std::string, std::filesystem::path> names;
  std::vector<Design> designs;
  for (const auto& file : files) {
    designs.push_back({.file = file});
    try {
      const config::Experiment experiment = config::read_experiment(file, options.overrides);
      const auto [known, is_new] = names.emplace(experiment.name, file);
      if (!is_new) {
        experiment.source->fail("name", "'" + experiment.name + "' is also the name of " + known->second.string() +
                                            ": their results would overwrite each other");
      }
    } catch (const UserError& error) {  // the others are played all the same
      designs.back().status = kUserMistake;
      designs.back().error = error.what();
    }
  }
  std::vector<Child> children;
  for (std::size_t next = 0; next < files.size() || !children.empty();) {
    if (next < files.size() && designs[next].status != 0) {
      ++next;
    } else if (next < files.size() && options.interrupted != nullptr && options.interrupted->load()) {
      designs[next].status = kInterrupted;
      designs[next].error = files[next].string() + ": not played: interrupted before it began";
      ++next;
    } else if (next < files.size() && children.size() < jobs) {
      children.push_back(begin(next, files[next], options, jobs == 1));
      ++next;
    } else {
      listen(children, designs);
    }
  }
  return designs;
}

}  // namespace tokenyard
