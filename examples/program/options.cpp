#include "options.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <stdexcept>
#include <string>

#include "mock_hyperstart/options.hpp"
#include "mock_hyperstart/protocol.hpp"

namespace program {
namespace {

using hyperstart::Dialect;
using hyperstart::NextAcks;
using hyperstart::Transport;

template <typename Value>
Value OneOf(const char* option, const std::string& word,
            const std::map<std::string, Value>& words) {
  const auto found = words.find(word);
  if (found != words.end()) return found->second;
  std::string all;
  for (const auto& [known, value] : words) all += (all.empty() ? "" : ", ") + known;
  throw CLI::ValidationError(option, "\"" + word + "\" is none of " + all);
}

const std::map<std::string, bool> kAgents = {{"hyperstart-1.1.0", false},
                                             {"hyperstart-0.7.0", true}};

/// Who answers is one of the model, the agent behind and the recording.
void CheckTogether(const Settings& settings) {
  const bool forwards = !settings.forward.ctl.empty();
  if (forwards && settings.model) {
    throw CLI::ValidationError("--forward", "the agent answers, and not --model: give one of them");
  }
  const bool goes_on = settings.replay_rules.goes_on_after_end;
  if (!settings.replay.empty() && (forwards || (settings.model && !goes_on))) {
    throw CLI::ValidationError("--replay",
                               "the recording answers, and not --model or --forward: give one of "
                               "them. For the model after "
                               "the recording's end: --replay-after-end otherwise");
  }
  if (goes_on && settings.replay.empty()) {
    throw CLI::ValidationError("--replay-after-end", "needs --replay");
  }
  if (settings.compare && !forwards) {
    throw CLI::ValidationError("--compare", "needs --forward: the agent to compare with the model");
  }
  if (!settings.replay_rules.ignore.empty() && settings.replay.empty()) {
    throw CLI::ValidationError("--replay-ignore", "needs --replay");
  }
  if (settings.replay_rules.to_the_end && settings.replay.empty()) {
    throw CLI::ValidationError("--replay-to-the-end", "needs --replay");
  }
  if (!settings.record.empty() && settings.record == settings.pcapng) {
    throw CLI::ValidationError("--pcapng", "give it another file than --record");
  }
  if (settings.bounded && !(settings.record.empty() && settings.pcapng.empty())) {
    throw CLI::ValidationError("--bounded", "what --record and --pcapng write is kept whole");
  }
}

}  // namespace

std::optional<int> ParseArguments(int argc, char** argv, Arguments& arguments) {
  CLI::App app("mock-hyperstart: a test double of hyperstart, the agent in a virtual machine");
  app.set_version_flag("--version", MOCK_HYPERSTART_VERSION);
  hyperstart::Options& options = arguments.settings.options;
  std::string model;
  std::string programs;
  std::string transport;
  std::string dialect;
  std::string next_acks;
  std::string compare;
  std::string after_end;
  std::vector<std::string> forward;
  app.add_option("--ctl", options.ctl_path, "Where to listen for ctl (default: a fresh path)");
  app.add_option("--io", options.io_path, "Where to listen for io (default: a fresh path)");
  CLI::Option* const with_model =
      app.add_option("--model", model, "Behave as hyperstart-1.1.0 (default) or hyperstart-0.7.0")
          ->expected(0, 1);
  CLI::Option* const with_programs =
      app.add_option("--programs", programs,
                     "With --model: local processes, or a few built in (default: builtin)");
  app.add_option("--transport", transport,
                 "unix, virtio or vsock (default: unix, with --model virtio)");
  app.add_option("--api-version", options.api_version, "What version is acked with");
  app.add_option("--dialect", dialect, "hyperstart (default) or clear-containers");
  app.add_flag("--ready-on-connect", options.ready_on_connect, "Say ready to each client");
  app.add_flag("--strict", options.strict, "What the real agent dies of is a violation, too");
  app.add_option("--next-acks", next_acks, "per-read (default), per-frame or none");
  app.add_flag("--rpc", arguments.rpc, "JSON-RPC 2.0 on stdin and stdout");
  app.add_option("--control", arguments.control, "The same on a Unix socket, beside the prompt");
  CLI::Option* const with_script =
      app.add_option("--script", arguments.script, "A file with commands of the prompt");
  app.add_option("--output-limit", arguments.output_limit,
                 "The bytes that may wait for a client that does not read")
      ->capture_default_str();
  Settings& settings = arguments.settings;
  app.add_option("--forward", forward, "Pass each client on to the agent at CTL and IO")
      ->expected(2)
      ->type_name("CTL IO");
  CLI::Option* const with_compare =
      app.add_option("--compare", compare,
                     "With --forward: compare the agent with the model of hyperstart-1.1.0 "
                     "(default) or hyperstart-0.7.0")
          ->expected(0, 1);
  app.add_option("--record", settings.record, "Write the conversation to FILE as it happens")
      ->type_name("FILE");
  app.add_option("--pcapng", settings.pcapng, "The same for Wireshark")->type_name("FILE");
  app.add_option("--replay", settings.replay, "Answer as the agent of the recording in FILE did")
      ->type_name("FILE");
  app.add_option("--replay-ignore", settings.replay_rules.ignore,
                 "A JSON pointer to what may differ from the recording; several times for several")
      ->expected(1)
      ->type_name("POINTER");
  app.add_option("--replay-after-end", after_end,
                 "What becomes of a command after the recording's end: violation (default), or "
                 "otherwise: the handler, --model, or the default reply answers it");
  app.add_flag("--replay-to-the-end", settings.replay_rules.to_the_end,
               "A client that leaves before it has said all that was recorded is a violation");
  app.add_flag("--bounded", settings.bounded,
               "Keep only some of the conversation, and with --forward the newest 16 MiB of each "
               "channel that nobody has taken (else all of it): for tests of long duration, "
               "without save_recording and save_pcapng");
  try {
    app.parse(argc, argv);
    if (arguments.rpc && with_script->count() > 0) {
      throw CLI::ValidationError("--script", "is for the prompt: give it without --rpc");
    }
    settings.model = with_model->count() > 0;
    if (!model.empty()) settings.old_agent = OneOf<bool>("--model", model, kAgents);
    settings.compare = with_compare->count() > 0;
    if (!compare.empty()) settings.old_agent = OneOf<bool>("--compare", compare, kAgents);
    if (!forward.empty()) settings.forward = {forward[0], forward[1]};
    if (!after_end.empty()) {
      settings.replay_rules.goes_on_after_end =
          OneOf<bool>("--replay-after-end", after_end, {{"violation", false}, {"otherwise", true}});
    }
    CheckTogether(settings);
    if (with_programs->count() > 0) {
      if (!settings.model) throw CLI::ValidationError("--programs", "needs --model");
      settings.local_programs =
          OneOf<bool>("--programs", programs, {{"local", true}, {"builtin", false}});
    }
    if (settings.model) options.transport = Transport::kVirtio;
    if (!transport.empty()) {
      options.transport = OneOf<Transport>("--transport", transport,
                                           {{"unix", Transport::kUnixSocket},
                                            {"virtio", Transport::kVirtio},
                                            {"vsock", Transport::kVsock}});
    }
    if (!dialect.empty()) {
      options.dialect = OneOf<Dialect>(
          "--dialect", dialect,
          {{"hyperstart", Dialect::kHyperstart}, {"clear-containers", Dialect::kClearContainers}});
    }
    if (!next_acks.empty()) {
      options.next_acks = OneOf<NextAcks>("--next-acks", next_acks,
                                          {{"per-read", NextAcks::kPerRead},
                                           {"per-frame", NextAcks::kPerFrame},
                                           {"none", NextAcks::kNone}});
    }
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    std::fprintf(stderr, "mock-hyperstart: %s\nSee mock-hyperstart --help.\n", error.what());
    return 2;
  }
  return std::nullopt;
}

}  // namespace program
