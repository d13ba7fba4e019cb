// Stdin, stdout and stderr of a process of the model that is a real one, without blocking. Under
// the table's mutex.

#ifndef MOCK_HYPERSTART_DETAIL_MODEL_REAL_IO_HPP_
#define MOCK_HYPERSTART_DETAIL_MODEL_REAL_IO_HPP_

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <string_view>
#include <vector>

#include "mock_hyperstart/detail/model/process.hpp"
#include "mock_hyperstart/detail/net/descriptor.hpp"

namespace hyperstart::detail {

/// Writes what it takes of its pending input, and closes its stdin where the client has, or where
/// nothing reads it any more. False if there was nothing to do.
inline bool WriteInput(ModelProcess& process) {
  Descriptor& in = process.child->in();
  if (!in) return false;
  pollfd look = {in.get(), POLLOUT, 0};
  ::poll(&look, 1, 0);
  bool worked = false;
  const std::string_view pending = process.input.pending();
  if (!pending.empty() && (look.revents & POLLOUT) != 0) {
    const ssize_t count = ::write(in.get(), pending.data(), pending.size());
    if (count > 0) {
      process.input.Remove(static_cast<std::size_t>(count));
      worked = true;
    }
  }
  process.input.SetBlocked(!process.input.pending().empty());
  if (process.spec().terminal) return worked;  // which tells its end on its output
  if ((look.revents & POLLERR) != 0 || process.input.AtEnd()) {
    in.Close();
    worked = true;
  }
  return worked;
}

/// Reads once: `on_data` gets what came. Closes the descriptor, and with a terminal's output its
/// input, where nothing holds the other end. False if there was nothing to do.
template <std::size_t kMost, typename OnData>
bool ReadOutput(ModelProcess& process, Descriptor& from, const OnData& on_data) {
  if (!from) return false;
  std::array<char, kMost> buffer;
  const ssize_t count = ::read(from.get(), buffer.data(), buffer.size());
  if (count > 0) {
    on_data(std::string_view(buffer.data(), static_cast<std::size_t>(count)));
    return true;
  }
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (process.spec().terminal && &from == &process.child->out()) process.child->in().Close();
  from.Close();
  return true;
}

/// Adds what to wait for; true where that does not tell all, and one must look again soon.
inline bool AppendEvents(const ModelProcess& process, bool reads_output, bool reaps,
                         std::vector<pollfd>& fds) {
  LocalChild& child = *process.child;
  if (reads_output && child.out()) fds.push_back({child.out().get(), POLLIN, 0});
  if (reads_output && child.err()) fds.push_back({child.err().get(), POLLIN, 0});
  const bool pending = child.in() && !process.input.pending().empty();
  if (child.in() && !process.spec().terminal) {
    fds.push_back({child.in().get(), static_cast<short>(pending ? POLLOUT : 0), 0});
  }
  bool look_again = pending && process.spec().terminal;
  if (process.phase == ModelProcess::Phase::kRunning) {
    if (reaps && child.exit_event()) {
      fds.push_back({child.exit_event().get(), POLLIN, 0});
    } else {
      look_again = true;
    }
  }
  return look_again;
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_MODEL_REAL_IO_HPP_
