// Files that are written whole or not at all. Any thread; of several files that are written to one
// path at the same time, the one that is complete last stays.

#ifndef MOCK_HYPERSTART_DETAIL_RECORDING_WHOLE_FILE_HPP_
#define MOCK_HYPERSTART_DETAIL_RECORDING_WHOLE_FILE_HPP_

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>

namespace hyperstart::detail {

/// A file that appears at its path, in place of an old one, with Commit; until then its name is
/// PATH.part.PID.NUMBER, with the id of the process.
class WholeFile {
 public:
  /// Throws std::system_error, as every member does, which says what can't be written and why.
  explicit WholeFile(const std::string& path)
      : path_(path), temporary_(path + ".part." + std::to_string(::getpid()) + "." + NextNumber()) {
    struct stat old {};
    if (::stat(path.c_str(), &old) == 0 && !S_ISREG(old.st_mode)) {
      throw std::system_error(
          S_ISDIR(old.st_mode) ? EISDIR : EINVAL, std::generic_category(),
          "mock_hyperstart: cannot write " + path + ", which is no regular file");
    }
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd_ < 0) Fail();
  }
  WholeFile(const WholeFile&) = delete;
  WholeFile& operator=(const WholeFile&) = delete;
  /// Without a Commit: removes what was written.
  ~WholeFile() {
    if (fd_ >= 0) ::close(fd_);
    if (!committed_) ::unlink(temporary_.c_str());
  }

  void Write(std::string_view text) { Append(text, {}); }

  /// The next text is written over `tail`.
  void Append(std::string_view text, std::string_view tail) {
    const std::string both = std::string(text) + std::string(tail);
    std::string_view rest = both;
    off_t at = end_;
    while (!rest.empty()) {
      const ssize_t count = ::pwrite(fd_, rest.data(), rest.size(), at);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) Fail();
      rest.remove_prefix(static_cast<std::size_t>(count));
      at += count;
    }
    end_ += static_cast<off_t>(text.size());
  }

  /// On return the file is at its path, and on the disk.
  void Commit() {
    if (::ftruncate(fd_, end_) != 0) Fail();
    if (::fsync(fd_) != 0 && errno != EINVAL && errno != EROFS) Fail();
    const int fd = fd_;
    fd_ = -1;
    if (::close(fd) != 0) Fail();  // NFS reports here that the disk is full
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) Fail();
    committed_ = true;
  }

 private:
  static std::string NextNumber() {
    static std::atomic<unsigned> last{0};
    return std::to_string(++last);
  }
  [[noreturn]] void Fail() const {
    throw std::system_error(
        errno, std::generic_category(),
        "mock_hyperstart: cannot write " + path_ + ", where an old file stays as it was");
  }

  const std::string path_;
  const std::string temporary_;
  int fd_ = -1;
  off_t end_ = 0;
  bool committed_ = false;
};

inline void WriteWholeFile(const std::string& path, std::string_view text) {
  WholeFile file(path);
  file.Write(text);
  file.Commit();
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_RECORDING_WHOLE_FILE_HPP_
