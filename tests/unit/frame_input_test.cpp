// A client's frames, pulled step by step, and what is said of its framing.

#include "mock_hyperstart/detail/agent/frame_input.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "support/wire.hpp"
#include "unit/service_test.hpp"

namespace hyperstart::detail {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string Frame(Command command, std::string_view payload = {}) {
  return wire::Ctl(static_cast<std::uint32_t>(command), payload);
}

class FrameInputTest : public ServiceTest {
 protected:
  /// The payloads of all complete frames in what is left of the read.
  std::vector<std::string> Payloads() {
    std::vector<std::string> payloads;
    while (FrameStep<CtlHeader>* const step = input_.Next()) {
      if (step->complete) payloads.push_back(step->payload);
    }
    return payloads;
  }
  std::vector<std::string> ReadPayloads() {
    return input_.Read() ? Payloads() : std::vector<std::string>{"the input has ended"};
  }
  FrameReader<CtlHeader> reader_{options_.max_frame};
  FrameInput<CtlHeader> input_{Channel::kCtl, ctl_, *connection_, reader_, context_};
};

TEST_F(FrameInputTest, GivesTheFramesOfARead) {
  client_->Write(Frame(Command::kPing, "a") + Frame(Command::kPing, "b"));
  EXPECT_THAT(ReadPayloads(), ElementsAre("a", "b"));
  EXPECT_EQ(input_.Next(), nullptr);
}

TEST_F(FrameInputTest, JoinsAFrameAcrossReads) {
  const std::string frame = Frame(Command::kPing, "payload");
  client_->Write(frame.substr(0, 10));
  EXPECT_THAT(ReadPayloads(), IsEmpty());
  client_->Write(frame.substr(10));
  EXPECT_THAT(ReadPayloads(), ElementsAre("payload"));
}

TEST_F(FrameInputTest, EndsWithTheClient) {
  client_->EndInput();
  EXPECT_FALSE(input_.Read());
  EXPECT_THAT(ViolationTexts(), IsEmpty());
}

TEST_F(FrameInputTest, ReportsAClientThatLeavesInAFrame) {
  client_->Write(Frame(Command::kPing, "payload").substr(0, 10));
  client_->EndInput();
  ReadPayloads();
  EXPECT_FALSE(input_.Read());
  EXPECT_THAT(ViolationTexts(),
              ElementsAre("the client left when 10 of 15 bytes of a ping had arrived"));
}

TEST_F(FrameInputTest, ReportsAClientThatLeavesInAHeader) {
  client_->Write(Frame(Command::kPing).substr(0, 3));
  client_->EndInput();
  ReadPayloads();
  EXPECT_FALSE(input_.Read());
  EXPECT_THAT(ViolationTexts(),
              ElementsAre("the client left when 3 of 8 header bytes had arrived"));
}

TEST_F(FrameInputTest, DoesNotBlameAClientThatIsDisconnectedInAFrame) {
  client_->Write(Frame(Command::kPing, "payload").substr(0, 10));
  ReadPayloads();
  connection_->Disconnect();
  EXPECT_FALSE(input_.Read());
  EXPECT_THAT(ViolationTexts(), IsEmpty());
}

TEST_F(FrameInputTest, LeavesAHalfReadFrameOfAVirtioClientToTheNext) {
  options_.transport = Transport::kVirtio;
  client_->Write(Frame(Command::kPing, "payload").substr(0, 10));
  client_->EndInput();
  ReadPayloads();
  EXPECT_FALSE(input_.Read());
  EXPECT_THAT(ViolationTexts(), IsEmpty());
}

TEST_F(FrameInputTest, StopsAtABrokenHeaderAndReportsItLater) {
  const std::string broken = wire::U32(static_cast<std::uint32_t>(Command::kPing)) + wire::U32(4);
  client_->Write(Frame(Command::kPing, "whole") + broken + "not understood");
  ASSERT_TRUE(input_.Read());
  EXPECT_THAT(Payloads(), ElementsAre("whole"));
  EXPECT_TRUE(input_.broken());
  EXPECT_EQ(records_.TakeViolations().size(), 0u) << "first the frames before it are answered";
  input_.EndAtBrokenHeader();
  const std::vector<Violation> violations = records_.TakeViolations();
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_EQ(violations[0].channel, Channel::kCtl);
  EXPECT_THAT(violations[0].what, HasSubstr("length 4 is below the header's own 8 bytes"));
  EXPECT_EQ(violations[0].bytes, broken);
  EXPECT_FALSE(input_.Read()) << "what follows can't be understood";
}

TEST_F(FrameInputTest, GivesNothingMoreOnceTheConnectionIsClosing) {
  client_->Write(Frame(Command::kPing, "a") + Frame(Command::kPing, "b"));
  ASSERT_TRUE(input_.Read());
  ASSERT_NE(input_.Next(), nullptr);
  connection_->Disconnect();
  EXPECT_EQ(input_.Next(), nullptr);
}

TEST_F(FrameInputTest, TellsWaitsWhatHasArrivedOfAFrame) {
  records_.Open(Clock::now());
  records_.SetConnected(Channel::kCtl);
  const auto status = [this] {
    return records_.WaitForMessage(std::nullopt, std::chrono::milliseconds(0)).reason;
  };
  const std::string frame = Frame(Command::kPing, "payload");
  client_->Write(frame.substr(0, 10));
  ReadPayloads();
  EXPECT_THAT(status(), HasSubstr("ctl: connected, 10 of 15 bytes of a ping have arrived"));
  client_->Write(frame.substr(10));
  ReadPayloads();
  EXPECT_THAT(status(), HasSubstr("ctl: connected; io"));
}

// ---- Input that the real agent dies of

TEST_F(FrameInputTest, WarnsOfAHeaderWithoutItsPayload) {
  client_->Write(Frame(Command::kPing, "payload").substr(0, 8));
  ReadPayloads();
  EXPECT_THAT(ViolationTexts(), IsEmpty());
  EXPECT_THAT(Conversation(), HasSubstr("warning: 8 of 15 bytes of a ping had arrived"));
}

TEST_F(FrameInputTest, ReportsAHeaderWithoutItsPayloadIfStrict) {
  options_.strict = true;
  client_->Write(Frame(Command::kPing, "payload").substr(0, 8));
  ReadPayloads();
  EXPECT_THAT(ViolationTexts(), ElementsAre(HasSubstr("8 of 15 bytes of a ping had arrived")));
}

TEST_F(FrameInputTest, TellsTheHandlerOfFatalInput) {
  std::optional<Violation> told;
  fatal_input_handler_.Set([&](const Violation& violation) { told = violation; }, false);
  client_->Write(Frame(Command::kPing, "payload").substr(0, 8));
  ReadPayloads();
  ASSERT_TRUE(told);
  EXPECT_EQ(told->channel, Channel::kCtl);
  EXPECT_EQ(told->bytes, Frame(Command::kPing, "payload").substr(0, 8));
}

TEST_F(FrameInputTest, ReportsWhatTheHandlerOfFatalInputThrows) {
  fatal_input_handler_.Set([](const Violation&) { throw std::runtime_error("no idea"); }, false);
  client_->Write(Frame(Command::kPing, "payload").substr(0, 8));
  ReadPayloads();
  EXPECT_THAT(records_.TakeErrors(), ElementsAre("the fatal input handler threw: no idea"));
}

}  // namespace
}  // namespace hyperstart::detail
