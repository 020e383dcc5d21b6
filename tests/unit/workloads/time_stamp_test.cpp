#include "workloads/traces/time_stamp.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>

using namespace tokenyard::workloads;

TEST_CASE("time stamp: every style of the Azure traces is read") {
  // 2024-05-10 is 19,853 days after 1970-01-01: 54 years of 365 days + 13 leap days + 31 + 29 + 31 + 30 + 9.
  constexpr std::int64_t kMidnight = std::int64_t{54 * 365 + 13 + 31 + 29 + 31 + 30 + 9} * 86'400'000'000'000;
  CHECK(parse_time_stamp("2024-05-10 00:00:00.0099300") == kMidnight + 9'930'000);       // 2023: 7 digits
  CHECK(parse_time_stamp("2024-05-10 00:00:00.009930+00:00") == kMidnight + 9'930'000);  // 2024: 6 digits
  CHECK(parse_time_stamp("2024-05-10 00:00:00+00:00") == kMidnight);                     // 2024: no fraction
  CHECK(parse_time_stamp("2024-05-10T00:00:00.269Z") == kMidnight + 269'000'000);        // 2025: 3 digits
  CHECK(parse_time_stamp("2024-05-10 00:00:00") == kMidnight);
  CHECK(parse_time_stamp("2024-05-10 00:00:00.123456789") == kMidnight + 123'456'789);
}

TEST_CASE("time stamp: an offset is taken off") {
  CHECK(parse_time_stamp("2024-05-10 02:30:00+02:30") == parse_time_stamp("2024-05-10 00:00:00Z"));
  CHECK(parse_time_stamp("2024-05-09 19:00:00-05:00") == parse_time_stamp("2024-05-10 00:00:00Z"));
}

TEST_CASE("time stamp: days follow the calendar") {
  constexpr std::int64_t kSecond = 1'000'000'000;
  CHECK(*parse_time_stamp("1970-01-01 00:00:01") == kSecond);
  CHECK(*parse_time_stamp("2024-03-01 00:00:00") - *parse_time_stamp("2024-02-29 23:59:59") == kSecond);
  CHECK(*parse_time_stamp("2023-03-01 00:00:00") - *parse_time_stamp("2023-02-28 23:59:59") == kSecond);
  CHECK(*parse_time_stamp("2024-01-01 00:00:00") - *parse_time_stamp("2023-12-31 23:59:59") == kSecond);
}

TEST_CASE("time stamp: what is no time is refused") {
  for (const std::string text : {"",
                                 "x",
                                 "2024-05-10",
                                 "2024-05-10 00:00",
                                 "2024-13-10 00:00:00",
                                 "2023-02-29 00:00:00",
                                 "2024-05-10 24:00:00",
                                 "2024-05-10 00:60:00",
                                 "2024-05-10 00:00:60",
                                 "2024-05-10 00:00:00.",
                                 "2024-05-10 00:00:00.1234567890",
                                 "2024-05-10 00:00:00+0000",
                                 "2024-05-10 00:00:00+15:00",
                                 "2024-05-10 00:00:00Zz",
                                 "2024-05-10_00:00:00",
                                 "2024-5-10 00:00:00",
                                 "1969-12-31 23:59:59",
                                 "2201-01-01 00:00:00",
                                 "+024-05-10 00:00:00",
                                 "1715299200"}) {
    INFO(text);
    CHECK_FALSE(parse_time_stamp(text).has_value());
  }
}
