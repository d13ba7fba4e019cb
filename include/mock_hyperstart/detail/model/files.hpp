// The files of a container: in memory, or below a directory of this machine. Not thread-safe.
//
// Source of the behaviour: virtio-06t-files, virtio-09d-*, and hyper_cmd_rw_file of hyperstart
// v1.1.0.

#ifndef MOCK_HYPERSTART_DETAIL_MODEL_FILES_HPP_
#define MOCK_HYPERSTART_DETAIL_MODEL_FILES_HPP_

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mock_hyperstart/detail/net/descriptor.hpp"

namespace hyperstart::detail {

/// Whether a name says of itself that there is no such thing: "nope", "missing", "no_such_tag",
/// "nosuchuser". What a model has no list of, it has unless its name says so.
inline bool NamesNothing(std::string_view name) {
  static constexpr std::array<std::string_view, 3> kWhole = {"no", "nope", "missing"};
  static constexpr std::array<std::string_view, 3> kStart = {"nosuch", "no_such", "no-such"};
  for (const std::string_view whole : kWhole) {
    if (name == whole) return true;
  }
  for (const std::string_view start : kStart) {
    if (name.substr(0, start.size()) == start) return true;
  }
  return false;
}

/// The components of a path from /, without "." and "..".
inline std::vector<std::string> PathComponents(std::string_view path) {
  std::vector<std::string> components;
  while (!path.empty()) {
    const std::string_view component = path.substr(0, path.find('/'));
    path.remove_prefix(component.size() < path.size() ? component.size() + 1 : path.size());
    if (component == "..") {
      if (!components.empty()) components.pop_back();
    } else if (!component.empty() && component != ".") {
      components.emplace_back(component);
    }
  }
  return components;
}

/// "/a/b" for "a/./b": relative paths start at /.
inline std::string NormalPath(std::string_view path) {
  std::string normal;
  for (const std::string& component : PathComponents(path)) normal += '/' + component;
  return normal.empty() ? "/" : normal;
}

class FileSystem {
 public:
  /// Below the directory `root`; "" is in memory, over the machine's files (which are never
  /// written) where `machine` says so.
  explicit FileSystem(std::string root = {}, bool machine = false, bool read_only = false)
      : root_(std::move(root)), machine_(machine), read_only_(read_only) {}

  struct ReadResult {
    enum class Kind { kContent, kMissing, kUnreadable, kHangs };
    Kind kind = Kind::kMissing;
    std::string bytes;  // kUnreadable: as many zeros as the file is said to be long
  };

  ReadResult Read(const std::string& path) const {
    using Kind = ReadResult::Kind;
    if (!IsPossible(path)) return {};
    if (const auto file = provided_.find(NormalPath(path)); file != provided_.end()) {
      return EndsAsDirectory(path) ? ReadResult() : ReadResult{Kind::kContent, file->second};
    }
    if (!root_.empty()) return ReadReal(Open(path, O_RDONLY | O_NONBLOCK, 0));
    const std::string normal = NormalPath(path);
    if (const auto file = written_.find(normal); file != written_.end()) {
      return EndsAsDirectory(path) ? ReadResult() : ReadResult{Kind::kContent, file->second};
    }
    if (machine_) {
      const std::string from_root = '/' + path;
      return ReadReal(Descriptor(::open(from_root.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)));
    }
    if (IsDirectory(normal)) return {Kind::kUnreadable, std::string(4096, '\0')};
    if (EndsAsDirectory(path)) return {};
    if (normal.substr(0, 6) == "/proc/") return {Kind::kContent, {}};
    if (normal.substr(0, 5) == "/sys/") return {Kind::kHangs, {}};
    return {};
  }

  /// False: it can't be written.
  bool Write(const std::string& path, std::string_view bytes) {
    if (read_only_ || !IsPossible(path) || EndsAsDirectory(path)) return false;
    const std::string normal = NormalPath(path);
    if (root_.empty()) {
      if (IsDirectory(normal) || !IsDirectory(normal.substr(0, normal.rfind('/') + 1)))
        return false;
    } else {
      const Descriptor file = Open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK, 0644);
      if (!file || !WriteAll(file.get(), bytes)) return false;
    }
    written_[normal] = bytes;
    provided_.erase(normal);
    return true;
  }

  /// A file that the agent puts over the image's. Written does not know it.
  void Provide(const std::string& path, std::string text) { provided_[path] = std::move(text); }

  /// What Write left.
  std::optional<std::string> Written(std::string_view path) const {
    const auto file = written_.find(NormalPath(path));
    return file == written_.end() ? std::nullopt : std::optional(file->second);
  }

  bool IsDirectory(const std::string& path) const {
    if (!root_.empty()) {
      struct stat status {};
      const Descriptor file = Open(path, O_PATH, 0);
      return file && ::fstat(file.get(), &status) == 0 && S_ISDIR(status.st_mode);
    }
    const std::string normal = NormalPath(path);
    if (machine_) {
      struct stat status {};
      return ::stat(normal.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
    }
    return IsImagined(normal);
  }

  /// Whether a process can have it as its working directory. In memory every directory exists but
  /// those whose name says otherwise.
  bool CanEnter(const std::string& path) const {
    if (path.empty()) return false;
    if (!root_.empty() || machine_) return IsDirectory(path);
    if (made_.count(NormalPath(path)) > 0) return true;
    for (const std::string& component : PathComponents(path)) {
      if (NamesNothing(component)) return false;
    }
    return written_.count(NormalPath(path)) == 0;
  }

  /// As mkdir -p; nothing is made in the machine's files. False where a file is in its way.
  bool MakeDirectory(const std::string& path) {
    if (!IsPossible(path)) return false;
    if (machine_) return true;
    std::string parent = "/";
    for (const std::string& component : PathComponents(path)) {
      const std::string made = NormalPath(fmt::format("{}/{}", parent, component));
      if (!IsDirectory(made)) {
        if (written_.count(made) > 0) return false;
        const Descriptor in(root_.empty() ? Descriptor() : Open(parent, O_PATH | O_DIRECTORY, 0));
        if (!root_.empty() && ::mkdirat(in.get(), component.c_str(), 0755) != 0) return false;
        made_.insert(made);
      }
      parent = made;
    }
    return true;
  }

  /// A text file of it, such as /etc/passwd; nothing where there is none.
  std::optional<std::string> Text(const std::string& path) const {
    ReadResult result = Read(path);
    if (result.kind != ReadResult::Kind::kContent) return std::nullopt;
    return std::move(result.bytes);
  }

  const std::string& root() const { return root_; }
  bool in_memory() const { return root_.empty() && !machine_; }

 private:
  /// Whether the kernel takes it for a path: not empty, and not too long.
  static bool IsPossible(std::string_view path) {
    if (path.empty() || path.size() >= PATH_MAX) return false;
    const std::vector<std::string> components = PathComponents(path);
    return std::all_of(components.begin(), components.end(),
                       [](const std::string& component) { return component.size() <= NAME_MAX; });
  }
  /// Whether the path can name nothing but a directory.
  static bool EndsAsDirectory(std::string_view path) {
    const std::string_view last = path.substr(path.rfind('/') + 1);
    return last.empty() || last == "." || last == "..";
  }

  /// The directories that every image has, and where a file was written.
  bool IsImagined(const std::string& normal) const {
    static const std::set<std::string> usual = {
        "/",    "/bin", "/dev",  "/etc",  "/home", "/lib", "/mnt", "/opt",     "/proc",
        "/run", "/srv", "/root", "/sbin", "/sys",  "/tmp", "/usr", "/usr/bin", "/var"};
    if (usual.count(normal) > 0 || made_.count(normal) > 0) return true;
    const auto below = written_.lower_bound(normal + '/');
    return below != written_.end() && below->first.compare(0, normal.size() + 1, normal + '/') == 0;
  }

  /// Never leaves the root, whatever its symbolic links say, where the kernel can (Linux 5.6).
  Descriptor Open(const std::string& path, int flags, unsigned mode) const {
    const Descriptor root(::open(root_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    open_how how{};
    how.flags = static_cast<unsigned>(flags) | O_CLOEXEC;
    how.mode = mode;
    how.resolve = RESOLVE_IN_ROOT;
    const long fd = ::syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof(how));
    if (fd >= 0 || errno != ENOSYS) return Descriptor(static_cast<int>(fd));
    return Descriptor(::open((root_ + NormalPath(path)).c_str(), flags | O_CLOEXEC, mode));
  }

  /// As the agent: as many bytes as the file says that it has; for ever, where it has less.
  /// [virtio-09d-readfile-sysfs]
  static ReadResult ReadReal(const Descriptor& file) {
    using Kind = ReadResult::Kind;
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0) return {};
    const auto size = static_cast<std::size_t>(status.st_size);
    std::string bytes(size, '\0');
    for (std::size_t got = 0; got < size;) {
      const ssize_t count = ::read(file.get(), bytes.data() + got, size - got);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return {Kind::kUnreadable, std::move(bytes)};  // [virtio-09d-readfile-dir]
      if (count == 0) return {Kind::kHangs, {}};
      got += static_cast<std::size_t>(count);
    }
    return {Kind::kContent, std::move(bytes)};
  }

  static bool WriteAll(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::write(fd, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  std::string root_;
  bool machine_;
  bool read_only_;
  std::map<std::string, std::string> written_;
  std::map<std::string, std::string> provided_;
  std::set<std::string> made_;  // directories
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_MODEL_FILES_HPP_
