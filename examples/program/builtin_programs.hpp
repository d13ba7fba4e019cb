// The few programs that the machine of --model has: what an interactive try or a test of a client
// needs, without a process of this machine.

#ifndef BUILTIN_PROGRAMS_HPP_
#define BUILTIN_PROGRAMS_HPP_

#include "mock_hyperstart/detail/model/pod.hpp"

namespace program {

/// true, false, echo, cat, printenv and sleep, which goes on until it is killed. Each is also found
/// in /bin and /usr/bin.
/// Every other program is not found: status 127.
void AddBuiltinPrograms(hyperstart::detail::MachineSetup& setup);

}  // namespace program

#endif  // BUILTIN_PROGRAMS_HPP_
