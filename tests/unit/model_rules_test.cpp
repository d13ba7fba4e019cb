#include "mock_hyperstart/detail/recording/model_rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>

namespace hyperstart::detail {
namespace {

using testing::HasSubstr;

TEST(ModelRules, NameTheirEvidence) {
  EXPECT_EQ(DescribeModelRule(Command::kPing), "ack [virtio-03a-ping]");
  EXPECT_THAT(DescribeModelRule(Command::kStartPod), HasSubstr("[virtio-06e-startpod-bad-json, "));
  EXPECT_EQ(DescribeModelRule(Command{99}), "error: no command of a client [virtio-04a-odd-codes]");
}

TEST(ModelRules, AreOneForACommand) {
  std::set<std::uint32_t> commands;
  for (const ModelRule& rule : kModelRules) {
    EXPECT_TRUE(commands.insert(static_cast<std::uint32_t>(rule.command)).second);
    EXPECT_FALSE(rule.rule.empty());
    EXPECT_FALSE(rule.evidence.empty());
  }
}

}  // namespace
}  // namespace hyperstart::detail
