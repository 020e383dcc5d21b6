#include "sim/files/output_folder.hpp"

#include "models/base/errors.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace tokenyard::files {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kBuffer = 1 << 20;

}  // namespace

struct OutputFolder::File {
  explicit File(const fs::path& path) : name(path.filename()), buffer(kBuffer) {
    // The buffer has to be there before the file is open.
    stream.rdbuf()->pubsetbuf(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    stream.open(path, std::ios::binary | std::ios::trunc);
  }
  std::string name;
  std::vector<char> buffer;
  std::ofstream stream;
};

OutputFolder::OutputFolder(const std::string& folder) : name_(folder) {
  expect(!folder.empty(), "an output folder has a name");
  folder_ = fs::absolute(folder).lexically_normal();
  if (!folder_.has_filename()) {
    folder_ = folder_.parent_path();  // "out/"
  }
  try {
    find_place();
    // A folder that can be made is not always one that files can be made in (a full disk, a mount that is read-only).
    const fs::path probe = temporary_ / "probe";
    errno = 0;
    if (!std::ofstream(probe)) {
      refuse(std::string("no file can be written there: ") + std::strerror(errno));
    }
    fs::remove(probe);
  } catch (const fs::filesystem_error& error) {
    discard();
    refuse("cannot be written: " + error.code().message());
  } catch (...) {
    discard();
    throw;
  }
}

OutputFolder::~OutputFolder() {
  if (!committed_) {
    discard();
  }
}

void OutputFolder::find_place() {
  if (fs::exists(folder_)) {
    if (!fs::is_directory(folder_)) {
      refuse("is a file; results need a folder");
    }
    temporary_ = make_temporary(folder_, ".partial");
    return;
  }
  std::vector<fs::path> missing;
  for (fs::path parent = folder_.parent_path(); !fs::exists(parent); parent = parent.parent_path()) {
    missing.push_back(parent);
  }
  std::reverse(missing.begin(), missing.end());
  for (const fs::path& parent : missing) {
    if (fs::create_directory(parent)) {
      parents_.push_back(parent);
    }
  }
  new_folder_ = true;
  temporary_ = make_temporary(folder_.parent_path(), "." + folder_.filename().string() + ".partial");
}

fs::path OutputFolder::make_temporary(const fs::path& where, const std::string& stem) {
  // Runs may write beside each other: the first free name with our process id is ours.
  for (int attempt = 0;; ++attempt) {
    fs::path path = where / (stem + "-" + std::to_string(getpid()) + "-" + std::to_string(attempt));
    if (fs::create_directory(path)) {
      return path;
    }
  }
}

std::ostream& OutputFolder::file(const std::string& name) {
  expect(!committed_, "files are written before commit");
  expect(!name.empty() && name.find('/') == std::string::npos && name != "." && name != "..",
         "a result file has a plain name");
  for (const std::unique_ptr<File>& file : files_) {
    if (file->name == name) {
      return file->stream;
    }
  }
  errno = 0;
  auto file = std::make_unique<File>(temporary_ / name);
  if (!file->stream) {
    refuse("file " + name + " cannot be created: " + std::strerror(errno));
  }
  return files_.emplace_back(std::move(file))->stream;
}

void OutputFolder::commit() {
  expect(!committed_, "results are committed once");
  for (const std::unique_ptr<File>& file : files_) {
    errno = 0;
    file->stream.close();
    if (!file->stream) {
      const int failure = errno;
      refuse("file " + file->name + " could not be written whole" +
             (failure == 0 ? std::string() : std::string(": ") + std::strerror(failure)));
    }
  }
  std::error_code error;
  if (new_folder_) {
    fs::rename(temporary_, folder_, error);
    if (!error) {
      committed_ = true;
      return;
    }
    fs::create_directory(folder_, error);  // somebody made it meanwhile: then file by file
  }
  for (const std::unique_ptr<File>& file : files_) {
    fs::rename(temporary_ / file->name, folder_ / file->name, error);
    if (error) {
      refuse("file " + file->name + " cannot be put in place: " + error.message());
    }
  }
  fs::remove_all(temporary_, error);
  committed_ = true;
}

void OutputFolder::discard() noexcept {
  files_.clear();
  std::error_code ignored;  // what cannot be removed stays; there is nobody left to tell
  if (!temporary_.empty()) {
    fs::remove_all(temporary_, ignored);
  }
  for (auto parent = parents_.rbegin(); parent != parents_.rend(); ++parent) {
    fs::remove(*parent, ignored);  // only when empty
  }
}

void OutputFolder::refuse(const std::string& why) const { throw UserError(name_ + ": " + why); }

}  // namespace tokenyard::files
