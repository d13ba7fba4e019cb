// The baseline: what hyperstart's two channels cost on bare sockets. Two blocking threads, one a
// channel; each reads what there is, parses it, and answers all of a read with one write. Keeps
// nothing, or every message under a mutex. No faults, no transcript, one client after another; the
// client is trusted.

#ifndef MOCK_HYPERSTART_TESTS_BENCHMARKS_BARE_SERVER_HPP_
#define MOCK_HYPERSTART_TESTS_BENCHMARKS_BARE_SERVER_HPP_

#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "benchmarks/bare_channel.hpp"
#include "benchmarks/bare_frames.hpp"
#include "benchmarks/wire.hpp"

class BareServer {
 public:
  struct Config {
    bool keeps = false;        // every message
    bool polls_first = false;  // FrameReading::polls_first, on both channels
  };
  struct Message {
    std::uint64_t key;
    std::string payload;
  };

  explicit BareServer(Config config)
      : config_(config), directory_(TemporaryParent() + "/bare.XXXXXX") {
    Check(::mkdtemp(directory_.data()) != nullptr, "mkdtemp");
    ::sem_init(&last_arrived_, 0, 0);
  }
  BareServer(const BareServer&) = delete;
  BareServer& operator=(const BareServer&) = delete;
  ~BareServer() {
    Stop();
    ::rmdir(directory_.c_str());
    ::sem_destroy(&last_arrived_);
  }

  void Start() {
    ctl_.Start(directory_ + "/ctl.sock", [this](int client) { ServeCtl(client); });
    io_.Start(directory_ + "/io.sock", [this](int client) { ServeIo(client); });
  }
  void Stop() {
    ctl_.Stop();
    io_.Stop();
  }

  const std::string& ctl_path() const { return ctl_.path(); }
  const std::string& io_path() const { return io_.path(); }

  /// Blocks while the client's socket is full.
  void SendIo(std::uint64_t seq, std::string_view data) {
    std::string header = IoFrame(seq, {});
    PutBigEndian(header.data() + 8, kIoHeader + data.size(), 4);
    const std::array<iovec, 2> parts{
        {{header.data(), header.size()}, {const_cast<char*>(data.data()), data.size()}}};
    Check(::writev(io_.client(), parts.data(), static_cast<int>(parts.size())) ==
              static_cast<ssize_t>(kIoHeader + data.size()),
          "writev");
  }
  void WaitForClient() const {
    while (ctl_.client() < 0 || io_.client() < 0) ::sched_yield();
  }
  /// Blocks until a frame of kLastSeq has come.
  void WaitForLast() {
    while (::sem_wait(&last_arrived_) != 0) {
    }
  }
  /// The oldest message that is kept; blocks until there is one. For one thread, and io only: the
  /// ctl channel tells nobody of its messages.
  Message TakeIo() {
    std::unique_lock lock(mutex_);
    io_arrived_.wait(lock, [this] { return taken_ < messages_.size(); });
    Message message = std::move(messages_[taken_++]);
    if (taken_ == messages_.size()) ForgetLocked();
    return message;
  }
  void Forget() {
    const std::lock_guard lock(mutex_);
    ForgetLocked();
  }

 private:
  void Keep(std::uint64_t key, std::string& payload) {
    if (!config_.keeps) return;
    const std::lock_guard lock(mutex_);
    messages_.push_back({key, std::move(payload)});
  }
  void ForgetLocked() {
    messages_.clear();
    taken_ = 0;
  }

  void ServeCtl(int client) {
    std::string out;
    const auto append_next = [&out](std::size_t bytes) {
      if (bytes == 0) return;
      std::array<char, 12> next{0, 0, 0, kNext, 0, 0, 0, 12};
      PutBigEndian(next.data() + 8, bytes, 4);
      out.append(next.data(), next.size());
    };
    ReadFrames(
        client, {4, config_.keeps, config_.polls_first},
        [&append_next](std::size_t of_header, std::size_t of_payload) {
          append_next(of_header);
          append_next(of_payload);
        },
        [this, &out](std::uint64_t command, std::string& payload) {
          Keep(command, payload);
          out.append({0, 0, 0, kAck, 0, 0, 0, 8});
        },
        [client, &out] {
          if (::write(client, out.data(), out.size()) < 0) ::shutdown(client, SHUT_RDWR);
          out.clear();
        });
  }

  void ServeIo(int client) {
    ReadFrames(
        client, {8, config_.keeps, config_.polls_first}, [](std::size_t, std::size_t) {},
        [this](std::uint64_t seq, std::string& payload) {
          Keep(seq, payload);
          if (seq == kLastSeq) ::sem_post(&last_arrived_);
        },
        [this] { io_arrived_.notify_one(); });  // once a read; without a waiter no system call
  }

  const Config config_;
  std::string directory_;
  sem_t last_arrived_{};
  std::mutex mutex_;
  std::condition_variable io_arrived_;
  std::vector<Message> messages_;  // by mutex_
  std::size_t taken_ = 0;          // by mutex_: of messages_, those that TakeIo has returned
  BareChannel ctl_;                // last: their threads use what is above
  BareChannel io_;
};

#endif  // MOCK_HYPERSTART_TESTS_BENCHMARKS_BARE_SERVER_HPP_
