// One channel of the bare server: a listening Unix socket, and a thread that accepts and serves one
// client after another, blocking. Knows nothing of frames.

#ifndef MOCK_HYPERSTART_TESTS_BENCHMARKS_BARE_CHANNEL_HPP_
#define MOCK_HYPERSTART_TESTS_BENCHMARKS_BARE_CHANNEL_HPP_

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>

#include "benchmarks/wire.hpp"

class BareChannel {
 public:
  BareChannel() = default;
  BareChannel(const BareChannel&) = delete;
  BareChannel& operator=(const BareChannel&) = delete;
  ~BareChannel() { Stop(); }

  /// Listens at `path` on return. serve(client) runs on the channel's thread, once for each client,
  /// and returns when that client has left.
  template <typename Serve>
  void Start(std::string path, Serve serve) {
    path_ = std::move(path);
    listening_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = AddressOf(path_);
    Check(::bind(listening_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
              ::listen(listening_, SOMAXCONN) == 0,
          "listen");
    stopping_ = false;
    thread_ = std::thread([this, serve = std::move(serve)] { AcceptClients(serve); });
  }
  /// Disconnects the client, joins the thread and removes the socket file. Idempotent.
  void Stop() {
    if (!thread_.joinable()) return;
    stopping_ = true;
    ::shutdown(listening_, SHUT_RDWR);
    ::shutdown(client_, SHUT_RDWR);
    thread_.join();
    ::close(listening_);
    ::unlink(path_.c_str());
  }

  const std::string& path() const { return path_; }
  /// The descriptor of the connected client, or -1.
  int client() const { return client_; }

 private:
  template <typename Serve>
  void AcceptClients(const Serve& serve) {
    while (!stopping_) {
      const int client = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) continue;
      client_ = client;
      if (!stopping_) serve(client);
      client_ = -1;
      ::close(client);
    }
  }

  std::string path_;
  int listening_ = -1;
  std::atomic<int> client_{-1};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

#endif  // MOCK_HYPERSTART_TESTS_BENCHMARKS_BARE_CHANNEL_HPP_
