#include "sim/files/trace_file.hpp"

#include "models/base/errors.hpp"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>
#include <optional>
#include <vector>

namespace tokenyard::files {

namespace {

constexpr unsigned kBuffer = 256 * 1024;

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

class TraceFile final : public workloads::ByteSource {
 public:
  explicit TraceFile(const std::string& path) : path_(path) {
    errno = 0;
    file_.reset(gzopen(path.c_str(), "rb"));
    if (!file_) {
      throw UserError(path + ": cannot be opened: " + std::strerror(errno));
    }
    gzbuffer(file_.get(), kBuffer);
  }

  [[nodiscard]] std::size_t read(char* buffer, std::size_t size) override {
    const auto wanted = static_cast<unsigned>(std::min<std::size_t>(size, INT_MAX));
    errno = 0;
    const int got = gzread(file_.get(), buffer, wanted);
    const int failure = errno;
    // zlib hands out what it could decode before it tells what is wrong; less than wanted is the end, or that.
    if (got < 0 || static_cast<unsigned>(got) < wanted) {
      int code = Z_OK;
      const char* const text = gzerror(file_.get(), &code);
      refuse(code, text, failure);
    }
    bytes_ += static_cast<std::size_t>(std::max(got, 0));
    return static_cast<std::size_t>(std::max(got, 0));
  }

  [[nodiscard]] const std::string& name() const override { return path_; }

  [[nodiscard]] std::unique_ptr<ByteSource> beside(const std::string& file) const override {
    return open_beside(path_, file, std::filesystem::path(path_).parent_path());
  }

 private:
  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };

  void refuse(int code, const std::string& text, int failure) const {
    const std::string where = " (after " + std::to_string(bytes_) + " bytes of text or a little later)";
    switch (code) {
      case Z_OK:
      case Z_STREAM_END:
        return;
      case Z_BUF_ERROR:
        throw UserError(path_ + ": truncated gzip file: its data ends too early" + where);
      case Z_ERRNO:
        throw UserError(path_ + ": cannot be read: " + std::strerror(failure));
      default: {
        // zlib writes "path: what is wrong"
        const std::string prefix = path_ + ": ";
        const bool told = text.rfind(prefix, 0) == 0;
        throw UserError(prefix + "corrupt gzip file: " + (told ? text.substr(prefix.size()) : text) + where);
      }
    }
  }

  std::string path_;
  std::unique_ptr<gzFile_s, Close> file_;
  std::size_t bytes_ = 0;
};

/// The .json and .jsonl files of a folder, plain or gzip, one behind the other in order of their names.
class TraceFolder final : public workloads::ByteSource {
 public:
  explicit TraceFolder(const std::string& path) : path_(path) {
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
      if (!file_) file_.emplace(files_[next_++]);
      if (const std::size_t got = file_->read(buffer, size); got > 0) return got;
      file_.reset();
      *buffer = '\n';  // the last line of a file may have no end
      return 1;
    }
    return 0;
  }
  [[nodiscard]] const std::string& name() const override { return path_; }
  [[nodiscard]] std::unique_ptr<ByteSource> beside(const std::string& file) const override {
    return open_beside(path_, file, path_);
  }

 private:
  std::string path_;
  std::vector<std::string> files_;
  std::size_t next_ = 0;
  std::optional<TraceFile> file_;
};

}  // namespace

std::unique_ptr<workloads::ByteSource> open_trace(const std::string& path) {
  std::error_code unknown;
  if (std::filesystem::is_directory(path, unknown)) return std::make_unique<TraceFolder>(path);
  return std::make_unique<TraceFile>(path);
}

}  // namespace tokenyard::files
