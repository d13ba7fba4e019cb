// The way of an io packet: recorded, and given to the handler, by a service that runs on the test's
// thread.

#include "mock_hyperstart/detail/agent/io_service.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/wire.hpp"
#include "unit/service_test.hpp"

namespace hyperstart::detail {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class IoServiceTest : public ServiceTest {
 protected:
  /// A client that writes those bytes and ends its input, to its end.
  void Serve(std::string_view bytes) {
    client_->Write(bytes);
    client_->EndInput();
    service_.Serve(*connection_);
  }

  IoService::Handler handler_;
  IoService service_{io_, context_, handler_};
};

TEST_F(IoServiceTest, RecordsPackets) {
  Serve(wire::Io(1, "abc") + wire::Io(2, "d") + wire::Io(1));
  EXPECT_THAT(records_.TakePackets(),
              ElementsAre(IoPacket{1, "abc"}, IoPacket{2, "d"}, IoPacket{1, ""}));
  EXPECT_EQ(Conversation(),
            "--> seq 1           3 bytes  \"abc\"\n"
            "--> seq 2           1 byte   \"d\"\n"
            "--> seq 1           end of stream\n");
}

TEST_F(IoServiceTest, CallsTheHandlerWithEachPacketOnceItIsRecorded) {
  std::vector<IoPacket> handled;
  std::vector<IoPacket> recorded;
  handler_.Set(
      [&](const IoPacket& packet) {
        handled.push_back(packet);
        for (IoPacket& other : records_.TakePackets()) recorded.push_back(std::move(other));
        EXPECT_GE(recorded.size(), handled.size());
      },
      false);
  Serve(wire::Io(1, "abc") + wire::Io(2));
  EXPECT_THAT(handled, ElementsAre(IoPacket{1, "abc"}, IoPacket{2, ""}));
  EXPECT_EQ(handled, recorded);
}

TEST_F(IoServiceTest, ReportsWhatTheHandlerThrowsAndGoesOn) {
  handler_.Set([](const IoPacket&) { throw std::runtime_error("no idea"); }, false);
  Serve(wire::Io(1, "a") + wire::Io(2, "b"));
  EXPECT_THAT(records_.TakeErrors(),
              ElementsAre("the io handler threw at a frame of seq 1: no idea",
                          "the io handler threw at a frame of seq 2: no idea"));
  EXPECT_THAT(records_.TakePackets(), testing::SizeIs(2));
}

TEST_F(IoServiceTest, CallsTheHandlerNoMoreOnceTheConnectionIsClosing) {
  int calls = 0;
  handler_.Set(
      [&](const IoPacket&) {
        ++calls;
        connection_->Disconnect();
      },
      false);
  Serve(wire::Io(1, "a") + wire::Io(2, "b"));
  EXPECT_EQ(calls, 1);
}

TEST_F(IoServiceTest, LetsTheHandlerRemoveItself) {
  int calls = 0;
  handler_.Set(
      [&](const IoPacket&) {
        ++calls;
        handler_.Set(nullptr, true);
      },
      false);
  Serve(wire::Io(1, "a") + wire::Io(2, "b"));
  EXPECT_EQ(calls, 1);
  EXPECT_THAT(records_.TakePackets(), testing::SizeIs(2));
}

TEST_F(IoServiceTest, EndsAtABrokenHeader) {
  Serve(wire::Io(1, "whole") + wire::U64(1) + wire::U32(11) + wire::Io(1, "not understood"));
  EXPECT_THAT(records_.TakePackets(), ElementsAre(IoPacket{1, "whole"}));
  EXPECT_THAT(ViolationTexts(), ElementsAre(HasSubstr("length 11 is below")));
}

TEST_F(IoServiceTest, AllowsAFrameOfTheAgentsLimit) {
  options_.strict = true;
  Serve(wire::Io(1, std::string(4096 - 12, 'x')));
  EXPECT_THAT(ViolationTexts(), IsEmpty());
}

TEST_F(IoServiceTest, WarnsOfAFrameOverTheAgentsLimit) {
  Serve(wire::Io(1, std::string(4097 - 12, 'x')));
  EXPECT_THAT(ViolationTexts(), IsEmpty());
  EXPECT_THAT(Conversation(), HasSubstr("warning: a frame of 4097 bytes; the real agent dies"));
}

TEST_F(IoServiceTest, ReportsAFrameOverTheLimitOfTheTransportIfStrict) {
  options_.strict = true;
  options_.transport = Transport::kVsock;
  Serve(wire::Io(1, std::string(65536 - 12, 'x')) + wire::Io(1, std::string(65537 - 12, 'x')));
  EXPECT_THAT(ViolationTexts(), ElementsAre(HasSubstr("a frame of 65537 bytes")));
}

}  // namespace
}  // namespace hyperstart::detail
