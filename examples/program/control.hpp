// The JSON-RPC on a Unix socket, for several clients at once.

#ifndef CONTROL_HPP_
#define CONTROL_HPP_

#include <cstddef>
#include <string>
#include <thread>

#include "double.hpp"

namespace program {

class ControlSocket {
 public:
  /// Throws std::system_error if it can't listen there. Readable `quit_fd`: everything ends.
  ControlSocket(Double& agent, std::string path, std::size_t output_limit, int quit_fd);
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;
  /// Ends the sessions: stop the double before, or they wait for their waits. Removes the socket.
  /// The program can only end after it: it sends itself the signal behind `quit_fd`.
  ~ControlSocket();

 private:
  void Accept();

  Double& agent_;
  const std::string path_;
  const std::size_t output_limit_;
  const int quit_fd_;
  int listener_;
  std::thread thread_;
};

}  // namespace program

#endif  // CONTROL_HPP_
