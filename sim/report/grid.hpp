#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tokenyard::report {

/// Rows of cells in columns: the first column flush left, the others flush right, two blanks between columns.
class Grid {
 public:
  /// A row may have fewer cells than others.
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  void blank() { rows_.emplace_back(); }

  /// All rows, each ended by a newline, without trailing blanks.
  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// Characters of UTF-8 text, a code point each.
[[nodiscard]] std::size_t width(std::string_view text);

/// The first `most` characters, or all there are.
[[nodiscard]] std::string_view first_characters(std::string_view text, std::size_t most);

/// At most `most` characters: of a longer name its start and its end, where names of a series differ, with ".."
/// between. REQUIRES: most >= 4.
[[nodiscard]] std::string cut_name(std::string_view name, std::size_t most);

/// `text` in lines of at most `columns` characters, broken at blanks where it has some; the first starts with `first`,
/// the others with `other`. Each ends with a newline. REQUIRES: columns > both starts.
[[nodiscard]] std::string wrapped(std::string_view text, std::size_t columns, std::string_view first,
                                  std::string_view other);

}  // namespace tokenyard::report
