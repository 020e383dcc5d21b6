#include "sim/report/grid.hpp"

#include <doctest/doctest.h>

using namespace tokenyard::report;

TEST_CASE("grid: columns are as wide as their widest cell and stand two blanks apart") {
  Grid grid;
  grid.row({"what", "a", "long one"});
  grid.row({"x", "12.5", "3"});
  grid.blank();
  grid.row({"heading"});
  // Widths 7, 4, 8.
  CHECK(grid.text() ==
        "what        a  long one\n"
        "x        12.5         3\n"
        "\n"
        "heading\n");
}

TEST_CASE("grid: a character of two bytes is as wide as one") {
  Grid grid;
  grid.row({"\xC3\xA9", "1"});
  grid.row({"ab", "22"});
  CHECK(width("\xC3\xA9") == 1);
  CHECK(grid.text() == "\xC3\xA9    1\nab  22\n");
}

TEST_CASE("grid: a long name keeps both ends") {
  CHECK(cut_name("llama-70b-tp8", 13) == "llama-70b-tp8");
  // 10 characters: 2 dots, the last (10 - 2) / 2 = 4 and the first 4.
  CHECK(cut_name("llama-70b-tp8", 10) == "llam..-tp8");
  CHECK(cut_name("llama-70b-tp8", 9) == "llam..tp8");
  // Never between the bytes of a character.
  CHECK(cut_name("\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9", 4) == "\xC3\xA9..\xC3\xA9");
}

TEST_CASE("grid: first characters are counted as characters") {
  CHECK(first_characters("abc", 2) == "ab");
  CHECK(first_characters("abc", 5) == "abc");
  CHECK(first_characters("\xC3\xA9z", 1) == "\xC3\xA9");
}

TEST_CASE("grid: text is wrapped at blanks and a longer word is cut") {
  CHECK(wrapped("one two three", 100, "note: ", "      ") == "note: one two three\n");
  // "note: " leaves 7 characters: "one two" fills them.
  CHECK(wrapped("one two three", 13, "note: ", "      ") == "note: one two\n      three\n");
  CHECK(wrapped("abcdefgh", 5, "", "") == "abcde\nfgh\n");
  CHECK(wrapped("", 10, "> ", "  ") == "> \n");
}
