// What Options come to when a mock is made: the timeout that the environment may set, and where the
// sockets will lie. Reads the environment as the mock is made, and does not change after that: any
// thread may look.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_SETUP_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_SETUP_HPP_

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>

#include "mock_hyperstart/detail/net/socket_files.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/options.hpp"

namespace hyperstart::detail {

/// MOCK_HYPERSTART_TIMEOUT_MS, where it is set, else `otherwise`. std::invalid_argument where it is
/// no number of milliseconds.
inline std::chrono::milliseconds TimeoutFromEnvironment(std::chrono::milliseconds otherwise) {
  const char* const value = std::getenv("MOCK_HYPERSTART_TIMEOUT_MS");
  if (value == nullptr || *value == '\0') return otherwise;
  std::uint32_t milliseconds = 0;
  const char* const end = value + std::strlen(value);
  if (const auto [last, error] = std::from_chars(value, end, milliseconds);
      error != std::errc() || last != end) {
    throw std::invalid_argument(
        fmt::format("mock_hyperstart: MOCK_HYPERSTART_TIMEOUT_MS is \"{}\": give a whole number "
                    "of milliseconds, at most {}",
                    value, std::numeric_limits<std::uint32_t>::max()));
  }
  return std::chrono::milliseconds(milliseconds);
}

/// The sockets' paths: those of the options, and in a fresh private directory what they leave open.
class SocketPlaces {
 public:
  /// std::invalid_argument for paths that can't be; std::system_error where there is no directory
  /// to be had.
  explicit SocketPlaces(const Options& options) {
    for (const std::string* const path : {&options.ctl_path, &options.io_path}) {
      if (path->find('\0') != std::string::npos) {
        throw std::invalid_argument(
            "mock_hyperstart: a socket path holds a NUL; abstract sockets are not supported, give "
            "the path of a file");
      }
    }
    if (!options.ctl_path.empty() && options.ctl_path == options.io_path) {
      throw std::invalid_argument("mock_hyperstart: ctl_path and io_path are both " +
                                  options.ctl_path + ": give each channel its own");
    }
    if (options.ctl_path.empty() || options.io_path.empty()) directory_.emplace();
    paths_.ctl = options.ctl_path.empty() ? directory_->path() + "/ctl.sock" : options.ctl_path;
    paths_.io = options.io_path.empty() ? directory_->path() + "/io.sock" : options.io_path;
  }

  const SocketPaths& paths() const { return paths_; }

 private:
  std::optional<PrivateDirectory> directory_;
  SocketPaths paths_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_SETUP_HPP_
