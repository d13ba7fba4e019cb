// What the model's agent does at each command, in words, and how that is known: the names of
// recordings of the real agent. Values: any thread.

#ifndef MOCK_HYPERSTART_DETAIL_RECORDING_MODEL_RULES_HPP_
#define MOCK_HYPERSTART_DETAIL_RECORDING_MODEL_RULES_HPP_

#include <fmt/core.h>

#include <string>
#include <string_view>

#include "mock_hyperstart/protocol.hpp"

namespace hyperstart::detail {

struct ModelRule {
  Command command;
  std::string_view rule;
  std::string_view evidence;
};

inline constexpr ModelRule kModelRules[] = {
    {Command::kVersion, "ack with the API version", "virtio-02-getversion, virtio070-01-basic"},
    {Command::kPing, "ack", "virtio-03a-ping"},
    {Command::kReady, "ack", "virtio-04a-odd-codes"},
    {Command::kOnlineCpuMem, "ack", "from source"},
    {Command::kStartPod,
     "ack once all its containers have started; error for what can't be parsed; error, then power "
     "off, where the set-up fails or the pod is there",
     "virtio-06e-startpod-bad-json, virtio-06g-startpod-bad-share, virtio-09f-startpod-*"},
    {Command::kDestroyPod,
     "ack after the end of the last container's init, then both channels close; at once without "
     "containers",
     "virtio-06u-destroy-before-pod, virtio-06w-destroy-running, virtio-09g-*"},
    {Command::kNewContainer,
     "ack once its process runs; error before startpod, for a duplicate id, an unknown key, a "
     "missing image or rootfs, a process without args or streams",
     "virtio-06c-newcontainer-before-pod, virtio-06r-container, virtio-09e-newcontainer-bad-user"},
    {Command::kExecCmd,
     "ack once the process runs, also where its program is missing; error for a missing container, "
     "a process id that is taken in the pod, a process without args or streams",
     "virtio-06b-missing-container, virtio-06l-exec-errors, virtio-09c-exec-id-elsewhere"},
    {Command::kKillContainer,
     "ack for a container that runs; error \"no such container\" for one that does not, error "
     "\"invalid signal\" for a number that is none",
     "virtio-06a-kill-missing, virtio-06r-container, virtio-09b-signal-999"},
    {Command::kRemoveContainer,
     "error: a container is gone with its init; ack in API 4242 once the init has ended",
     "virtio-06r-container, virtio070-03-container"},
    {Command::kSignalProcess,
     "ack for a process that has not ended, whatever the number; error for any other, and for "
     "those "
     "of \"hyperstart\"",
     "virtio-06q-exec-tty, virtio-09a-signal-noprocess, virtio-09b-signal-999"},
    {Command::kWinSize, "ack for a process that has a terminal and has not ended; else error",
     "virtio-06s-container-tty, virtio-09j-winsize, virtio070-05-tty"},
    {Command::kWriteFile,
     "ack; error for a container that is not there, a missing directory, and a directory",
     "virtio-06t-files, virtio-09d-writefile-brace"},
    {Command::kReadFile,
     "ack with the file's bytes; error for a container or a file that is not there, and for a "
     "directory",
     "virtio-06t-files, virtio-09d-readfile-dir"},
    {Command::kSetupInterface, "ack; error after 2 s for a device that is not there",
     "virtio-09k-setupinterface-missing"},
    {Command::kSetupRoute, "ack; error for a device that is not there", "virtio-09k-*"},
    {Command::kDeleteInterface, "ack; error for a device that is not there, and for lo",
     "virtio-09k-*, from source"},
    {Command::kNext, "the sum of the counts is that of the bytes which the agent has read",
     "virtio-03b-ping-bytewise, virtio-05d-len-10239-chunks-512"},
    {Command::kProcessAsyncEvent,
     "one for each process that was acked, after the ack, once it is over; none for any other",
     "virtio-06i-exec-script, virtio-09c-id-quotes, virtio-06w-destroy-running"},
    {Command::kFinishPodDeprecated,
     "once, in API 4242, when the last container's init is over, with the status of each",
     "virtio070-03-container"},
};

/// "RULE [EVIDENCE]", of a command, or of what the agent says by itself.
inline std::string DescribeModelRule(Command command) {
  for (const ModelRule& rule : kModelRules) {
    if (rule.command == command) return fmt::format("{} [{}]", rule.rule, rule.evidence);
  }
  return "error: no command of a client [virtio-04a-odd-codes]";
}

/// What the model takes for granted, where one of the two acks a command and the other does not; a
/// line, or nothing.
inline std::string DescribeModelAssumption(Command command) {
  std::string_view assumption;
  switch (command) {
    case Command::kStartPod:
      assumption = "the share, the images and the users exist, and addresses and routes can be set";
      break;
    case Command::kNewContainer:
      assumption = "the image, the rootfs, the user and the volumes exist";
      break;
    case Command::kExecCmd:
      assumption = "the user and the directory exist, and the container's init is alive";
      break;
    case Command::kSetupInterface:
    case Command::kDeleteInterface:
    case Command::kSetupRoute:
      assumption = "the device exists, and takes the address or the route";
      break;
    case Command::kWriteFile:
      assumption = "the file system can be written, unless the image is read-only";
      break;
    default:
      return {};
  }
  return fmt::format(
      "\n  the model assumes that {}, except for names such as \"missing\" or \"nosuch...\"; if "
      "that "
      "is not so here, this is no error of the agent",
      assumption);
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_RECORDING_MODEL_RULES_HPP_
