// The few programs that the machine of --model has: what an interactive try or a test of a client
// needs, without a process of this machine.

#ifndef BUILTIN_PROGRAMS_HPP_
#define BUILTIN_PROGRAMS_HPP_

#include "mock_hyperstart/detail/model/pod.hpp"

namespace program {

/// true, false, echo, cat, sleep (until it is killed) and printenv, each also in /bin and /usr/bin.
/// Every other program is not found: status 127.
void AddBuiltinPrograms(hyperstart::detail::MachineSetup& setup);

}  // namespace program

#endif  // BUILTIN_PROGRAMS_HPP_
