// The contenders under one set of names: the bare server, keeping nothing or all, and the mock as a
// user has it, with everything on.

#ifndef MOCK_HYPERSTART_TESTS_BENCHMARKS_SERVERS_HPP_
#define MOCK_HYPERSTART_TESTS_BENCHMARKS_SERVERS_HPP_

#include <sched.h>

#include <cstddef>
#include <cstdint>
#include <mock_hyperstart.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "benchmarks/bare_server.hpp"
#include "benchmarks/client.hpp"

struct Raw : BareServer {
  static constexpr const char* kName = "raw";
  Raw() : BareServer(false) {}
};

struct Recording : BareServer {
  static constexpr const char* kName = "record";
  Recording() : BareServer(true) {}
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

#endif  // MOCK_HYPERSTART_TESTS_BENCHMARKS_SERVERS_HPP_
