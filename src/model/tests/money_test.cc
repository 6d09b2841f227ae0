#include "skep/model/money.h"

#include <gtest/gtest.h>

namespace skep {
namespace {

TEST(Money, IsReadAsItIsWritten) {
  EXPECT_EQ(usd_number(kUsd / 100), "0.01");
  EXPECT_EQ(parse_usd("0.01"), kUsd / 100);
  EXPECT_EQ(parse_usd("12"), 12 * kUsd);
  EXPECT_EQ(parse_usd("0.000000000001"), 1);
  EXPECT_EQ(parse_usd("1000000"), 1'000'000 * kUsd);
  for (const PicoUsd amount : {PicoUsd{0}, PicoUsd{1}, kUsd / 3, 17 * kUsd + 5})
    EXPECT_EQ(parse_usd(usd_number(amount)), amount);
}

TEST(Money, WhatIsNoAmountIsNone) {
  for (const char* text : {"", ".", "1.", ".5", "-1", "+1", "1e3", "0.0000000000001", "1000000.1",
                           "99999999", "0x1", " 1", "nan", "1,5"})
    EXPECT_EQ(parse_usd(text), std::nullopt) << text;
}

}  // namespace
}  // namespace skep
