// What runs in a process of its own, because it counts what belongs to the whole process: memory,
// threads, descriptors, system calls. The process is this program again, with `--alone WHAT SERVER
// COUNT`, so that no other benchmark has left memory to be used again.

#ifndef MOCK_HYPERSTART_TESTS_BENCHMARKS_ALONE_HPP_
#define MOCK_HYPERSTART_TESTS_BENCHMARKS_ALONE_HPP_

#include <cstddef>
#include <string>
#include <vector>

/// In that process: does it, prints the figures on one line, and returns the exit status.
///   fleet: `count` servers at once. Start and stop of all in ns; threads of the process;
///          descriptors and bytes a server, without the client's two descriptors.
///   keep:  `count` pings, 100 at a time. ns a ping in the first and the last tenth; bytes a ping.
///   ping, life: `count` pings, or whole lives, for strace and perf. No figures.
/// `server` is a kName of servers.hpp.
int RunAlone(const std::string& what, const std::string& server, std::size_t count);

/// Starts that process, waits for it, and returns its figures.
std::vector<double> StartAlone(const std::string& what, const std::string& server,
                               std::size_t count);

#endif  // MOCK_HYPERSTART_TESTS_BENCHMARKS_ALONE_HPP_
