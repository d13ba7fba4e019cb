#include "control.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <list>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "rpc.hpp"

namespace program {
namespace {

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    throw std::invalid_argument("--control " + path + ": at most 107 bytes");
  }
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  return address;
}

/// Removes the socket of a program that was killed: nobody listens there.
void RemoveStale(const sockaddr_un& address) {
  const int client = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int connected =
      ::connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  if (connected != 0 && errno == ECONNREFUSED) ::unlink(&address.sun_path[0]);
  ::close(client);
}

struct Client {
  std::thread thread;
  std::shared_ptr<std::atomic<bool>> done;
};

}  // namespace

ControlSocket::ControlSocket(Double& agent, std::string path, std::size_t output_limit, int quit_fd)
    : agent_(agent),
      path_(std::move(path)),
      output_limit_(output_limit),
      quit_fd_(quit_fd),
      listener_(-1) {
  const sockaddr_un address = AddressOf(path_);
  RemoveStale(address);
  listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(listener_, SOMAXCONN) != 0) {
    const int error = errno;
    ::close(listener_);
    throw std::system_error(error, std::generic_category(), "--control " + path_);
  }
  thread_ = std::thread([this] { Accept(); });
}

ControlSocket::~ControlSocket() {
  ::kill(::getpid(), SIGTERM);  // blocked: it makes `quit_fd_` readable
  thread_.join();
  ::close(listener_);
  ::unlink(path_.c_str());
}

void ControlSocket::Accept() {
  std::list<Client> clients;
  for (;;) {
    std::array<pollfd, 2> pollers{{{listener_, POLLIN, 0}, {quit_fd_, POLLIN, 0}}};
    if (::poll(pollers.data(), pollers.size(), -1) < 0 && errno != EINTR) break;
    if (pollers[1].revents != 0) break;
    clients.remove_if([](Client& client) {
      if (!*client.done) return false;
      client.thread.join();
      return true;
    });
    if (pollers[0].revents == 0) continue;
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    auto done = std::make_shared<std::atomic<bool>>(false);
    std::thread thread([this, fd, done] {
      try {
        RpcSession session(agent_, fd, output_limit_, true);
        session.Serve(fd, quit_fd_);
        session.FinishWaits(fd, quit_fd_);
      } catch (const std::exception& error) {
        std::fprintf(stderr, "mock-hyperstart: a client of --control: %s\n", error.what());
      }
      *done = true;
    });
    clients.push_back({std::move(thread), std::move(done)});
  }
  for (Client& client : clients) client.thread.join();
}

}  // namespace program
