// Thousands of mocks, one after another and at once, and one whose process is killed, leave nothing
// behind.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "stress/child.hpp"
#include "stress/process.hpp"
#include "support/mock_test.hpp"
#include "support/temporary_place.hpp"

namespace hyperstart {
namespace {

void LiveOnce() {
  MockHyperstart agent;
  agent.Start();
  RawClient ctl = RawClient::Ctl(agent.GetSocketPaths().ctl);
  RawClient io = RawClient::Io(agent.GetSocketPaths().io);
  ASSERT_EQ(ctl.Call(wire::kPing).next, 8u);
  agent.Stop();
}

/// Bytes in use: on the heap, and resident.
struct Memory {
  std::size_t heap = ::mallinfo2().uordblks;
  std::size_t resident = Resident();

  static std::size_t Resident() {
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages >> pages;
    return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  }
};

TEST(Lifetimes, OneAfterAnotherLeaveNothing) {
  const TemporaryPlace place;
  const std::size_t lives = process::Scaled(20'000);
  const std::size_t warm_up = std::min<std::size_t>(lives / 20, 1000);
  { Started first; }  // a sanitizer starts a thread of its own with the first thread
  const process::Holdings before;
  for (std::size_t i = 0; i < warm_up; ++i) LiveOnce();
  const Memory early;
  for (std::size_t i = warm_up; i < lives; ++i) {
    LiveOnce();
    if (HasFatalFailure()) return;
  }
  const Memory late;
  EXPECT_TRUE(process::HoldsOnly(before));
  EXPECT_EQ(place.CountEntries(), 0u);
  std::cout << lives << " lives: heap " << early.heap << " to " << late.heap << " bytes, resident "
            << early.resident << " to " << late.resident << std::endl;
  if constexpr (!process::kSanitized) {  // sanitizers keep freed memory
    if (lives < 20'000) return;
    // One byte lost for each mock would be 19,000 bytes; one page, 78 MB.
    EXPECT_LT(late.heap, early.heap + 16 * 1024);
    EXPECT_LT(late.resident, early.resident + 8 * 1024 * 1024);
  }
}

TEST(Lifetimes, AThousandAtOnceLeaveNothing) {
  constexpr std::size_t kDescriptors = 9;  // 7 for a mock, 2 for its clients
  const TemporaryPlace place;
  const std::size_t most = (process::MostDescriptors() - 50) / kDescriptors;
  const std::size_t mocks = std::min(process::Scaled(1000), most);
  { Started first; }
  const process::Holdings before;
  {
    struct Living {
      std::unique_ptr<Started> agent = std::make_unique<Started>();
      RawClient ctl = agent->Ctl();
      RawClient io = agent->Io();
    };
    std::vector<Living> living(mocks);
    for (Living& one : living) {
      ASSERT_EQ(one.ctl.Call(wire::kPing).next, 8u);
      ASSERT_TRUE(one.agent->WaitForConnection(kDeadline));
    }
    const process::Holdings now;
    EXPECT_EQ(now.descriptors, before.descriptors + kDescriptors * mocks);
    EXPECT_EQ(now.threads, before.threads + 2 * mocks);
    EXPECT_EQ(place.CountEntries(), mocks);
    for (Living& one : living) EXPECT_EQ(one.agent->GetLastMessages().size(), 1u);
    std::cout << mocks << " mocks at once: " << now.descriptors << " descriptors, " << now.threads
              << " threads, " << Memory().resident << " bytes resident" << std::endl;
  }
  EXPECT_TRUE(process::HoldsOnly(before));
  EXPECT_EQ(place.CountEntries(), 0u);
}

TEST(Lifetimes, AKilledProcessDoesNotHinderTheNext) {
  const TemporaryPlace place;
  Options options;
  options.ctl_path = place.path() + "/ctl";
  options.io_path = place.path() + "/io";
  for (int i = 0; i < 3; ++i) {
    Child victim("Victim.WaitsToBeKilled",
                 {{"STRESS_INNER_CTL", options.ctl_path}, {"STRESS_INNER_IO", options.io_path}});
    victim.AwaitOutput("listening");
    EXPECT_THROW(Started{options}, std::system_error);  // the process is alive and listens
    victim.Kill();
    ASSERT_TRUE(std::filesystem::exists(options.ctl_path)) << victim.output();
    {
      Started agent(options);
      RawClient ctl = agent.Ctl();
      RawClient io = agent.Io();
      EXPECT_EQ(ctl.Call(wire::kPing).next, 8u);
      io.Write(wire::Io(1, "x"));
      EXPECT_TRUE(agent.ReadIo(kDeadline));
    }
    EXPECT_EQ(place.CountEntries(), 0u);
  }
}

}  // namespace
}  // namespace hyperstart
