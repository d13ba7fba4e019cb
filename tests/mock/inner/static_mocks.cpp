// Mocks that live until the program exits, in a program of their own: static_mock_test.cpp starts
// it, one test at a time, and looks at its exit status.

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <mock_hyperstart.hpp>

#include "support/mock_test.hpp"

namespace hyperstart {
namespace {

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

/// Once all tests are over: a mock that fails while a reporter of its user takes the failures.
class FailsIntercepted : public testing::Environment {
 public:
  static inline bool wanted = false;
  void TearDown() override {
    if (!wanted) return;
    testing::TestPartResultArray failures;
    {
      const testing::ScopedFakeTestPartResultReporter reporter(&failures);
      MockHyperstart mock(Silent());
      LeaveAPlanUnused(mock);
    }
    EXPECT_EQ(failures.size(), 1);
  }
};
const auto* const kIntercepted = testing::AddGlobalTestEnvironment(new FailsIntercepted);

TEST(Unused, AtNamespaceScope) {}
TEST(Used, AtNamespaceScope) { Use(at_namespace_scope); }
TEST(Used, InAFunction) { Use(InAFunction()); }
TEST(Failing, AtNamespaceScope) { LeaveAPlanUnused(at_namespace_scope); }
TEST(Failing, InAFunction) { LeaveAPlanUnused(InAFunction()); }
TEST(Intercepted, AfterTheTests) { FailsIntercepted::wanted = true; }
TEST(Stopped, AtNamespaceScope) {
  Use(at_namespace_scope);
  at_namespace_scope.Stop();
}

}  // namespace
}  // namespace hyperstart
