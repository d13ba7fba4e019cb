// hyperstart-ctl: a small client of the agent for the shell.

#include "hyperstart_ctl.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>

#include "mock_hyperstart/protocol.hpp"
#include "standard_streams.hpp"

namespace {

std::string ReadAll(const std::string& file) {
  if (file.empty()) return {};
  if (file == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + file);
  return {std::istreambuf_iterator<char>(in), {}};
}

void Print(const std::string& bytes) {
  std::fwrite(bytes.data(), 1, bytes.size(), stdout);
  std::fflush(stdout);
}

std::string FromHex(const std::string& digits) {
  std::string bytes;
  std::string pair;
  for (const char digit : digits) {
    if (digit == ' ') continue;
    if (std::string("0123456789abcdefABCDEF").find(digit) == std::string::npos) {
      throw CLI::ValidationError("HEX", "takes pairs of hexadecimal digits");
    }
    pair += digit;
    if (pair.size() < 2) continue;
    bytes += static_cast<char>(std::stoi(pair, nullptr, 16));
    pair.clear();
  }
  if (!pair.empty()) throw CLI::ValidationError("HEX", "takes pairs of hexadecimal digits");
  return bytes;
}

void Send(const std::string& path, const std::string& name, const std::string& file) {
  const auto command = hyperstart::CommandFromName(name);
  if (!command) throw CLI::ValidationError("COMMAND", "there is no command " + name);
  Ctl ctl(path);
  const std::string reply =
      ctl.Call({static_cast<std::uint64_t>(*command), name.c_str()}, ReadAll(file));
  Print(reply.empty() ? "" : reply + '\n');
}

/// Prints every frame that comes, until the agent hangs up.
void Raw(const std::string& path, const std::string& bytes) {
  const Connection connection("ctl", path, 4);
  connection.Write(bytes);
  for (;;) {
    const Frame frame = connection.ReadFrame();
    const auto command = static_cast<hyperstart::Command>(frame.key);
    std::printf("%s, %zu bytes: ", hyperstart::CommandName(command).c_str(), frame.payload.size());
    for (const char byte : frame.payload) {
      std::printf("%02x", static_cast<unsigned>(static_cast<unsigned char>(byte)));
    }
    Print("\n");
  }
}

/// Stdin to the stream, and the stream to stdout, to its end.
void Io(const std::string& path, std::uint64_t seq) {
  const Connection connection("io", path, 8);
  std::thread([&connection, seq] {
    try {
      std::string line;
      while (std::getline(std::cin, line)) connection.Write(connection.Encode({seq, line + '\n'}));
      connection.Write(connection.Encode({seq, {}}));
    } catch (const std::exception&) {  // the agent has hung up: the other thread says so
    }
  }).detach();
  for (;;) {
    const Frame frame = connection.ReadFrame();
    if (frame.key != seq) continue;
    if (frame.payload.empty()) break;
    Print(frame.payload);
  }
  ::_exit(0);  // the thread reads stdin
}

}  // namespace

int main(int argc, char** argv) {  // NOLINT(bugprone-exception-escape): no memory
  program::OpenStandardStreams();
  CLI::App app("hyperstart-ctl: a client of hyperstart for the shell");
  std::string ctl_path;
  std::string io_path;
  std::string command;
  std::string file;
  std::string hex;
  std::uint64_t seq = 0;
  app.set_version_flag("--version", MOCK_HYPERSTART_VERSION);
  app.add_option("--ctl", ctl_path, "The socket of ctl")->envname("HYPERSTART_CTL");
  app.add_option("--io", io_path, "The socket of io")->envname("HYPERSTART_IO");
  app.require_subcommand(1);
  app.add_subcommand("ping", "Whether the agent answers");
  app.add_subcommand("version", "The version of its API");
  CLI::App* const send = app.add_subcommand("send", "Sends a command and prints the reply");
  send->add_option("COMMAND", command, "Such as startpod")->required();
  send->add_option("FILE", file, "Its payload; - is stdin");
  CLI::App* const raw = app.add_subcommand("raw", "Sends bytes and prints the frames that come");
  raw->add_option("HEX", hex, "Pairs of hexadecimal digits")->required();
  CLI::App* const io = app.add_subcommand("io", "Joins a stream to stdin and stdout");
  io->add_option("SEQ", seq, "Its number")->required();
  try {
    app.parse(argc, argv);
    const std::string verb = app.get_subcommands().front()->get_name();
    if ((verb == "io" ? io_path : ctl_path).empty()) {
      throw CLI::RequiredError(verb == "io" ? "--io" : "--ctl");
    }
    if (verb == "ping") {
      Ctl(ctl_path).Call({12, "ping"});
      Print("pong\n");
    } else if (verb == "version") {
      std::printf("%llu\n",
                  static_cast<unsigned long long>(ToNumber(Ctl(ctl_path).Call(kVersion))));
    } else if (verb == "send") {
      Send(ctl_path, command, file);
    } else if (verb == "raw") {
      Raw(ctl_path, FromHex(hex));
    } else {
      Io(io_path, seq);
    }
    return 0;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    std::fprintf(stderr, "hyperstart-ctl: %s\nSee hyperstart-ctl --help.\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "hyperstart-ctl: %s\n", error.what());
    return 1;
  }
}
