// What is derived from the options when a mock is made: the timeout, which the environment may
// override, and the paths of the sockets. Reads the environment and the current directory in the
// constructor, and does not change after that: any thread.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_SETUP_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_SETUP_HPP_

#include <fmt/core.h>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include "mock_hyperstart/detail/net/socket_files.hpp"
#include "mock_hyperstart/messages.hpp"
#include "mock_hyperstart/options.hpp"

namespace hyperstart::detail {

/// MOCK_HYPERSTART_TIMEOUT_MS from the environment, or `fallback` if it is not set. Throws
/// std::invalid_argument if it is not a number of milliseconds.
inline std::chrono::milliseconds TimeoutFromEnvironment(std::chrono::milliseconds fallback) {
  const char* const value = std::getenv("MOCK_HYPERSTART_TIMEOUT_MS");
  if (value == nullptr || *value == '\0') return fallback;
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

/// MOCK_HYPERSTART_LOG, or `fallback` if it is not set. Throws std::invalid_argument if it is none
/// of the four words.
inline Log LogFromEnvironment(Log fallback) {
  const char* const value = std::getenv("MOCK_HYPERSTART_LOG");
  if (value == nullptr || *value == '\0') return fallback;
  const std::string_view word = value;
  if (word == "never") return Log::kNever;
  if (word == "failure") return Log::kOnFailure;
  if (word == "always") return Log::kAlways;
  if (word == "live") return Log::kLive;
  throw std::invalid_argument(
      fmt::format("mock_hyperstart: MOCK_HYPERSTART_LOG is \"{}\": give live, always, failure or "
                  "never",
                  value));
}

/// The paths of both sockets: those of the options, and for those that the options leave empty,
/// fresh names in a private directory, which it owns.
class SocketPathsOwner {
 public:
  /// Throws std::invalid_argument if a path is not usable, and std::system_error if the private
  /// directory can't be made.
  explicit SocketPathsOwner(const Options& options) {
    for (const std::string* const path : {&options.ctl_path, &options.io_path}) {
      if (path->find('\0') != std::string::npos) {
        throw std::invalid_argument(
            "mock_hyperstart: a socket path holds a NUL; abstract sockets are not supported, give "
            "the path of a file");
      }
    }
    if (options.ctl_path.empty() || options.io_path.empty()) directory_.emplace();
    paths_.ctl = options.ctl_path.empty() ? directory_->path() + "/ctl.sock"
                                          : AbsoluteIfItFits(options.ctl_path);
    paths_.io = options.io_path.empty() ? directory_->path() + "/io.sock"
                                        : AbsoluteIfItFits(options.io_path);
    if (paths_.ctl == paths_.io) {
      throw std::invalid_argument("mock_hyperstart: ctl_path and io_path are both " +
                                  options.ctl_path + ": give each channel its own");
    }
  }

  /// Absolute, so that they stay valid after a chdir(). Only a relative path in so deep a directory
  /// that its absolute path is too long for a socket stays relative.
  const SocketPaths& paths() const { return paths_; }

 private:
  static std::string AbsoluteIfItFits(const std::string& path) {
    std::string absolute = AbsolutePath(path);
    return absolute.size() <= kMaxSocketPath ? absolute : path;
  }

  std::optional<PrivateDirectory> directory_;
  SocketPaths paths_;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_SETUP_HPP_
