#pragma once

#include "sim/files/output_folder.hpp"

#include <ostream>
#include <string>

namespace tokenyard::files {

/// One file to write under a name that a person gave. As with OutputFolder it appears whole at commit(), or not at all.
class OutputFile {
 public:
  /// Throws UserError when `path` is empty or names a folder, or when nothing can be written there.
  explicit OutputFile(const std::string& path);

  [[nodiscard]] std::ostream& stream() { return stream_; }
  /// REQUIRES: called once. Throws UserError when the file could not be written.
  void commit() { folder_.commit(); }

 private:
  OutputFolder folder_;
  std::ostream& stream_;  ///< of folder_
};

}  // namespace tokenyard::files
