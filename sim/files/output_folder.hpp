#pragma once

#include <filesystem>
#include <fstream>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace tokenyard::files {

/// The result files of a run, which appear all at once or not at all.
///
/// Until commit() they grow in a temporary folder: beside the folder if that does not exist yet (commit then renames
/// the whole folder), hidden inside it if it does (commit then renames file by file and replaces those of the same
/// name). Without commit() everything made here is removed, down to the parents of the folder.
class OutputFolder {
 public:
  /// Throws UserError "path: why" when results could not be written there: found out now, not after hours of running.
  explicit OutputFolder(const std::string& folder);
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  /// The file of that name, empty when first asked for; well buffered. It lives as long as this object, until commit().
  /// REQUIRES: a plain name, without folders. Throws UserError when it cannot be made.
  [[nodiscard]] std::ostream& file(const std::string& name);

  /// Puts all files in place. REQUIRES: called once. Throws UserError when something could not be written, and then
  /// leaves nothing half-written.
  void commit();

 private:
  struct File;

  void find_place();
  [[nodiscard]] std::filesystem::path make_temporary(const std::filesystem::path& where, const std::string& stem);
  void discard() noexcept;
  [[noreturn]] void refuse(const std::string& why) const;

  std::string name_;  ///< as the person wrote it
  std::filesystem::path folder_;
  std::filesystem::path temporary_;             ///< empty once nothing is left to remove
  std::vector<std::filesystem::path> parents_;  ///< made here, outermost first
  bool new_folder_ = false;
  bool committed_ = false;
  std::vector<std::unique_ptr<File>> files_;
};

}  // namespace tokenyard::files
