// A user's test library. Its header includes ours, so that targets that link it need our library
// too.

#ifndef AGENT_HELPER_HPP_
#define AGENT_HELPER_HPP_

#include <memory>
#include <mock_hyperstart.hpp>

/// An agent that has been started, and fails the first startpod.
std::unique_ptr<hyperstart::MockHyperstart> StartAgentWithAFullDisk();

#endif  // AGENT_HELPER_HPP_
