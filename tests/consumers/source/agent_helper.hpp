// What a user's test library may look like: its own face shows ours, so whoever links it needs us.

#ifndef AGENT_HELPER_HPP_
#define AGENT_HELPER_HPP_

#include <memory>
#include <mock_hyperstart.hpp>

/// An agent that has been started, and fails the first startpod.
std::unique_ptr<hyperstart::MockHyperstart> StartAgentWithAFullDisk();

#endif  // AGENT_HELPER_HPP_
