// A server's whole life, as each test has one.

#ifndef MOCK_HYPERSTART_TESTS_BENCHMARKS_LIFE_HPP_
#define MOCK_HYPERSTART_TESTS_BENCHMARKS_LIFE_HPP_

#include "benchmarks/client.hpp"
#include "benchmarks/wire.hpp"

/// Construct, start, connect both channels, ping once, stop.
template <typename Server>
void LiveOnce() {
  Server server;
  server.Start();
  Client client(server.ctl_path(), server.io_path());
  client.Command(CtlFrame(kPing, {}));
  server.Stop();
}

#endif  // MOCK_HYPERSTART_TESTS_BENCHMARKS_LIFE_HPP_
