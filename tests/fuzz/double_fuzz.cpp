// The whole mock behind its real sockets. The input is a script: clients connect, write, read, end
// their input and leave; the test plans replies, sends, and injects every fault. At the end the
// mock may finish its work, unless the script stops it at once. Stop must then return and leave
// nothing behind. Whole frames of clients must be recorded in order. Each client that nothing
// disturbed must have received its `next`s, its replies and what the test sent, and must have
// caused only the violations that are in its bytes. No property depends on time: only a mock that
// hangs reaches a deadline.

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
constexpr std::chrono::milliseconds kForever = 24h;  // until Stop

std::size_t EntriesOf(const char* directory) {
  DIR* const open = ::opendir(directory);
  Require(open != nullptr, "/proc can be read");
  std::size_t count = 0;
  while (::readdir(open) != nullptr) ++count;
  ::closedir(open);
  return count;
}

/// A client, and what is known about its connection.
struct Client {
  int fd = -1;  // -1 once it has closed
  std::string sent;
  std::string received;
  bool ended_input = false;
  bool read_to_end = false;
  bool disturbed = false;  // the mock was told to end it, or may not have accepted it
  bool cut = false;        // the mock was told to send no more

  bool Write(std::string_view bytes) {
    while (fd >= 0 && !ended_input && !bytes.empty()) {
      const ssize_t count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count <= 0) return false;
      sent += bytes.substr(0, static_cast<std::size_t>(count));
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  /// Reads what has arrived, up to `most` bytes. False at the end of the stream.
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
  /// Ends its input and reads to the end of the stream.
  void Finish() {
    if (fd < 0) return;
    EndInput();
    pollfd poll = {fd, POLLIN, 0};
    do {
      int ready = -1;
      do {  // the fuzzer's alarm may interrupt it
        ready = ::poll(&poll, 1, static_cast<int>(kDeadline.count()));
      } while (ready < 0 && errno == EINTR);
      Require(ready > 0, "a client that ends its input sees the end of the stream");
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
  static constexpr std::uint32_t kLastKey = 1000;      // of the frame of the last client

  Clients& At(Channel channel) { return At(clients_, channel); }
  static std::size_t HeaderSize(Channel channel) { return channel == Channel::kCtl ? 8 : 12; }

  // ---- The script

  void Step(std::uint8_t code) {
    const Channel channel = (code & 0x80) != 0 ? Channel::kIo : Channel::kCtl;
    switch (code & 0x7f) {
      case 0:
        if (At(channel).size() < kMostClients) Connect(channel);
        return;
      case 1:
        At(chosen_, channel) = script_.Byte();
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
        Disturb(channel);  // a client in the backlog is refused
        return mock_.StopListening(channel);
      case 20:
        return mock_.ResumeListening(channel);
      case 21:
        return Send(channel);
      case 22:
        Garbled(channel) = true;
        return mock_.SendRaw(channel, script_.Take(script_.Byte()));
      case 23:
        mock_.SendProcessEvent(script_.Take(script_.Byte() % 8), "p", script_.Byte());
        return;
      case 24:
        Disturb();
        dropped_ = true;
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
      case 30:
        return AwaitBytes(channel);
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
    At(chosen_, channel) = clients.size() - 1;
  }

  Client* Chosen(Channel channel) {
    Clients& clients = At(channel);
    if (clients.empty()) return nullptr;
    return &clients[At(chosen_, channel) % clients.size()];
  }

  /// Most sizes are small; few are large, to fill a socket or a queue.
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
    for (std::string_view rest = frame; !rest.empty();) {
      const std::string_view part = rest.substr(0, piece);
      rest.remove_prefix(part.size());
      if (!client->Write(part)) return;
      if (!rest.empty()) LetRun(channel);
    }
  }

  /// Waits until the client has something to read, or for a moment: then the mock is about to
  /// answer, or in the middle of it. A few times only, as scripts must be fast.
  void AwaitBytes(Channel channel) {
    constexpr int kMostWaits = 4;
    constexpr int kMomentMs = 20;
    const Client* const client = Chosen(channel);
    if (client == nullptr || client->fd < 0 || ++waits_ > kMostWaits) return;
    pollfd poll = {client->fd, POLLIN, 0};
    ::poll(&poll, 1, kMomentMs);
  }

  /// Waits until the mock has read what the client wrote, or for a little while.
  void LetRun(Channel channel) {
    const Client* const client = Chosen(channel);
    int unread = 1;
    for (int i = 0; i < 3 && unread > 0; ++i) {
      ::sched_yield();
      if (client != nullptr && client->fd >= 0) ::ioctl(client->fd, TIOCOUTQ, &unread);
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
        Garbled(Channel::kCtl) = true;
        reply = Reply::Frame(SomeCommand(), wire::Pattern(SomeSize()));
        break;
      case 4:
        Garbled(Channel::kCtl) = true;
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
      Garbled(Channel::kCtl) = true;
      reply = reply.Truncated(script_.Byte());
    }
    if ((kind & 0x20) != 0) {
      Garbled(Channel::kCtl) = true;
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
        Garbled(Channel::kIo) = true;  // it is not known when
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
    if (IsSentByTest(channel, key)) At(sent_, channel).push_back({key, payload});
    if (channel == Channel::kIo) return mock_.SendIo(key, payload);
    if (key >= wire::kAck && key <= wire::kNext) Garbled(channel) = true;  // looks like an answer
    mock_.SendMessage(Command{key}, payload);
  }

  /// Whether a client that gets a frame with that key gets it from Send alone. On ctl the mock
  /// sends answers by itself, and scripts send `ready` and process events in other ways too.
  static bool IsSentByTest(Channel channel, std::uint64_t key) {
    if (channel == Channel::kIo) return true;
    return (key < wire::kReady || key > wire::kNext) && key != wire::kProcessAsyncEvent &&
           key != wire::kSignalProcess;  // the process event of the other dialect
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

  /// The texts of the failures are made of the records that exist.
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

  /// It is not known how many of these clients' bytes the mock has read, or what it has sent them.
  void Disturb(Channel channel) {
    for (Client& client : At(channel)) client.disturbed = true;
  }
  void Disturb() {
    Disturb(Channel::kCtl);
    Disturb(Channel::kIo);
  }

  // ---- The end

  /// Each client in turn ends its input and reads to the end. One more client comes after them:
  /// when it has been served, all have been.
  void Settle(Channel channel) {
    mock_.ResumeReading(channel);
    mock_.ResumeListening(channel);
    Clients& clients = At(channel);
    At(script_clients_, channel) = clients.size();
    if (channel == Channel::kCtl && held_) return Disturb(channel);
    for (Client& client : clients) client.Finish();
    Connect(channel);
    Client& last = clients.back();
    last.Write(channel == Channel::kCtl ? wire::Ctl(kLastKey, "last") : wire::Io(kLastKey, "last"));
    last.Finish();
  }

  /// Stop must report only what scripts can cause.
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
      Require(!mock_.IsConnected(channel), "no client is connected to a stopped mock");
    }
  }

  // ---- The properties

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
        // The mock disconnects it there, and drops what it had not read.
        if (streams.back().end == Stream::End::kBroken && HasDropped()) client.cut = true;
        if (channel == Channel::kCtl) JudgeAnswers(client, streams.back());
      }
      JudgeRecords(channel, streams);
      JudgeSent(channel);
    }
    Require(options_.strict || violations_ <= expected_violations,
            "no violation without a client that caused it");
    Require(!undisturbed || violations_ == expected_violations,
            "each client that left in a frame, or broke one, is one violation");
  }

  bool HasDropped() const {
    return mock_.Transcript().find("that the client had not read") != std::string::npos;
  }

  /// The records are what the clients sent, one client after another: all of it, or the beginning
  /// if the client was disturbed.
  void JudgeRecords(Channel channel, const std::vector<Stream>& streams) {
    const std::vector<wire::Frame>& recorded = At(recorded_, channel);
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

  /// A ctl client that nothing disturbed has received its `next`s and its replies.
  void JudgeAnswers(const Client& client, const Stream& sent) {
    if (client.disturbed || client.cut || Garbled(Channel::kCtl) || !client.read_to_end) return;
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
    // A header that arrives in pieces is counted until its last piece shows that it is broken.
    const bool may_be_more =
        sent.end == Stream::End::kBroken && options_.next_acks == hyperstart::NextAcks::kPerRead;
    Require(next >= least && next <= least + (may_be_more ? 7 : 0),
            "the sum of a client's nexts is what it sent");
    Require(replies <= sent.frames.size(), "no reply without a command");
    Require(silent_ || replies == sent.frames.size(), "a reply to each command");
  }

  /// What clients got is what the test sent, whole and in order; all of it, if there was one client
  /// before the last.
  void JudgeSent(Channel channel) {
    if (Garbled(channel)) return;
    const std::vector<wire::Frame>& all_sent = At(sent_, channel);
    auto sent = all_sent.begin();
    bool all = !abrupt_ && !dropped_ && At(script_clients_, channel) <= 1;
    if (channel == Channel::kCtl && held_) all = false;
    std::size_t count = 0;
    for (const Client& client : At(channel)) {
      const Stream received = Stream::Parse(client.received, HeaderSize(channel), SIZE_MAX);
      all = all && client.read_to_end && !client.disturbed && !client.cut;
      Require(!client.read_to_end || client.disturbed || client.cut ||
                  received.end == Stream::End::kBetweenFrames,
              "a client gets whole frames");
      for (const wire::Frame& frame : received.frames) {
        if (!IsSentByTest(channel, frame.key)) continue;
        sent = std::find(sent, all_sent.end(), frame);
        Require(sent != all_sent.end(), "what a client gets was sent, in that order");
        ++sent;
        ++count;
      }
    }
    Require(!all || count == all_sent.size(), "a client gets all that was sent");
  }

  template <typename Each>
  static Each& At(std::array<Each, 2>& of_channels, Channel channel) {
    return of_channels[channel == Channel::kCtl ? 0 : 1];
  }
  bool& Garbled(Channel channel) { return At(garbled_, channel); }

  fuzz::Input script_;
  const hyperstart::Options options_;
  hyperstart::MockHyperstart mock_;

  std::array<Clients, 2> clients_;
  std::array<std::size_t, 2> chosen_{};
  std::array<std::size_t, 2> script_clients_{};  // those that the script connected
  std::array<std::vector<wire::Frame>, 2> recorded_;
  std::array<std::vector<wire::Frame>, 2> sent_;  // by the test, where IsSentByTest
  std::size_t violations_ = 0;
  std::size_t spent_ = 0;  // bytes of large frames
  std::uint32_t number_ = 0;
  int waits_ = 0;

  // What the script has done that leaves less to be known.
  bool abrupt_ = false;  // it stops at once
  // By channel: the mock sends bytes that are no whole frame, or that look like a reply.
  std::array<bool, 2> garbled_{};
  bool dropped_ = false;  // Stop dropped what had been sent
  bool silent_ = false;   // a command may get no reply
  bool held_ = false;     // a reply may never be sent
  bool dies_ = false;     // a command may end all connections
};

/// To bind a socket on a disk takes a hundred times as long as on a tmpfs.
bool UseMemoryForSockets() {
  return ::access("/dev/shm", W_OK) == 0 && ::setenv("TMPDIR", "/dev/shm", 0) == 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  [[maybe_unused]] static const bool in_memory = UseMemoryForSockets();
  // A sanitizer starts a thread of its own with the first thread of the program.
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
  // A thread that has been joined may be listed for a moment longer: here, and above, where it is
  // the one of `started`.
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (EntriesOf("/proc/self/task") > threads) {
    Require(std::chrono::steady_clock::now() < deadline, "no thread is left");
    ::sched_yield();
  }
  Require(::access(directory.c_str(), F_OK) != 0, "no directory is left");
  return 0;
}
