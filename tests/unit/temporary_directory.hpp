// A short-named directory for sockets, removed with all that is in it; and the process's open
// descriptors, to find a leak.

#ifndef MOCK_HYPERSTART_TESTS_UNIT_TEMPORARY_DIRECTORY_HPP_
#define MOCK_HYPERSTART_TESTS_UNIT_TEMPORARY_DIRECTORY_HPP_

#include <fcntl.h>
#include <stdlib.h>

#include <filesystem>
#include <iterator>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no directory in /tmp");
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_ = "/tmp/unit_test.XXXXXX";
};

/// The numbers of all descriptors that are open.
inline std::set<int> OpenDescriptors() {
  std::set<int> descriptors;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    descriptors.insert(std::stoi(entry.path().filename().string()));
  }
  // The one that the iterator had is gone by now.
  for (auto fd = descriptors.begin(); fd != descriptors.end();) {
    fd = ::fcntl(*fd, F_GETFD) < 0 ? descriptors.erase(fd) : std::next(fd);
  }
  return descriptors;
}

#endif  // MOCK_HYPERSTART_TESTS_UNIT_TEMPORARY_DIRECTORY_HPP_
