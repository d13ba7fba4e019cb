// A temporary directory for a test and the processes that it starts.

#ifndef MOCK_HYPERSTART_TESTS_SUPPORT_TEMPORARY_PLACE_HPP_
#define MOCK_HYPERSTART_TESTS_SUPPORT_TEMPORARY_PLACE_HPP_

#include <stdlib.h>
#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <string>
#include <system_error>

/// A directory that is removed with its contents. Where there is a tmpfs it is on that. TMPDIR
/// names it as long as it exists: for this process, and for those that it starts.
class TemporaryPlace {
 public:
  TemporaryPlace() {
    if (const char* const value = std::getenv("TMPDIR")) before_ = value;
    if (::access("/dev/shm", W_OK) != 0) path_ = "/tmp/test.XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no directory " + path_);
    Enter();
  }
  TemporaryPlace(const TemporaryPlace&) = delete;
  TemporaryPlace& operator=(const TemporaryPlace&) = delete;
  ~TemporaryPlace() {
    if (before_.empty()) {
      ::unsetenv("TMPDIR");
    } else {
      ::setenv("TMPDIR", before_.c_str(), 1);
    }
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  /// Sets TMPDIR again, after a test has changed it.
  void Enter() const { ::setenv("TMPDIR", path_.c_str(), 1); }
  const std::string& path() const { return path_; }
  std::size_t CountEntries() const {
    const std::filesystem::directory_iterator entries(path_);
    return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
  }

 private:
  std::string path_ = "/dev/shm/test.XXXXXX";
  std::string before_;
};

#endif  // MOCK_HYPERSTART_TESTS_SUPPORT_TEMPORARY_PLACE_HPP_
