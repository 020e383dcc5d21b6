#pragma once

#include "workloads/traces/byte_source.hpp"

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

namespace tokenyard::test {

/// A trace that stands in the test; gives at most `piece` bytes at a time.
class TextBytes final : public workloads::ByteSource {
 public:
  explicit TextBytes(std::string text, std::size_t piece = 1'000'000) : text_(std::move(text)), piece_(piece) {}

  [[nodiscard]] std::size_t read(char* buffer, std::size_t size) override {
    const std::size_t count = text_.copy(buffer, std::min(size, piece_), at_);
    at_ += count;
    return count;
  }
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] std::unique_ptr<workloads::ByteSource> beside(const std::string& file) const override {
    return file.empty() ? std::make_unique<TextBytes>(text_, piece_) : nullptr;
  }

 private:
  std::string text_;
  std::size_t piece_;
  std::size_t at_ = 0;
  std::string name_ = "trace.csv";
};

/// A plain file.
class FileBytes final : public workloads::ByteSource {
 public:
  explicit FileBytes(std::string path) : name_(std::move(path)), in_(name_, std::ios::binary) {}
  [[nodiscard]] bool is_open() const { return in_.is_open(); }

  [[nodiscard]] std::size_t read(char* buffer, std::size_t size) override {
    in_.read(buffer, static_cast<std::streamsize>(size));
    return static_cast<std::size_t>(in_.gcount());
  }
  [[nodiscard]] const std::string& name() const override { return name_; }

 private:
  std::string name_;
  std::ifstream in_;
};

/// An Azure trace of `rows` rows, one a millisecond, that is made while it is read: prompt 1 + (row mod 1000), output
/// 1 + (row mod 10), rows counted from 0. `largest_read` tells how much was ever asked for at once.
class GeneratedTrace final : public workloads::ByteSource {
 public:
  explicit GeneratedTrace(std::size_t rows, std::size_t* largest_read = nullptr)
      : rows_(rows), largest_read_(largest_read) {}

  [[nodiscard]] std::size_t read(char* buffer, std::size_t size) override {
    if (largest_read_ != nullptr) *largest_read_ = std::max(*largest_read_, size);
    std::size_t filled = 0;
    while (filled < size) {
      if (sent_ == line_.size() && !make_line()) break;
      const std::size_t count = line_.copy(buffer + filled, size - filled, sent_);
      sent_ += count;
      filled += count;
    }
    return filled;
  }
  [[nodiscard]] const std::string& name() const override { return name_; }

 private:
  static void append(std::string& text, std::size_t value, std::size_t width) {
    const std::string digits = std::to_string(value);
    text.append(width > digits.size() ? width - digits.size() : 0, '0');
    text += digits;
  }
  bool make_line() {
    if (row_ == rows_) return false;
    const std::size_t ms = row_ % 1000;
    const std::size_t s = row_ / 1000;
    line_ = "2023-11-16 ";
    append(line_, s / 3600, 2);
    line_ += ':';
    append(line_, s / 60 % 60, 2);
    line_ += ':';
    append(line_, s % 60, 2);
    line_ += '.';
    append(line_, ms, 3);
    line_ += "0000,";
    append(line_, 1 + row_ % 1000, 1);
    line_ += ',';
    append(line_, 1 + row_ % 10, 1);
    line_ += '\n';
    sent_ = 0;
    ++row_;
    return true;
  }

  std::size_t rows_;
  std::size_t* largest_read_;
  std::string line_ = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
  std::size_t sent_ = 0;
  std::size_t row_ = 0;
  std::string name_ = "generated.csv";
};

}  // namespace tokenyard::test
