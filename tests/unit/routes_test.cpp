// What the agent makes of addresses, masks and routes. All from source.

#include "mock_hyperstart/detail/model/routes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

namespace hyperstart::detail {
namespace {

using testing::Eq;
using testing::Optional;

TEST(Ipv4, IsReadAsCReadsNumbers) {
  EXPECT_THAT(ReadIpv4("10.1.2.3"), Optional(0x0a010203U));
  EXPECT_THAT(ReadIpv4("0x0a.010"), Optional(0x0a080000U)) << "the rest is zero";
  for (const char* const text :
       {"", "a", "1.2.3.4.5", "256.1.1.1", "1..2", "1.2.3.4x", "-1.0.0.0"}) {
    EXPECT_THAT(ReadIpv4(text), Eq(std::nullopt)) << text;
  }
}

TEST(NetMask, IsANumberOrOnesAndThenZeros) {
  for (const char* const text : {"24", "99", "255.255.255.0", "255.240.0.0", "0.0.0.0"}) {
    EXPECT_TRUE(IsNetMask(text)) << text;
  }
  for (const char* const text : {"", "x", "255.0.255.0", "24x", "4294967296", "0.0.0.255"}) {
    EXPECT_FALSE(IsNetMask(text)) << text;
  }
}

InterfaceRequest WithAddress(AgentString address, AgentString mask) {
  InterfaceRequest interface;
  interface.addresses.push_back({std::move(address), std::move(mask)});
  return interface;
}

TEST(Addresses, AreSetOrTakenAway) {
  for (const char* const address : {"10.0.0.2", "-10.0.0.2", ""}) {
    EXPECT_THAT(CheckAddresses(WithAddress(address, "24"), false), Optional(true)) << address;
  }
  EXPECT_THAT(CheckAddresses(WithAddress("nope", "24"), false), Optional(false));
  EXPECT_THAT(CheckAddresses(WithAddress("10.0.0.2", "nope"), false), Optional(false));
  EXPECT_THAT(CheckAddresses({}, false), Optional(true));
}

TEST(Addresses, KillTheAgentWhereTheyAreMissing) {
  EXPECT_EQ(CheckAddresses(WithAddress(std::nullopt, "24"), false), std::nullopt);
  EXPECT_EQ(CheckAddresses(WithAddress("10.0.0.2", std::nullopt), false), std::nullopt);
  EXPECT_THAT(CheckAddresses(WithAddress("", std::nullopt), false), Optional(true));
}

TEST(Addresses, OfOldAgentsAreOne) {
  EXPECT_THAT(CheckAddresses(WithAddress("10.0.0.2", "24"), true), Optional(true));
  EXPECT_THAT(CheckAddresses(WithAddress("10.0.0.2", std::nullopt), true), Optional(false));
  EXPECT_THAT(CheckAddresses({}, true), Optional(false));
}

RouteSetup Check(AgentString dest, AgentString gateway, AgentString device) {
  return CheckRoutes({{std::move(dest), std::move(gateway), std::move(device)}}, {"lo"});
}

TEST(Routes, AreCheckedInTheAgentsOrder) {
  EXPECT_EQ(Check("default", "10.0.0.1", "lo"), RouteSetup::kWorks);
  EXPECT_EQ(Check("10.1.0.0/16", std::nullopt, std::nullopt), RouteSetup::kWorks);
  EXPECT_EQ(Check("10.1", std::nullopt, std::nullopt), RouteSetup::kWorks);
  EXPECT_EQ(Check(std::nullopt, std::nullopt, std::nullopt), RouteSetup::kFails);
  EXPECT_EQ(Check("10.1.0.0/x", std::nullopt, std::nullopt), RouteSetup::kFails);
  EXPECT_EQ(Check("nope", "nope", "eth7"), RouteSetup::kFails) << "of the gateway";
  EXPECT_EQ(Check("nope", "10.0.0.1", "eth7"), RouteSetup::kFailsLate) << "of the device";
  EXPECT_EQ(Check("nope", "10.0.0.1", "lo"), RouteSetup::kFails) << "of the destination";
}

}  // namespace
}  // namespace hyperstart::detail
