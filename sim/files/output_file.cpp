#include "sim/files/output_file.hpp"

#include "models/base/errors.hpp"

#include <filesystem>

namespace tokenyard::files {
namespace {

namespace fs = std::filesystem;

[[nodiscard]] std::string checked(const std::string& path) {
  if (path.empty()) throw UserError("the name of the file to write is empty");
  const fs::path name = fs::path(path).filename();
  std::error_code unknown;
  if (name.empty() || name == "." || name == ".." || fs::is_directory(path, unknown)) {
    throw UserError(path + ": names a folder; give the name of a file to write, such as " +
                    (fs::path(path) / "requests.jsonl").lexically_normal().string());
  }
  return path;
}

}  // namespace

OutputFile::OutputFile(const std::string& path)
    : folder_(fs::absolute(checked(path)).parent_path().string()),
      stream_(folder_.file(fs::path(path).filename().string())) {}

}  // namespace tokenyard::files
