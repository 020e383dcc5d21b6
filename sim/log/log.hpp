#pragma once

#include "models/base/sim_time.hpp"

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace spdlog {
class logger;
}

namespace tokenyard::log {

enum class Level { Trace, Debug, Info, Warn, Error, Off };

/// How much of the log is told, in the whole process; "info" until it is called. Throws SpecError("log_level", ...)
/// that lists the names: trace, debug, info, warn, error, off.
void set_level(std::string_view name);

/// While it lives, every line carries the simulated time that `now` tells: "[1.250000000 s]".
/// One at a time: the last one made speaks, and when it goes there is no time in the lines.
class ClockInLog {
 public:
  explicit ClockInLog(std::function<SimTime()> now);
  ~ClockInLog();
  ClockInLog(const ClockInLog&) = delete;
  ClockInLog& operator=(const ClockInLog&) = delete;
};

/// One value of a line, for "{}".
class Value {
 public:
  Value(bool value) : value_(value) {}                                        // NOLINT(google-explicit-constructor)
  Value(std::signed_integral auto value) : value_(std::int64_t{value}) {}     // NOLINT(google-explicit-constructor)
  Value(std::unsigned_integral auto value) : value_(std::uint64_t{value}) {}  // NOLINT(google-explicit-constructor)
  Value(double value) : value_(value) {}                                      // NOLINT(google-explicit-constructor)
  Value(std::string_view value) : value_(value) {}                            // NOLINT(google-explicit-constructor)
  Value(const std::string& value) : value_(std::string_view(value)) {}        // NOLINT(google-explicit-constructor)
  Value(const char* value) : value_(std::string_view(value)) {}               // NOLINT(google-explicit-constructor)

  using Kind = std::variant<bool, std::int64_t, std::uint64_t, double, std::string_view>;
  [[nodiscard]] const Kind& kind() const { return value_; }

 private:
  Kind value_;
};

/// Writes lines to stderr under a name, by custom that of the room: log_.debug("request {} waits", id). Format strings
/// are those of fmt. Never writes to stdout; results never go through here.
class Logger {
 public:
  explicit Logger(std::string name);

  /// Whether a line of that level would be told: ask before costly arguments.
  [[nodiscard]] bool should_log(Level level) const;

  template <class... Args>
  void error(std::string_view format, const Args&... args) const {
    write(Level::Error, format, {Value(args)...});
  }
  template <class... Args>
  void warn(std::string_view format, const Args&... args) const {
    write(Level::Warn, format, {Value(args)...});
  }
  template <class... Args>
  void info(std::string_view format, const Args&... args) const {
    write(Level::Info, format, {Value(args)...});
  }
  template <class... Args>
  void debug(std::string_view format, const Args&... args) const {
    write(Level::Debug, format, {Value(args)...});
  }
  template <class... Args>
  void trace(std::string_view format, const Args&... args) const {
    write(Level::Trace, format, {Value(args)...});
  }

 private:
  void write(Level level, std::string_view format, std::initializer_list<Value> values) const;

  std::shared_ptr<spdlog::logger> logger_;  ///< shared with spdlog's registry, which sets the level
};

}  // namespace tokenyard::log
