// Lines to a descriptor, written by a thread of their own, so that who does not read holds nobody
// up. At most so many bytes wait: with more, the output ends. Any thread.

#ifndef OUTPUT_HPP_
#define OUTPUT_HPP_

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace program {

class Output {
 public:
  /// `limit`: the bytes that may wait. Closes the descriptor at the end if `owns` says so.
  Output(int fd, std::size_t limit, bool owns);
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  /// Writes what waits, unless the reader takes nothing for two seconds.
  ~Output();

  /// Never blocks. Adds the line feed. Nothing is written once the reader is gone, or too slow.
  void Write(std::string_view line);

 private:
  void Run();
  /// False if the reader is gone, or stalls while the program ends.
  bool WriteAll(const std::string& bytes);

  const int fd_;
  const std::size_t limit_;
  const bool owns_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string waiting_;
  bool closed_ = false;  // nothing more is taken
  bool ending_ = false;  // the destructor runs
  std::thread thread_;
};

}  // namespace program

#endif  // OUTPUT_HPP_
