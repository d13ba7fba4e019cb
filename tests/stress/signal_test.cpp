// Signals in the test program, and jumps of the system clock, change nothing.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>

#include "stress/process.hpp"
#include "stress/system_faults.hpp"
#include "support/mock_test.hpp"

namespace hyperstart {
namespace {

/// A conversation with every wait, every kind of reply and a full queue, on both channels.
void ConverseInFull(Started& agent) {
  const std::string much = wire::Pattern(700'000);
  RawClient ctl = agent.Ctl();
  RawClient io = agent.Io();
  ASSERT_TRUE(agent.WaitForConnection(kDeadline));
  agent.On(Command::kPing)
      .WillOnce(Reply::Ack("a").InPieces(1, 1ms))
      .WillOnce(Reply::Ack("b").After(5ms))
      .WillOnce(Reply::Ack(much));
  EXPECT_EQ(ctl.Call(wire::kPing).reply.payload, "a");
  EXPECT_EQ(ctl.Call(wire::kPing).reply.payload, "b");
  EXPECT_EQ(ctl.Call(wire::kPing).reply.payload, much);
  EXPECT_EQ(ctl.Call(wire::kStartPod, much).next, 8 + much.size());
  EXPECT_EQ(agent.WaitForMessage(Command::kStartPod, kDeadline)->payload, much);
  EXPECT_EQ(agent.GetLastMessages().size(), 3u);

  agent.SendIo(1, much);
  EXPECT_EQ(io.ReadFrame()->payload, much);
  std::thread writer([&] {
    io.Write(wire::Io(2, much));
    io.Write(wire::Io(2));
  });
  EXPECT_EQ(*agent.ReadStreamToEnd(2, kDeadline), much);
  writer.join();

  EXPECT_FALSE(agent.ReadIo(10ms));  // waits until the timeout
  ctl.Close();
  io.Close();
  EXPECT_TRUE(agent.WaitForDisconnect(Channel::kCtl, kDeadline));
  EXPECT_TRUE(agent.WaitForDisconnect(Channel::kIo, kDeadline));
}

std::atomic<std::size_t> caught{0};

/// Sends a signal every 200 µs to whichever thread takes it, and as many to the thread that
/// constructed it. The handler is installed without SA_RESTART, so system calls fail with EINTR.
class Storm {
 public:
  Storm() {
    struct sigaction action {};
    action.sa_handler = [](int) { ++caught; };
    ::sigaction(SIGALRM, &action, &before_);
    constexpr std::chrono::microseconds kEach{process::kSanitized ? 2000 : 200};
    const timeval each = {0, kEach.count()};
    const itimerval timer = {each, each};
    ::setitimer(ITIMER_REAL, &timer, nullptr);
    sender_ = std::thread([this, victim = ::pthread_self()] {
      sigset_t alarm;
      ::sigemptyset(&alarm);
      ::sigaddset(&alarm, SIGALRM);
      ::pthread_sigmask(SIG_BLOCK, &alarm, nullptr);
      while (!over_) {
        const std::size_t seen = caught;
        ::pthread_kill(victim, SIGALRM);
        while (!over_ && caught == seen) std::this_thread::yield();
      }
    });
  }
  Storm(const Storm&) = delete;
  Storm& operator=(const Storm&) = delete;
  ~Storm() {
    over_ = true;
    sender_.join();
    const itimerval none{};
    ::setitimer(ITIMER_REAL, &none, nullptr);
    ::sigaction(SIGALRM, &before_, nullptr);
  }

 private:
  struct sigaction before_ {};
  std::atomic<bool> over_{false};
  std::thread sender_;
};

TEST(Signals, InAStormChangeNothing) {
  Started agent;
  const Storm storm;
  for (const std::size_t start = caught; caught < start + 200;) ConverseInFull(agent);
  agent.Stop();
  agent.Start();
  ConverseInFull(agent);
}

TEST(Signals, AreNotTakenByTheMocksThreads) {
  static std::atomic<bool> elsewhere{false};
  static pthread_t self;
  self = ::pthread_self();
  Started agent;
  RawClient io = agent.Io();
  ASSERT_TRUE(agent.WaitForConnection(Channel::kIo, kDeadline));
  agent.SendIo(1, std::string(3'000'000, 'x'));  // starts a writer thread
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) {
    if (::pthread_equal(::pthread_self(), self) == 0) elsewhere = true;
    ++caught;
  };
  ::sigaction(SIGUSR1, &action, &before);
  sigset_t blocked;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  ::kill(::getpid(), SIGUSR1);  // to any thread that does not block it: that must be this one
  EXPECT_EQ(io.ReadFrame()->payload.size(), 3'000'000u);
  const std::size_t start = caught;
  ::pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr);
  EXPECT_EQ(caught, start + 1);
  EXPECT_FALSE(elsewhere);
  ::sigaction(SIGUSR1, &before, nullptr);
}

TEST(Signals, ABrokenPipeKillsNobody) {
  ASSERT_NE(::signal(SIGPIPE, SIG_DFL), SIG_ERR);
  Started agent;
  for (int i = 0; i < 100; ++i) {
    RawClient ctl = agent.Ctl();
    RawClient io = agent.Io();
    ASSERT_TRUE(agent.WaitForConnection(kDeadline));
    if (i % 2 == 0) agent.SendIo(1, std::string(500'000, 'x'));  // while the writer thread sends
    ctl.Write(wire::Ctl(wire::kPing) + wire::Ctl(wire::kPing));
    ctl.Close();
    io.Close();
    for (int n = 0; n < 20; ++n) {
      agent.SendReady();
      agent.SendIo(1, "to a client that has left");
    }
    ASSERT_TRUE(agent.WaitForDisconnect(Channel::kCtl, kDeadline));
    ASSERT_TRUE(agent.WaitForDisconnect(Channel::kIo, kDeadline));
    agent.Stop();
    agent.Start();
  }
}

TEST(Clock, ThatJumpsChangesNothing) {
  Started agent;
  const system_faults::JumpingClock jumping;
  const auto now = std::chrono::system_clock::now();
  ASSERT_GE(std::chrono::system_clock::now() - now, 1h);  // the clock does jump
  ConverseInFull(agent);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(agent.ReadIo(30ms));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 30ms);
}

}  // namespace
}  // namespace hyperstart
