// Mocks that live until the program exits, in a program of their own: static_mock_test.cpp starts
// it, one test at a time, and looks at its exit status.

#include <gtest/gtest.h>

#include <mock_hyperstart.hpp>

#include "support/mock_test.hpp"

namespace hyperstart {
namespace {

Options Silent() {
  Options options;
  options.log = Log::kNever;
  return options;
}

/// Made before main, so destroyed after what was made later.
MockHyperstart at_namespace_scope(Silent());

/// Made by the first test that uses it.
MockHyperstart& InAFunction() {
  static MockHyperstart mock(Silent());
  return mock;
}

void Use(MockHyperstart& agent) {
  agent.Start();
  RawClient client = RawClient::Ctl(agent.GetSocketPaths().ctl);
  EXPECT_EQ(client.Call(wire::kPing).next, 8u);
}

void LeaveAPlanUnused(MockHyperstart& agent) {
  agent.On(Command::kStartPod).WillOnce(Reply::Error());
  Use(agent);
}

TEST(Unused, AtNamespaceScope) {}
TEST(Used, AtNamespaceScope) { Use(at_namespace_scope); }
TEST(Used, InAFunction) { Use(InAFunction()); }
TEST(Failing, AtNamespaceScope) { LeaveAPlanUnused(at_namespace_scope); }
TEST(Failing, InAFunction) { LeaveAPlanUnused(InAFunction()); }
TEST(Stopped, AtNamespaceScope) {
  Use(at_namespace_scope);
  at_namespace_scope.Stop();
}

}  // namespace
}  // namespace hyperstart
