#include "sim/log/log.hpp"

#include "models/base/errors.hpp"

#include <fmt/args.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <utility>

namespace tokenyard::log {

namespace {

struct LevelName {
  std::string_view name;
  spdlog::level::level_enum level;
};

constexpr std::array<LevelName, 6> kLevels = {{{"trace", spdlog::level::trace},
                                               {"debug", spdlog::level::debug},
                                               {"info", spdlog::level::info},
                                               {"warn", spdlog::level::warn},
                                               {"error", spdlog::level::err},
                                               {"off", spdlog::level::off}}};

spdlog::level::level_enum theirs(Level level) { return kLevels.at(static_cast<std::size_t>(level)).level; }

/// "%*" of the pattern.
class SimulatedTime final : public spdlog::custom_flag_formatter {
 public:
  explicit SimulatedTime(std::function<SimTime()> now) : now_(std::move(now)) {}
  void format(const spdlog::details::log_msg&, const std::tm&, spdlog::memory_buf_t& line) override {
    const std::int64_t ns = now_().ns();
    fmt::format_to(fmt::appender(line), "[{}.{:09} s] ", ns / 1'000'000'000, ns % 1'000'000'000);
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<SimulatedTime>(now_);
  }

 private:
  std::function<SimTime()> now_;
};

/// No wall time: two logs of the same run are the same text.
std::unique_ptr<spdlog::formatter> line_format(std::function<SimTime()> now) {
  auto format = std::make_unique<spdlog::pattern_formatter>();
  if (now) {
    format->add_flag<SimulatedTime>('*', std::move(now)).set_pattern("%*%l %n: %v");
  } else {
    format->set_pattern("%l %n: %v");
  }
  return format;
}

/// The one sink of all loggers; spdlog's registry keeps it, as it keeps the level and the format of the lines.
spdlog::sink_ptr sink() {
  const std::string root = "tokenyard";
  std::shared_ptr<spdlog::logger> logger = spdlog::get(root);
  if (!logger) {
    spdlog::set_formatter(line_format({}));
    logger = spdlog::stderr_logger_mt(root);
  }
  return logger->sinks().front();
}

}  // namespace

void set_level(std::string_view name) {
  std::string known;
  for (const LevelName& level : kLevels) {
    if (level.name == name) {
      spdlog::set_level(level.level);
      return;
    }
    known += (known.empty() ? "" : ", ") + std::string(level.name);
  }
  throw SpecError("log_level", "no level is called \"" + std::string(name) + "\"; there are " + known);
}

ClockInLog::ClockInLog(std::function<SimTime()> now) {
  expect(static_cast<bool>(now), "a clock tells the time");
  static_cast<void>(sink());  // which sets the format without time, once
  spdlog::set_formatter(line_format(std::move(now)));
}

ClockInLog::~ClockInLog() { spdlog::set_formatter(line_format({})); }

Logger::Logger(std::string name) : logger_(spdlog::get(name)) {
  if (!logger_) {
    logger_ = std::make_shared<spdlog::logger>(name, sink());
    spdlog::initialize_logger(logger_);  // gives it the level and format of the others, and a place in the registry
  }
}

bool Logger::should_log(Level level) const { return logger_->should_log(theirs(level)); }

void Logger::write(Level level, std::string_view format, std::initializer_list<Value> values) const {
  if (!should_log(level)) {
    return;
  }
  fmt::dynamic_format_arg_store<fmt::format_context> arguments;
  for (const Value& value : values) {
    std::visit([&](const auto& plain) { arguments.push_back(plain); }, value.kind());
  }
  logger_->log(theirs(level), fmt::vformat(fmt::string_view(format.data(), format.size()), arguments));
}

}  // namespace tokenyard::log
