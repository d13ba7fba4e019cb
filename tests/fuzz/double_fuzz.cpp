// The whole double behind its real sockets. The input is a script: clients come, write, read, end
// their input and go; the test plans replies, sends, and calls for every fault; at the end, where
// the script does not stop it at once, the double is let finish. Stop must then return and leave
// nothing behind; what clients sent whole must be recorded in order; and each client that nothing
// disturbed must have got its `next`s and its replies, and be the cause of no more violations than
// its bytes are. Nothing depends on time: a deadline is only met by what hangs.

#include <dirent.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iterator>
#include <mock_hyperstart.hpp>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "fuzz/fuzz.hpp"
#include "support/deadline.hpp"
#include "support/wire.hpp"

namespace {

using fuzz::Require;
using fuzz::Stream;
using hyperstart::Channel;
using hyperstart::Command;
using hyperstart::Reply;
using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kNow{0};
constexpr std::chrono::milliseconds kForever = 24h;  // Stop ends it

std::size_t EntriesOf(const char* directory) {
  DIR* const open = ::opendir(directory);
  Require(open != nullptr, "/proc can be read");
  std::size_t count = 0;
  while (::readdir(open) != nullptr) ++count;
  ::closedir(open);
  return count;
}

/// A client, and what is known of how it fared.
struct Client {
  int fd = -1;  // -1 once it has closed
  std::string sent;
  std::string received;
  bool ended_input = false;
  bool read_to_end = false;
  bool disturbed = false;  // the double was told to end it, or may not have accepted it
  bool cut = false;        // the double was told to send no more

  bool Write(std::string_view bytes) {
    while (fd >= 0 && !ended_input && !bytes.empty()) {
      const ssize_t count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count <= 0) return false;
      sent += bytes.substr(0, static_cast<std::size_t>(count));
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  /// What is there, up to so many bytes. False at the end.
  bool Read(std::size_t most) {
    char buffer[16384];
    const ssize_t count = ::recv(fd, buffer, std::min(most, sizeof(buffer)), MSG_DONTWAIT);
    if (count > 0) received.append(buffer, static_cast<std::size_t>(count));
    if (count == 0) read_to_end = true;
    return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
  }
  void EndInput() {
    if (fd >= 0) ::shutdown(fd, SHUT_WR);
    ended_input = true;
  }
  void Close() {
    if (fd >= 0) ::close(std::exchange(fd, -1));
  }
  /// Ends its input and reads what it is owed.
  void Finish() {
    if (fd < 0) return;
    EndInput();
    pollfd poll = {fd, POLLIN, 0};
    do {
      int ready = -1;
      do {  // a fuzzer's own alarm may interrupt it
        ready = ::poll(&poll, 1, static_cast<int>(kDeadline.count()));
      } while (ready < 0 && errno == EINTR);
      Require(ready > 0, "a client that ends its input sees an end");
    } while (Read(std::string::npos));
    Close();
  }
};

hyperstart::Options MakeOptions(fuzz::Input& script) {
  const std::uint8_t byte = script.Byte();
  hyperstart::Options options;
  options.next_acks = static_cast<hyperstart::NextAcks>(byte % 3);
  options.ready_on_connect = (byte & 0x04) != 0;
  options.strict = (byte & 0x08) != 0;
  options.max_frame = (byte & 0x10) != 0 ? 100 : 64 * 1024 * 1024;
  options.dialect = static_cast<hyperstart::Dialect>(byte >> 5 & 1);
  options.timeout = kNow;
  options.log = hyperstart::Log::kNever;
  return options;
}

class World {
 public:
  explicit World(fuzz::Input script)
      : script_(script), options_(MakeOptions(script_)), mock_(options_) {}
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() {
    for (auto& clients : clients_) {
      for (Client& client : clients) client.Close();
    }
  }

  void Run() {
    mock_.Start();
    constexpr int kMostSteps = 200;
    for (int step = 0; step < kMostSteps && !script_.empty(); ++step) Step(script_.Byte());
    if (abrupt_) {
      Disturb();
    } else {
      Settle(Channel::kCtl);
      Settle(Channel::kIo);
    }
    Stop();
    Judge();
  }

  std::string directory() const {
    const std::string& path = mock_.GetSocketPaths().ctl;
    return path.substr(0, path.rfind('/'));
  }

 private:
  using Clients = std::deque<Client>;

  static constexpr std::size_t kMostClients = 8;       // of a channel
  static constexpr std::size_t kMostBytes = 4u << 20;  // of all large frames

  Clients& At(Channel channel) { return clients_[channel == Channel::kCtl ? 0 : 1]; }
  static std::size_t HeaderSize(Channel channel) { return channel == Channel::kCtl ? 8 : 12; }

  // ---- The script

  void Step(std::uint8_t code) {
    const Channel channel = (code & 0x80) != 0 ? Channel::kIo : Channel::kCtl;
    switch (code & 0x7f) {
      case 0:
        if (At(channel).size() < kMostClients) Connect(channel);
        return;
      case 1:
        chosen_[channel == Channel::kCtl ? 0 : 1] = script_.Byte();
        return;
      case 2:
        if (Client* const client = Chosen(channel)) client->Write(script_.Take(script_.Byte()));
        return;
      case 3:
        return WriteFrame(channel, std::string::npos);
      case 4:
        return WriteFrame(channel, script_.Byte() + std::size_t{1});
      case 5:
        if (Client* const client = Chosen(channel)) client->EndInput();
        return;
      case 6:
        if (Client* const client = Chosen(channel)) client->Close();
        return;
      case 7:
        if (Client* const client = Chosen(channel))
          client->Read(1 + script_.Byte() * std::size_t{64});
        return;
      case 8:
        return LetRun(channel);
      case 9:
        return mock_.PauseReading(channel);
      case 10:
        return mock_.ResumeReading(channel);
      case 11:
        return mock_.SetWriteSize(channel, script_.Byte());
      case 12:
        mock_.On(SomeCommand()).WillOnce(SomeReply());
        return;
      case 13:
        mock_.On(SomeCommand()).WillRepeatedly(SomeReply());
        return;
      case 14:
        return mock_.SetDefaultReply(SomeReply());
      case 15:
        return SetHandler();
      case 16:
        Disturb(channel);
        return mock_.Disconnect(channel);
      case 17:
        Disturb(channel);
        return mock_.Reset(channel);
      case 18:
        for (Client& client : At(channel)) client.cut = true;
        return mock_.ShutdownSend(channel);
      case 19:
        Disturb(channel);  // who waits in the backlog is turned away
        return mock_.StopListening(channel);
      case 20:
        return mock_.ResumeListening(channel);
      case 21:
        return Send(channel);
      case 22:
        (channel == Channel::kCtl ? garbled_ : io_garbled_) = true;
        return mock_.SendRaw(channel, script_.Take(script_.Byte()));
      case 23:
        mock_.SendProcessEvent(script_.Take(script_.Byte() % 8), "p", script_.Byte());
        return;
      case 24:
        Disturb();
        io_dropped_ = true;
        Stop();
        return mock_.Start();
      case 25:
        return TakeRecords();
      case 26:
        return WaitInVain(channel);
      case 27:
        Require(fuzz::IsShowable(mock_.Transcript(), true), "the transcript is showable");
        Require(fuzz::IsShowable(mock_.TranscriptAsMermaid(), true), "the diagram is showable");
        return;
      case 28:
        for (const auto& violation : mock_.TakeViolations()) Add(violation);
        return;
      case 29:
        abrupt_ = true;
        return;
      default:
        return;
    }
  }

  void Connect(Channel channel) {
    Clients& clients = At(channel);
    Client client;
    client.fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto& paths = mock_.GetSocketPaths();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (channel == Channel::kCtl ? paths.ctl : paths.io).copy(address.sun_path, 107);
    if (::connect(client.fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
      return client.Close();
    }
    clients.push_back(std::move(client));
    chosen_[channel == Channel::kCtl ? 0 : 1] = clients.size() - 1;
  }

  Client* Chosen(Channel channel) {
    Clients& clients = At(channel);
    if (clients.empty()) return nullptr;
    return &clients[chosen_[channel == Channel::kCtl ? 0 : 1] % clients.size()];
  }

  /// Few sizes are large, for what fills a socket or a queue.
  std::size_t SomeSize() {
    const std::uint8_t byte = script_.Byte();
    const std::size_t size = byte < 240 ? byte : (byte - 239) * std::size_t{16 * 1024};
    if (size >= 240 && (spent_ += size) > kMostBytes) return 7;
    return size;
  }

  void WriteFrame(Channel channel, std::size_t piece) {
    const std::uint8_t key = script_.Byte();
    const std::string payload = wire::Pattern(SomeSize(), ++number_);
    const std::string frame =
        channel == Channel::kCtl ? wire::Ctl(key, payload) : wire::Io(key, payload);
    Client* const client = Chosen(channel);
    if (client == nullptr) return;
    constexpr std::size_t kMostPieces = 16;
    piece = std::max(piece, frame.size() / kMostPieces);
    for (std::string_view left = frame; !left.empty();) {
      const std::string_view part = left.substr(0, piece);
      left.remove_prefix(part.size());
      if (!client->Write(part)) return;
      if (!left.empty()) LetRun(channel);
    }
  }

  /// Until the double has taken what the client wrote, or for a little while.
  void LetRun(Channel channel) {
    const Client* const client = Chosen(channel);
    int left = 1;
    for (int i = 0; i < 3 && left > 0; ++i) {
      ::sched_yield();
      if (client != nullptr && client->fd >= 0) ::ioctl(client->fd, TIOCOUTQ, &left);
    }
  }

  Command SomeCommand() { return static_cast<Command>(script_.Byte() % 30); }

  Reply SomeReply() {
    const std::uint8_t kind = script_.Byte();
    Reply reply;
    switch (kind & 7) {
      case 0:
        break;
      case 1:
        reply = Reply::Ack(wire::Pattern(SomeSize()));
        break;
      case 2:
        reply = Reply::Error("no");
        break;
      case 3:
        garbled_ = true;
        reply = Reply::Frame(SomeCommand(), wire::Pattern(SomeSize()));
        break;
      case 4:
        garbled_ = true;
        reply = Reply::Raw(std::string(script_.Take(script_.Byte())));
        break;
      case 5:
        silent_ = true;
        reply = Reply::Nothing();
        break;
      default:
        reply = Reply::Ack();
        break;
    }
    if ((kind & 0x08) != 0) reply = reply.InPieces(1 + SomeSize() / 8);
    if ((kind & 0x10) != 0) {
      garbled_ = true;
      reply = reply.Truncated(script_.Byte());
    }
    if ((kind & 0x20) != 0) {
      garbled_ = true;
      try {
        reply = reply.WithLength(wire::ToU32(std::string(script_.Take(4)).append(4, '\0')));
      } catch (const std::logic_error&) {  // Raw and Nothing have no header
      }
    }
    if ((kind & 0x40) != 0) reply = Then(reply);
    if ((kind & 0x80) != 0) reply = After(reply);
    return reply;
  }

  Reply Then(const Reply& reply) {
    switch (script_.Byte() % 5) {
      case 0:
        return reply.Then([this] { mock_.SendReady(); });
      case 1:
        return reply.Then([] { throw std::runtime_error("a Then of the script"); });
      case 2:
        io_garbled_ = true;  // nobody knows when
        return reply.Then([this] { mock_.SendIo(77, "then"); });
      case 3:
        dies_ = true;
        return reply.Then([this] { mock_.Disconnect(Channel::kIo); });
      default:
        dies_ = true;
        return reply.ThenDisconnect();
    }
  }

  Reply After(const Reply& reply) {
    const std::uint8_t byte = script_.Byte();
    if (byte % 4 != 0) return reply.After(kNow);
    held_ = true;
    return byte % 8 == 0 ? reply.After(kForever) : reply.InPieces(3, kForever);
  }

  void SetHandler() {
    const std::uint8_t byte = script_.Byte();
    if (byte % 3 == 0) return mock_.SetHandler(nullptr);
    if (byte % 3 == 1) {
      return mock_.SetHandler([](const auto&) -> Reply { throw std::runtime_error("a handler"); });
    }
    mock_.SetHandler([this, reply = SomeReply()](const auto&) {
      mock_.SendReady();
      return reply;
    });
  }

  void Send(Channel channel) {
    const std::uint8_t key = script_.Byte();
    const std::string payload = wire::Pattern(SomeSize(), ++number_);
    if (channel == Channel::kCtl) {
      garbled_ = garbled_ || (key >= 9 && key <= 14);  // looks like an answer
      return mock_.SendMessage(Command{key}, payload);
    }
    mock_.SendIo(key, payload);
    io_sent_.push_back({key, payload});
  }

  void TakeRecords() {
    for (auto& message : mock_.GetLastMessages()) {
      recorded_[0].push_back(
          {static_cast<std::uint64_t>(message.command), std::move(message.payload)});
    }
    for (auto& packet : mock_.GetLastIoPackets()) {
      recorded_[1].push_back({packet.seq, std::move(packet.data)});
    }
  }

  /// The failures' texts are built of what is there.
  void WaitInVain(Channel channel) {
    if (auto message = mock_.WaitForMessage(kNow)) {
      recorded_[0].push_back({static_cast<std::uint64_t>(message->command), message->payload});
    } else {
      const testing::AssertionResult why = message;
      Require(fuzz::IsShowable(why.message(), true), "why a wait failed is showable");
    }
    if (auto packet = mock_.ReadIo(kNow)) recorded_[1].push_back({packet->seq, packet->data});
    for (const testing::AssertionResult& result :
         {testing::AssertionResult(mock_.WaitForMessage(Command{1000}, kNow)),
          testing::AssertionResult(mock_.ReadStream(1000, 7, kNow)),
          testing::AssertionResult(mock_.ReadStreamToEnd(1000, kNow)),
          mock_.WaitForConnection(kNow), mock_.WaitForDisconnect(channel, kNow)}) {
      Require(fuzz::IsShowable(result.message(), true), "why a wait failed is showable");
    }
  }

  void Add(const hyperstart::Violation& violation) {
    ++violations_;
    Require(fuzz::IsShowable(testing::PrintToString(violation), true), "a violation is showable");
  }

  /// Nobody knows how much of these clients' bytes the double has read, and what they were sent.
  void Disturb(Channel channel) {
    for (Client& client : At(channel)) client.disturbed = true;
  }
  void Disturb() {
    Disturb(Channel::kCtl);
    Disturb(Channel::kIo);
  }

  // ---- The end

  /// Every client in turn ends its input and reads what it is owed; one more comes after them, so
  /// that once it has been served, all have been.
  void Settle(Channel channel) {
    mock_.ResumeReading(channel);
    mock_.ResumeListening(channel);
    Clients& clients = At(channel);
    script_clients_[channel == Channel::kCtl ? 0 : 1] = clients.size();
    if (channel == Channel::kCtl && held_) return Disturb(channel);
    for (Client& client : clients) client.Finish();
    Connect(channel);
    Client& last = clients.back();
    last.Write(channel == Channel::kCtl ? wire::Ctl(1000, "last") : wire::Io(1000, "last"));
    last.Finish();
  }

  /// What Stop reports must be of the kinds that scripts can cause.
  void Stop() {
    for (const auto& violation : mock_.TakeViolations()) Add(violation);
    testing::TestPartResultArray reports;
    {
      const testing::ScopedFakeTestPartResultReporter reporter(
          testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &reports);
      mock_.Stop();
    }
    for (int i = 0; i < reports.size(); ++i) {
      const std::string_view report = reports.GetTestPartResult(i).message();
      const auto says = [&](const char* what) { return report.find(what) != std::string::npos; };
      if (says("the client violated the protocol")) {
        ++violations_;
      } else {
        Require(says("this WillOnce was never used") || says("the handler threw") ||
                    says("the action after a reply") || says("the plan could not be carried out"),
                "Stop reports what a script can have caused");
      }
    }
    for (const Channel channel : {Channel::kCtl, Channel::kIo}) {
      Require(!mock_.IsConnected(channel), "nobody is connected to a double that is stopped");
    }
  }

  // ---- What must be true

  void Judge() {
    TakeRecords();
    if (dies_) Disturb();
    bool undisturbed = !options_.strict;
    std::size_t expected_violations = 0;
    for (const Channel channel : {Channel::kCtl, Channel::kIo}) {
      std::vector<Stream> streams;
      for (Client& client : At(channel)) {
        streams.push_back(Stream::Parse(client.sent, HeaderSize(channel), options_.max_frame));
        if (streams.back().end != Stream::End::kBetweenFrames) ++expected_violations;
        undisturbed = undisturbed && !client.disturbed;
        if (channel == Channel::kCtl) JudgeAnswers(client, streams.back());
      }
      JudgeRecords(channel, streams);
    }
    JudgeIo();
    Require(options_.strict || violations_ <= expected_violations,
            "no violation without a client that caused it");
    Require(!undisturbed || violations_ == expected_violations,
            "each client that left in a frame, or broke one, is one violation");
  }

  /// The records are what each client sent, one client after the other: all of it, or of a
  /// disturbed one the beginning.
  void JudgeRecords(Channel channel, const std::vector<Stream>& streams) {
    const std::vector<wire::Frame>& recorded = recorded_[channel == Channel::kCtl ? 0 : 1];
    std::set<std::size_t> reached = {0};  // how many records the clients so far may account for
    for (std::size_t i = 0; i < streams.size(); ++i) {
      const std::vector<wire::Frame>& frames = streams[i].frames;
      std::set<std::size_t> next;
      for (const std::size_t start : reached) {
        std::size_t same = 0;
        while (same < frames.size() && start + same < recorded.size() &&
               frames[same] == recorded[start + same]) {
          ++same;
        }
        for (std::size_t count = 0; count <= same; ++count) {
          if (At(channel)[i].disturbed || count == frames.size()) next.insert(start + count);
        }
      }
      reached = std::move(next);
    }
    Require(reached.count(recorded.size()) == 1, "what is recorded is what was sent, in order");
  }

  /// Of a ctl client that nothing disturbed: its `next`s and its replies.
  void JudgeAnswers(const Client& client, const Stream& sent) {
    if (client.disturbed || client.cut || garbled_ || !client.read_to_end) return;
    const Stream received = Stream::Parse(client.received, 8, SIZE_MAX);
    Require(received.end == Stream::End::kBetweenFrames, "a client gets whole frames");
    std::uint64_t next = 0;
    std::size_t replies = 0;
    for (const wire::Frame& frame : received.frames) {
      if (frame.key == wire::kNext) {
        Require(frame.payload.size() == 4, "a next has a count");
        Require(wire::ToU32(frame.payload) > 0, "a next counts something");
        next += wire::ToU32(frame.payload);
      } else if (frame.key == wire::kAck || frame.key == wire::kError) {
        ++replies;
      }
    }
    const std::uint64_t expected[] = {sent.counted, sent.whole, 0};
    const std::uint64_t least = expected[static_cast<std::size_t>(options_.next_acks)];
    // A header that comes in pieces is counted until its last one shows that it is broken.
    const bool may_be_more =
        sent.end == Stream::End::kBroken && options_.next_acks == hyperstart::NextAcks::kPerRead;
    Require(next >= least && next <= least + (may_be_more ? 7 : 0),
            "the sum of a client's nexts is what it sent");
    Require(replies <= sent.frames.size(), "no reply without a command");
    Require(silent_ || replies == sent.frames.size(), "a reply to each command");
  }

  /// What io clients got is what the test sent, whole and in order; all of it, if there was one
  /// client before the last.
  void JudgeIo() {
    if (io_garbled_) return;
    const Clients& clients = At(Channel::kIo);
    auto sent = io_sent_.begin();
    bool all = !abrupt_ && script_clients_[1] <= 1;
    std::size_t count = 0;
    for (const Client& client : clients) {
      const Stream received = Stream::Parse(client.received, 12, SIZE_MAX);
      all = all && client.read_to_end && !client.disturbed && !client.cut;
      Require(!client.read_to_end || client.disturbed || client.cut ||
                  received.end == Stream::End::kBetweenFrames,
              "a client gets whole frames");
      for (const wire::Frame& frame : received.frames) {
        sent = std::find(sent, io_sent_.end(), frame);
        Require(sent != io_sent_.end(), "what a client gets was sent, in that order");
        ++sent;
        ++count;
      }
    }
    Require(!all || io_dropped_ || count == io_sent_.size(), "a client gets all that was sent");
  }

  fuzz::Input script_;
  const hyperstart::Options options_;
  hyperstart::MockHyperstart mock_;

  std::array<Clients, 2> clients_;
  std::array<std::size_t, 2> chosen_{};
  std::array<std::size_t, 2> script_clients_{};  // those that the script connected
  std::array<std::vector<wire::Frame>, 2> recorded_;
  std::vector<wire::Frame> io_sent_;
  std::size_t violations_ = 0;
  std::size_t spent_ = 0;  // on large frames
  std::uint32_t number_ = 0;

  // What the script has done that makes less certain.
  bool abrupt_ = false;      // stops at once
  bool garbled_ = false;     // on ctl goes what is no whole frame, or looks like a reply
  bool io_garbled_ = false;  // the same on io
  bool io_dropped_ = false;  // Stop dropped what was sent on io
  bool silent_ = false;      // a command may get no reply
  bool held_ = false;        // a reply may take for ever
  bool dies_ = false;        // a command may end all connections
};

/// Binding a socket on a disk costs a hundred times what it costs here.
bool UseMemoryForSockets() {
  return ::access("/dev/shm", W_OK) == 0 && ::setenv("TMPDIR", "/dev/shm", 0) == 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  [[maybe_unused]] static const bool in_memory = UseMemoryForSockets();
  // A sanitizer's own thread starts with the first of ours.
  [[maybe_unused]] static const bool started = (std::thread([] {}).join(), true);
  const std::size_t descriptors = EntriesOf("/proc/self/fd");
  const std::size_t threads = EntriesOf("/proc/self/task");
  std::string directory;
  {
    World world(fuzz::Input(data, size));
    directory = world.directory();
    world.Run();
  }
  Require(EntriesOf("/proc/self/fd") == descriptors, "no descriptor is left");
  // A joined thread may be listed for a moment more.
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (EntriesOf("/proc/self/task") != threads) {
    Require(std::chrono::steady_clock::now() < deadline, "no thread is left");
    ::sched_yield();
  }
  Require(::access(directory.c_str(), F_OK) != 0, "no directory is left");
  return 0;
}
