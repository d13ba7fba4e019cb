// Who closes a descriptor, and when.

#include "mock_hyperstart/detail/net/descriptor.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <system_error>
#include <utility>

#include "unit/temporary_directory.hpp"

namespace hyperstart::detail {
namespace {

TEST(DescriptorTest, ClosesItself) {
  const std::set<int> before = OpenDescriptors();
  {
    const Descriptor descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    EXPECT_NE(OpenDescriptors(), before);
  }
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST(DescriptorTest, IsClosedByItsLastOwner) {
  const std::set<int> before = OpenDescriptors();
  {
    Descriptor first(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const int fd = first.get();
    Descriptor second(std::move(first));
    EXPECT_EQ(second.get(), fd);
    EXPECT_EQ(first.get(), -1);  // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(second.release(), fd);
    EXPECT_EQ(second.get(), -1);
    EXPECT_EQ(::close(fd), 0) << "release() does not close it";
  }
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST(DescriptorTest, ClosesWhatItHadWhenItIsGivenAnother) {
  const std::set<int> before = OpenDescriptors();
  Descriptor descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  Descriptor other(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int fd = other.get();
  descriptor = std::move(other);
  EXPECT_EQ(descriptor.get(), fd);
  EXPECT_FALSE(other);  // NOLINT(bugprone-use-after-move)
  descriptor.Close();
  EXPECT_FALSE(descriptor);
  EXPECT_EQ(OpenDescriptors(), before);
  descriptor.Close();
}

TEST(DescriptorTest, IsNoDescriptorByDefault) {
  EXPECT_FALSE(Descriptor());
  EXPECT_TRUE(Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
}

TEST(ThrowErrnoTest, ThrowsTheErrnoWithTheSentence) {
  try {
    ThrowErrno(ENOENT, "cannot find it");
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
    EXPECT_THAT(error.what(), testing::StartsWith("mock_hyperstart: cannot find it: "));
  }
}

}  // namespace
}  // namespace hyperstart::detail
