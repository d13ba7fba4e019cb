// The baseline: what hyperstart's two channels cost on bare sockets. Two blocking threads, one a
// channel; each reads what there is, parses it, and answers all of a read with one write. Keeps
// nothing, or every message under a mutex. No faults, no waits, no transcript, one client after
// another; the client is trusted.

#ifndef MOCK_HYPERSTART_TESTS_BENCHMARKS_BARE_SERVER_HPP_
#define MOCK_HYPERSTART_TESTS_BENCHMARKS_BARE_SERVER_HPP_

#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "benchmarks/wire.hpp"

class BareServer {
 public:
  explicit BareServer(bool keeps) : keeps_(keeps), directory_(TemporaryParent() + "/bare.XXXXXX") {
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
    ctl_.Listen(directory_ + "/ctl.sock");
    io_.Listen(directory_ + "/io.sock");
    ctl_.thread = std::thread([this] { Accept(ctl_, [this](int client) { ServeCtl(client); }); });
    io_.thread = std::thread([this] { Accept(io_, [this](int client) { ServeIo(client); }); });
  }
  void Stop() {
    for (Line* const line : {&ctl_, &io_}) {
      if (!line->thread.joinable()) continue;
      line->stopping = true;
      ::shutdown(line->listening, SHUT_RDWR);
      ::shutdown(line->client, SHUT_RDWR);
      line->thread.join();
      ::close(line->listening);
      ::unlink(line->path.c_str());
    }
  }

  const std::string& ctl_path() const { return ctl_.path; }
  const std::string& io_path() const { return io_.path; }

  void SendIo(std::uint64_t seq, std::string_view data) {
    std::string header = IoFrame(seq, {});
    PutBigEndian(header.data() + 8, kIoHeader + data.size(), 4);
    const iovec parts[] = {{header.data(), header.size()},
                           {const_cast<char*>(data.data()), data.size()}};
    Check(::writev(io_.client, parts, 2) == static_cast<ssize_t>(kIoHeader + data.size()),
          "writev");
  }
  void WaitForClient() const {
    while (ctl_.client < 0 || io_.client < 0) ::sched_yield();
  }
  /// Blocks until a frame of kLastSeq has come.
  void WaitForLast() {
    while (::sem_wait(&last_arrived_) != 0) {
    }
  }
  void Forget() {
    const std::lock_guard lock(mutex_);
    messages_.clear();
  }

 private:
  static constexpr std::size_t kReadSize = 128 * 1024;

  struct Message {
    std::uint64_t key;
    std::string payload;
  };
  struct Line {
    void Listen(std::string at) {
      path = std::move(at);
      listening = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const sockaddr_un address = AddressOf(path);
      Check(::bind(listening, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
                ::listen(listening, SOMAXCONN) == 0,
            "listen");
      stopping = false;
    }
    std::string path;
    int listening = -1;
    std::atomic<int> client{-1};
    std::atomic<bool> stopping{false};
    std::thread thread;
  };

  template <typename ServeClient>
  static void Accept(Line& line, const ServeClient& serve) {
    while (!line.stopping) {
      const int client = ::accept4(line.listening, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) continue;
      line.client = client;
      if (!line.stopping) serve(client);
      line.client = -1;
      ::close(client);
    }
  }

  /// Calls on_part(header bytes, payload bytes) for each part of a frame, on_frame(key, payload)
  /// at its end, and on_read_end() after each read. The payload is empty where nothing is kept.
  template <typename OnPart, typename OnFrame, typename OnReadEnd>
  void Parse(int client, std::size_t key_size, const OnPart& on_part, const OnFrame& on_frame,
             const OnReadEnd& on_read_end) {
    const std::unique_ptr<char[]> buffer(new char[kReadSize]);
    const std::size_t header_size = key_size + 4;
    char header[kIoHeader];
    std::size_t have = 0, missing = 0;
    std::string payload;
    for (ssize_t count; (count = ::read(client, buffer.get(), kReadSize)) > 0; on_read_end()) {
      std::string_view bytes(buffer.get(), static_cast<std::size_t>(count));
      while (!bytes.empty()) {
        const std::size_t of_header = std::min(header_size - have, bytes.size());
        std::memcpy(header + have, bytes.data(), of_header);
        have += of_header;
        bytes.remove_prefix(of_header);
        if (have < header_size) {
          on_part(of_header, 0);
          break;
        }
        if (of_header > 0) {
          missing = GetBigEndian(header + key_size, 4) - header_size;
          if (keeps_) payload.reserve(missing);
        }
        const std::size_t part = std::min(missing, bytes.size());
        if (keeps_) payload.append(bytes.data(), part);
        bytes.remove_prefix(part);
        missing -= part;
        on_part(of_header, part);
        if (missing > 0) break;
        on_frame(GetBigEndian(header, key_size), payload);
        payload.clear();
        have = 0;
      }
    }
  }

  void Keep(std::uint64_t key, std::string& payload) {
    if (!keeps_) return;
    const std::lock_guard lock(mutex_);
    messages_.push_back({key, std::move(payload)});
  }

  void ServeCtl(int client) {
    std::string out;
    const auto append_next = [&](std::size_t bytes) {
      if (bytes == 0) return;
      char next[] = {0, 0, 0, kNext, 0, 0, 0, 12, 0, 0, 0, 0};
      PutBigEndian(next + 8, bytes, 4);
      out.append(next, sizeof(next));
    };
    Parse(
        client, 4,
        [&](std::size_t of_header, std::size_t of_payload) {
          append_next(of_header);
          append_next(of_payload);
        },
        [&](std::uint64_t command, std::string& payload) {
          Keep(command, payload);
          out.append({0, 0, 0, kAck, 0, 0, 0, 8});
        },
        [&] {
          if (::write(client, out.data(), out.size()) < 0) ::shutdown(client, SHUT_RDWR);
          out.clear();
        });
  }

  void ServeIo(int client) {
    Parse(
        client, 8, [](std::size_t, std::size_t) {},
        [&](std::uint64_t seq, std::string& payload) {
          Keep(seq, payload);
          if (seq == kLastSeq) ::sem_post(&last_arrived_);
        },
        [] {});
  }

  const bool keeps_;
  std::string directory_;
  Line ctl_;
  Line io_;
  sem_t last_arrived_;
  std::mutex mutex_;
  std::vector<Message> messages_;
};

#endif  // MOCK_HYPERSTART_TESTS_BENCHMARKS_BARE_SERVER_HPP_
