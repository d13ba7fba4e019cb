// The contenders under one set of names: the bare server, keeping nothing or all, and the mock as a
// user has it, with everything on. Each with a client of its own.

#ifndef MOCK_HYPERSTART_TESTS_BENCHMARKS_SERVERS_HPP_
#define MOCK_HYPERSTART_TESTS_BENCHMARKS_SERVERS_HPP_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mock_hyperstart.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "benchmarks/bare_server.hpp"
#include "benchmarks/client.hpp"
#include "benchmarks/wire.hpp"

/// RAW: parses and answers, keeps nothing.
struct Raw : BareServer {
  static constexpr const char* kName = "raw";
  Raw() : BareServer(Config{}) {}
};

/// RAW that polls before it reads: the fair baseline towards the client, whose reads don't wake it.
struct PollingRaw : BareServer {
  static constexpr const char* kName = "polling";
  PollingRaw() : BareServer(Config{false, true}) {}
};

/// RAW+RECORD: also keeps every message.
struct Recording : BareServer {
  static constexpr const char* kName = "record";
  Recording() : BareServer(Config{true, false}) {}
};

class Mock {
 public:
  static constexpr const char* kName = "mock";

  void Start() { agent_.Start(); }
  void Stop() { agent_.Stop(); }
  const std::string& ctl_path() const { return agent_.GetSocketPaths().ctl; }
  const std::string& io_path() const { return agent_.GetSocketPaths().io; }
  void WaitForClient() { Check(bool(agent_.WaitForConnection()), "no connection"); }
  void SendIo(std::uint64_t seq, std::string_view data) { agent_.SendIo(seq, data); }
  void WaitForLast() { Check(bool(agent_.ReadIo(kLastSeq)), "the last frame is missing"); }
  void Forget() {
    agent_.GetLastMessages();
    agent_.GetLastIoPackets();
  }
  hyperstart::MockHyperstart& agent() { return agent_; }

 private:
  hyperstart::MockHyperstart agent_;
};

/// A server behind a mock that passes its client on to it.
template <typename Server>
class Spied {
 public:
  static constexpr const char* kName = "spy";

  void Start() {
    agent_.Start();
    spy_.ForwardTo({agent_.ctl_path(), agent_.io_path()});
    spy_.Start();
  }
  const std::string& ctl_path() const { return spy_.GetSocketPaths().ctl; }
  const std::string& io_path() const { return spy_.GetSocketPaths().io; }
  void WaitForClient() { agent_.WaitForClient(); }
  void SendIo(std::uint64_t seq, std::string_view data) { agent_.SendIo(seq, data); }

 private:
  Server agent_;
  hyperstart::MockHyperstart spy_;
};

/// A server that listens, and its client, connected to both channels.
template <typename Server>
class Pair {
 public:
  Pair() {
    server_.Start();
    client_.emplace(server_.ctl_path(), server_.io_path());
    server_.WaitForClient();
  }
  Server& server() { return server_; }
  Client& client() { return *client_; }

 private:
  Server server_;
  std::optional<Client> client_;
};

/// A thread of the test that is blocked in ReadIo from its first moment on the processor until the
/// destructor ends its wait with an io frame. `pair` has to outlive it.
class BlockedReader {
 public:
  explicit BlockedReader(Pair<Mock>& pair) : pair_(pair), thread_([&pair] { Read(pair); }) {}
  BlockedReader(const BlockedReader&) = delete;
  BlockedReader& operator=(const BlockedReader&) = delete;
  ~BlockedReader() {
    pair_.client().WriteIo(IoFrame(kLastSeq, {}));
    thread_.join();
  }

 private:
  static void Read(Pair<Mock>& pair) {
    Check(bool(pair.server().agent().ReadIo(std::chrono::hours(1))), "the wait was ended early");
  }

  Pair<Mock>& pair_;
  std::thread thread_;
};

#endif  // MOCK_HYPERSTART_TESTS_BENCHMARKS_SERVERS_HPP_
