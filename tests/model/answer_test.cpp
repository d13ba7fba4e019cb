// The model has one thread, as the agent has: from a command to its reply it does nothing else.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mock_hyperstart/agent_model.hpp>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "model/model_client.hpp"
#include "support/mock_test.hpp"

namespace hyperstart {
namespace {

/// Programs that only tell of a SIGTERM, ignore other signals, send back what they read, and whose
/// processes the test ends.
class Ignoring {
 public:
  Program program() {
    return Program::Custom([this](Process& process) {
      process.OnSignal([process](int number) {
        if (number == SIGTERM) process.Out("term");
      });
      process.OnStdin([process](const std::string& data) { process.Out(data); });
      const std::lock_guard lock(mutex_);
      started_.insert_or_assign(process.id(), process);
      changed_.notify_all();
    });
  }
  /// Waits until it is started.
  Process WaitFor(const std::string& id) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kDeadline, [&] { return started_.count(id) > 0; })) {
      throw std::runtime_error("the process was not started");
    }
    return started_.at(id);
  }
  bool HasStarted(const std::string& id) {
    const std::lock_guard lock(mutex_);
    return started_.count(id) > 0;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Process> started_;
};

Options KeepingAll(Transport transport = Transport::kUnixSocket) {
  Options options;
  options.transport = transport;
  options.keep_all = true;
  return options;
}

/// A pod with a container c1, whose init i1 of stream 1 sends back what it reads.
class AnswerTest : public testing::Test {
 protected:
  explicit AnswerTest(Options options = KeepingAll()) : agent_(std::move(options)) {
    model_->OnAnyProgram(programs_.program());
    agent_.Start();
    Connect();
    EXPECT_EQ(client_->Call(Command::kStartPod, kPodJson), Ack());
    EXPECT_EQ(client_->Call(Command::kNewContainer, Container("c1", "i1", 1)), Ack());
    programs_.WaitFor("i1");
  }

  void Connect() {
    client_.emplace(agent_.GetSocketPaths());
    EXPECT_TRUE(agent_.WaitForConnection(kDeadline));
    if (agent_.GetOptions().transport == Transport::kVirtio) {
      EXPECT_EQ(client_->ReadReply(), (Answered{Command::kReady, ""}));
    }
  }
  /// The client leaves, io first, so that what the model sends when ctl ends has no receiver.
  void Leave() {
    client_->io().Close();
    ASSERT_TRUE(agent_.WaitForDisconnect(Channel::kIo, kDeadline));
    client_->ctl().Close();
    ASSERT_TRUE(agent_.WaitForDisconnect(Channel::kCtl, kDeadline));
  }
  static Json Container(const std::string& id, const std::string& init, std::uint64_t seq) {
    return ContainerJson(id, ProcessJson(init, seq, {"/x"}));
  }
  /// Sends a newcontainer of c2 with init i2 and stream 3, which a plan answers with `reply`.
  /// Returns when the model has decided what to answer, and has not answered.
  void BeginContainer(const Reply& reply) {
    agent_.On(Command::kNewContainer).WillOnce(reply);
    client_->Send(Command::kNewContainer, Container("c2", "i2", 3));
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (model_->Containers().size() < 2) {
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("no container");
      std::this_thread::yield();
    }
  }
  /// Gives the model all there is to tell: the end of i1, input, and a stream that nobody has.
  void LetMuchHappen() {
    client_->Write(1, "in");
    client_->Write(77, "x");
    ASSERT_TRUE(agent_.ReadIo(77, kDeadline));
    programs_.WaitFor("i1").Exit(4);
  }
  /// The end of i1, on both channels.
  void ExpectEnd() {
    EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", "i1", 4}));
    wire::Frame frame = client_->ReadIo();
    while (frame.key == 77) frame = client_->ReadIo();
    EXPECT_EQ(frame, (wire::Frame{1, ""}));
  }
  /// The model tells of nothing since the last command came.
  void ExpectSilence() {
    EXPECT_FALSE(agent_.WaitForMessage(Command::kPing, kMoment));
    bool told = false;
    for (const Event& event : agent_.Events()) {
      if (event.kind == EventKind::kReceived && event.channel == Channel::kCtl) told = false;
      if (event.kind != EventKind::kSent || event.command == Command::kNext) continue;
      told = told || event.channel == Channel::kIo || event.command == Command::kProcessAsyncEvent;
    }
    EXPECT_FALSE(told);
  }

  Ignoring programs_;
  MockHyperstart agent_;
  std::unique_ptr<AgentModel> model_ = std::make_unique<AgentModel>(agent_);
  std::optional<ModelClient> client_;
};

TEST_F(AnswerTest, TellsNothingWhileAPlanDelaysItsReply) {
  const auto start = std::chrono::steady_clock::now();
  BeginContainer(Reply().After(50ms));
  LetMuchHappen();
  EXPECT_EQ(client_->ReadReply(), Ack());
  EXPECT_GE(std::chrono::steady_clock::now() - start, 50ms);
  EXPECT_FALSE(client_->HasEnds());
  ExpectEnd();
  programs_.WaitFor("i2");
  // In the conversation all of it stands behind the reply.
  bool replied = false;
  for (const Event& event : agent_.Events()) {
    if (event.kind == EventKind::kReceived && event.command == Command::kNewContainer) {
      replied = false;
    } else if (event.kind == EventKind::kSent && event.channel == Channel::kIo) {
      EXPECT_TRUE(replied) << testing::PrintToString(event);
    } else if (event.kind == EventKind::kSent && event.command == Command::kAck) {
      replied = true;
    }
  }
}

TEST_F(AnswerTest, TellsNothingWhileAReplyIsSentInPieces) {
  BeginContainer(Reply().InPieces(7, kForever));
  constexpr std::size_t kNexts = 2 * (wire::kCtlHeader + 4);
  EXPECT_EQ(client_->ctl().Read(kNexts + 7).substr(kNexts), wire::Ack().substr(0, 7));
  LetMuchHappen();
  ExpectSilence();
  Leave();
  Connect();
  ExpectEnd();
}

TEST_F(AnswerTest, GoesOnBeforeThePlansActionIsOver) {
  std::atomic<bool> ran{false};
  BeginContainer(Reply().After(1ms).Then([&] {
    programs_.WaitFor("i2");
    ran = true;
  }));
  EXPECT_EQ(client_->ReadReply(), Ack());
  EXPECT_EQ(client_->Call(Command::kPing), Ack());
  EXPECT_TRUE(ran);
}

TEST_F(AnswerTest, GoesOnAfterThePlansDisconnect) {
  BeginContainer(Reply().After(20ms).ThenDisconnect());
  programs_.WaitFor("i1").Exit(4);
  EXPECT_EQ(client_->ReadReply(), Ack());
  EXPECT_TRUE(client_->CtlCloses());
  EXPECT_TRUE(client_->IoCloses());
  Connect();
  ExpectEnd();
  programs_.WaitFor("i2");
}

TEST_F(AnswerTest, GoesOnWhenTheClientDoesNotWaitForTheReply) {
  BeginContainer(Reply().After(kForever));
  LetMuchHappen();
  ExpectSilence();
  Leave();
  Connect();
  ExpectEnd();
  programs_.WaitFor("i2");
}

TEST_F(AnswerTest, GoesOnWhenItsMockStops) {
  BeginContainer(Reply().After(kForever));
  ExpectSilence();
  EXPECT_FALSE(programs_.HasStarted("i2"));
  agent_.Stop();
  programs_.WaitFor("i2");
}

TEST_F(AnswerTest, MayEndWhileItAnswers) {
  BeginContainer(Reply().After(kForever));
  model_.reset();
  Leave();
  Connect();
  EXPECT_EQ(client_->Call(Command::kPing), Ack());
  EXPECT_FALSE(programs_.HasStarted("i2"));
}

TEST_F(AnswerTest, GoesOnThoughItsReplyCannotBeSent) {
  agent_.On(Command::kDestroyPod).WillOnce(Reply().WithLength(9));
  client_->Send(Command::kDestroyPod);
  EXPECT_EQ(client_->ReadIo(), (wire::Frame{1, "term"}));
  EXPECT_NONFATAL_FAILURE(agent_.Stop(), "the handler threw at a destroypod");
}

TEST_F(AnswerTest, CountsADestroyPodBeforeItEndsWhatRuns) {
  agent_.On(Command::kDestroyPod).WillOnce(Reply().After(20ms));
  client_->Send(Command::kDestroyPod);
  EXPECT_EQ(client_->ReadIo(), (wire::Frame{1, "term"}));
  const std::vector<Event> events = agent_.Events();
  const auto next = std::find_if(events.rbegin(), events.rend(), [](const Event& event) {
    return event.channel == Channel::kCtl && event.command == Command::kNext;
  });
  const auto term = std::find_if(events.rbegin(), events.rend(), [](const Event& event) {
    return event.channel == Channel::kIo && event.bytes == "term";
  });
  EXPECT_EQ(events.back().number, term->number);
  EXPECT_EQ(events.back().number - next->number, 2u) << "between them the empty reply";
  programs_.WaitFor("i1").Exit(4);
  EXPECT_EQ(client_->ReadReply(), Ack());
  ExpectEnd();
}

TEST_F(AnswerTest, ServesProcessesBetweenCommandsThatComeWithoutAPause) {
  std::string pings;
  for (int i = 0; i < 1000; ++i) pings += wire::Ctl(wire::kPing);
  std::atomic<bool> over{false};
  std::thread sends([&] {
    while (!over) client_->ctl().Write(pings);
    client_->ctl().EndInput();
  });
  EXPECT_EQ(client_->ReadReply(), Ack());
  programs_.WaitFor("i1").Exit(4);
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (!client_->HasEnds() && std::chrono::steady_clock::now() < deadline) client_->ReadReply();
  over = true;
  client_->ctl().ReadToEnd();
  sends.join();
  ExpectEnd();
}

/// A reply of which the socket does not take all.
class UnreadReplyTest : public AnswerTest, public testing::WithParamInterface<Transport> {
 protected:
  UnreadReplyTest() : AnswerTest(KeepingAll(GetParam())) {
    const std::string file = Json{{"container", "c1"}, {"file", "/f"}}.dump();
    EXPECT_EQ(client_->Call(Command::kWriteFile, file + content_), Ack());
    client_->Send(Command::kReadFile, file);
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (agent_.UnsentBytes(Channel::kCtl) == 0) {
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("all fits");
      std::this_thread::yield();
    }
    LetMuchHappen();
    ExpectSilence();
  }
  const std::string content_ = std::string(900'000, 'x');
};

TEST_P(UnreadReplyTest, HoldsAllUpUntilItIsRead) {
  EXPECT_EQ(client_->ReadReply(), Ack(content_));
  EXPECT_FALSE(client_->HasEnds());
  ExpectEnd();
}

TEST_P(UnreadReplyTest, HoldsNothingUpOnceItsClientHasLeft) {
  Leave();
  if (GetParam() == Transport::kUnixSocket) {
    Connect();
    ExpectEnd();
    EXPECT_EQ(client_->Call(Command::kPing), Ack());
  } else {  // the rest of the reply goes to the next client, and what was told before it came
    RawClient io = RawClient::Io(agent_.GetSocketPaths().io);
    wire::Frame frame = *io.ReadFrame();
    while (frame.key == 77) frame = *io.ReadFrame();
    EXPECT_EQ(frame, (wire::Frame{1, ""}));
  }
}

INSTANTIATE_TEST_SUITE_P(Transports, UnreadReplyTest,
                         testing::Values(Transport::kUnixSocket, Transport::kVirtio),
                         [](const auto& parameter) {
                           return parameter.param == Transport::kVirtio ? "Virtio" : "UnixSocket";
                         });

/// A client that signals processes which end at the same time, while its other thread keeps a
/// stream busy. A process of which the reply says that it runs has not told its end before.
TEST_F(AnswerTest, NeverTellsAnEndBetweenACommandAndItsReply) {
  constexpr std::uint64_t kProcesses = 300;
  std::atomic<bool> over{false};
  std::thread busy([&] {
    std::uint64_t ended = 0;
    for (bool closed = false; ended < kProcesses || !closed;) {
      closed = over;
      client_->Write(1, "x");
      wire::Frame frame = client_->ReadIo();
      while (frame.key != 1) {
        ++ended;
        frame = client_->ReadIo();
      }
    }
  });
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Process> ending;
  std::thread ends([&] {
    for (;;) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return ending || over; });
      if (over) return;
      const Process process = *std::exchange(ending, std::nullopt);
      lock.unlock();
      process.Exit(0);
    }
  });
  std::vector<bool> was_running(kProcesses);
  for (std::uint64_t i = 0; i < kProcesses; ++i) {
    const std::string id = "e" + std::to_string(i);
    EXPECT_EQ(client_->Call(Command::kExecCmd, ExecJson("c1", ProcessJson(id, 100 + i, {"/x"}))),
              Ack());
    const Process process = programs_.WaitFor(id);
    {
      const std::lock_guard lock(mutex);
      ending = process;
    }
    changed.notify_one();
    const Answered answered = client_->Call(Command::kSignalProcess, SignalJson("c1", id, SIGCONT));
    was_running[i] = answered.command == Command::kAck;
    EXPECT_NE(client_->HasEnds(), was_running[i]) << id;
    EXPECT_EQ(client_->ReadEnd(), (Ended{"c1", id, 0}));
  }
  {
    const std::lock_guard lock(mutex);
    over = true;
  }
  changed.notify_one();
  ends.join();
  busy.join();
  // The same of the streams, in the order in which the mock sent.
  std::string signalled;  // whose reply has not been sent
  std::vector<bool> stream_ended(kProcesses);
  for (const Event& event : agent_.Events()) {
    const bool sent = event.kind == EventKind::kSent;
    if (event.channel == Channel::kIo) {
      if (sent && event.seq >= 100) stream_ended[event.seq - 100] = true;
    } else if (event.kind == EventKind::kReceived) {
      signalled.clear();
      if (event.command == Command::kSignalProcess) {
        signalled = Json::parse(event.bytes).at("process");
      }
    } else if (sent && !signalled.empty() &&
               (event.command == Command::kAck || event.command == Command::kError)) {
      const std::size_t i = std::stoul(signalled.substr(1));
      EXPECT_NE(stream_ended[i], was_running[i]) << signalled;
    }
  }
}

}  // namespace
}  // namespace hyperstart
