// What a spy keeps of records that nobody takes.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "support/mock_test.hpp"

namespace hyperstart {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr std::size_t kMiB = 1024 * 1024;
/// What a spy keeps of a channel.
constexpr std::size_t kKept = 16 * kMiB;
constexpr std::uint64_t kFlooded = 7;

/// What is left of each packet is known by its number.
std::string NumberedData(std::size_t number) {
  std::string data = std::to_string(number);
  data.resize(64 * 1024, 'x');
  return data;
}
constexpr std::size_t kPackets = 3 * kKept / (64 * 1024);

std::size_t Count(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

constexpr const char kDroppingBegins[] = "from now on a mock that forwards drops the oldest";

class SpyMemoryTest : public testing::Test {
 protected:
  void Start(MockHyperstart& spy) {
    agent_.Start();
    spy.ForwardTo(agent_.GetSocketPaths());
    spy.Start();
  }
  /// A client that writes kPackets packets and leaves. When the agent learns that, the spy has
  /// recorded them all.
  void WritePackets(MockHyperstart& spy) {
    RawClient client = RawClient::Io(spy.GetSocketPaths().io);
    for (std::size_t i = 0; i < kPackets; ++i) client.Write(wire::Io(kFlooded, NumberedData(i)));
    client.Close();
    ASSERT_TRUE(agent_.WaitForDisconnect(Channel::kIo, kDeadline));
  }

  MockHyperstart agent_;
};

TEST_F(SpyMemoryTest, KeepsTheNewestPacketsThatNobodyTakes) {
  MockHyperstart spy;
  Start(spy);
  WritePackets(spy);
  EXPECT_EQ(Count(spy.Transcript(), kDroppingBegins), 1u);

  std::size_t bytes = 0;
  const std::vector<IoPacket> left = spy.GetLastIoPackets();
  ASSERT_LT(left.size(), kPackets);
  for (std::size_t i = 0; i < left.size(); ++i) {
    ASSERT_EQ(left[i], (IoPacket{kFlooded, NumberedData(kPackets - left.size() + i)}));
    bytes += left[i].data.size();
  }
  EXPECT_LE(bytes, kKept);
  EXPECT_GT(bytes, kKept - kMiB);

  spy.Stop();
  EXPECT_THAT(spy.Transcript(), HasSubstr(std::to_string(kPackets - left.size()) + " of " +
                                          std::to_string(kPackets) + " records dropped"));
  EXPECT_EQ(agent_.GetLastIoPackets().size(), kPackets) << "a mock that does not forward keeps all";
}

TEST_F(SpyMemoryTest, FailsReadsThatLackWhatWasDroppedUntilTheRestIsTaken) {
  MockHyperstart spy;
  Start(spy);
  WritePackets(spy);
  const auto is_honest = AllOf(HasSubstr("older packets were dropped"),
                               HasSubstr("take them earlier, or set Options::keep_all"));
  EXPECT_THAT(ErrorOf([&] { *spy.ReadStream(kFlooded, 1, kDeadline); }), is_honest);
  EXPECT_THAT(ErrorOf([&] { *spy.ReadStreamToEnd(kFlooded, kDeadline); }), is_honest);
  EXPECT_THAT(ErrorOf([&] { *spy.ReadIo(kFlooded, kDeadline); }), is_honest);
  EXPECT_THAT(ErrorOf([&] { *spy.ReadIo(kDeadline); }), is_honest);

  RawClient client = RawClient::Io(spy.GetSocketPaths().io);
  client.Write(wire::Io(kFlooded + 1, "abc") + wire::Io(kFlooded + 1));
  EXPECT_EQ(*spy.ReadStreamToEnd(kFlooded + 1, kDeadline), "abc") << "nothing of it was dropped";
  spy.GetLastIoPackets();
  client.Write(wire::Io(kFlooded, "def") + wire::Io(kFlooded));
  EXPECT_EQ(*spy.ReadStreamToEnd(kFlooded, kDeadline), "def");
}

TEST_F(SpyMemoryTest, KeepsTheNewestMessagesThatNobodyTakes) {
  MockHyperstart spy;
  Start(spy);
  RawClient client = RawClient::Ctl(spy.GetSocketPaths().ctl);
  for (int i = 0; i < 20; ++i) client.Call(wire::kPing, std::string(kMiB, 'x'));
  client.Call(wire::kStartPod, "{}");
  EXPECT_EQ(Count(spy.Transcript(), kDroppingBegins), 1u);
  EXPECT_THAT(ErrorOf([&] { *spy.WaitForMessage(Command::kPing, kDeadline); }),
              HasSubstr("older messages were dropped"));
  EXPECT_EQ(*spy.WaitForMessage(Command::kStartPod, kDeadline), Message(Command::kStartPod, "{}"));
  EXPECT_EQ(spy.GetLastMessages().size(), 15u) << "each takes a little more than its payload";
}

TEST_F(SpyMemoryTest, KeepsEverythingWithKeepAll) {
  MockHyperstart spy{KeepAll()};
  Start(spy);
  WritePackets(spy);
  EXPECT_EQ(spy.GetLastIoPackets().size(), kPackets);
  EXPECT_THAT(spy.Transcript(), Not(HasSubstr(kDroppingBegins)));
}

}  // namespace
}  // namespace hyperstart
