#include "sim/files/trace_file.hpp"

#include "models/base/errors.hpp"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <vector>

namespace tokenyard::files {

namespace {

constexpr std::size_t kBuffer = 256 * 1024;

std::unique_ptr<workloads::ByteSource> open_beside(const std::string& path, const std::string& file,
                                                   const std::filesystem::path& folder) {
  if (file.empty()) return open_trace(path);
  const std::filesystem::path other = folder / file;
  for (const char* const ending : {"", ".gz"}) {
    const std::string name = other.string() + ending;
    if (std::filesystem::exists(name)) return open_trace(name);
  }
  return nullptr;
}

/// A plain file as it is, a gzip file unpacked: its members one behind the other, zeros behind them passed over.
class TraceFile final : public workloads::ByteSource {
 public:
  explicit TraceFile(const std::string& path) : path_(path), packed_(kBuffer) {
    errno = 0;
    file_.reset(std::fopen(path.c_str(), "rb"));
    if (!file_) throw UserError(path + ": cannot be opened: " + std::strerror(errno));
    fill();
    gzip_ = starts_member();
    if (!gzip_) return;
    constexpr int kGzipOnly = 16;
    stream_.reset(new z_stream{});
    expect(inflateInit2(stream_.get(), MAX_WBITS + kGzipOnly) == Z_OK, "zlib has memory for a window");
    inside_ = true;
  }

  [[nodiscard]] std::size_t read(char* buffer, std::size_t size) override {
    std::size_t got = 0;
    while (got < size) {
      if (begin_ == end_ && !fill()) break;
      got += gzip_ ? unpack(buffer + got, size - got) : copy(buffer + got, size - got);
    }
    if (got < size && inside_) throw UserError(path_ + ": truncated gzip file: its data ends too early" + where());
    bytes_ += got;
    return got;
  }

  [[nodiscard]] const std::string& name() const override { return path_; }

  [[nodiscard]] std::unique_ptr<ByteSource> beside(const std::string& file) const override {
    return open_beside(path_, file, std::filesystem::path(path_).parent_path());
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
    void operator()(z_stream* stream) const {
      inflateEnd(stream);
      delete stream;
    }
  };

  /// More bytes of the file behind those that are left; false at its end.
  bool fill() {
    std::copy(packed_.begin() + static_cast<std::ptrdiff_t>(begin_),
              packed_.begin() + static_cast<std::ptrdiff_t>(end_), packed_.begin());
    end_ -= begin_;
    begin_ = 0;
    errno = 0;
    const std::size_t got = std::fread(packed_.data() + end_, 1, packed_.size() - end_, file_.get());
    if (std::ferror(file_.get()) != 0) throw UserError(path_ + ": cannot be read: " + std::strerror(errno));
    end_ += got;
    return got > 0;
  }

  [[nodiscard]] bool starts_member() const {
    return end_ - begin_ >= 2 && packed_[begin_] == 0x1f && packed_[begin_ + 1] == 0x8b;
  }

  std::size_t copy(char* buffer, std::size_t size) {
    const std::size_t count = std::min(size, end_ - begin_);
    std::memcpy(buffer, packed_.data() + begin_, count);
    begin_ += count;
    return count;
  }

  std::size_t unpack(char* buffer, std::size_t size) {
    if (!inside_) {
      while (begin_ < end_ && packed_[begin_] == 0) ++begin_;
      if (begin_ == end_) return 0;
      if (end_ - begin_ < 2) fill();
      if (!starts_member())
        throw UserError(path_ + ": corrupt gzip file: what stands behind its end is not gzip" + where());
      inflateReset(stream_.get());
      inside_ = true;
    }
    const auto room = static_cast<uInt>(std::min<std::size_t>(size, UINT_MAX));
    stream_->next_in = packed_.data() + begin_;
    stream_->avail_in = static_cast<uInt>(end_ - begin_);
    stream_->next_out = reinterpret_cast<Bytef*>(buffer);
    stream_->avail_out = room;
    const int code = inflate(stream_.get(), Z_NO_FLUSH);
    begin_ = end_ - stream_->avail_in;
    inside_ = code != Z_STREAM_END;
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
      throw UserError(path_ + ": corrupt gzip file: " + (stream_->msg != nullptr ? stream_->msg : "its data") +
                      where());
    }
    return room - stream_->avail_out;
  }

  [[nodiscard]] std::string where() const {
    return " (after " + std::to_string(bytes_) + " bytes of text or a little later)";
  }

  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
  std::vector<Bytef> packed_;  // bytes [begin_, end_) are still to be given or unpacked
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool gzip_ = false;
  bool inside_ = false;  // a gzip member whose end has not come
  std::unique_ptr<z_stream, Close> stream_;
  std::size_t bytes_ = 0;  // of text, given so far
};

/// The .json and .jsonl files of a folder, plain or gzip, one behind the other in order of their names.
class TraceFolder final : public workloads::ByteSource {
 public:
  explicit TraceFolder(const std::string& path) : path_(path), name_(path) {
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      std::filesystem::path name = entry.path();
      const std::string whole = name.string();
      if (name.extension() == ".gz") name.replace_extension();
      if (entry.is_regular_file() && (name.extension() == ".json" || name.extension() == ".jsonl")) {
        files_.push_back(whole);
      }
    }
    std::sort(files_.begin(), files_.end());
    if (files_.empty()) throw UserError(path + ": is a directory without .json or .jsonl files; a trace is a file");
  }

  [[nodiscard]] std::size_t read(char* buffer, std::size_t size) override {
    while (next_ < files_.size() || file_) {
      if (!file_) {
        name_ = files_[next_++];
        file_.emplace(name_);
      }
      if (const std::size_t got = file_->read(buffer, size); got > 0) return got;
      file_.reset();
      *buffer = '\n';  // the last line of a file may have no end
      return 1;
    }
    return 0;
  }
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] std::unique_ptr<ByteSource> beside(const std::string& file) const override {
    return open_beside(path_, file, path_);
  }

 private:
  std::string path_;
  std::string name_;
  std::vector<std::string> files_;
  std::size_t next_ = 0;
  std::optional<TraceFile> file_;
};

}  // namespace

std::unique_ptr<workloads::ByteSource> open_trace(const std::string& path) {
  if (path.empty()) throw UserError("the name of the trace file is empty");
  std::error_code unknown;
  if (std::filesystem::is_directory(path, unknown)) return std::make_unique<TraceFolder>(path);
  return std::make_unique<TraceFile>(path);
}

}  // namespace tokenyard::files
