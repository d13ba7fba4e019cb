// For the beginning of main.

#ifndef STANDARD_STREAMS_HPP_
#define STANDARD_STREAMS_HPP_

#include <fcntl.h>
#include <unistd.h>

namespace program {

/// Opens /dev/null in place of each of stdin, stdout and stderr that the caller has closed.
/// Otherwise a socket would get its number, and be read or written as that stream.
inline void OpenStandardStreams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    // open takes the lowest number that is free.
    if (::fcntl(fd, F_GETFD) < 0) static_cast<void>(::open("/dev/null", O_RDWR));
  }
}

}  // namespace program

#endif  // STANDARD_STREAMS_HPP_
