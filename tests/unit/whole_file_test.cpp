#include "mock_hyperstart/detail/recording/whole_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "support/error_of.hpp"
#include "unit/temporary_directory.hpp"

namespace hyperstart::detail {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class WholeFileTest : public testing::Test {
 protected:
  std::string Content() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  std::size_t CountFiles() const {
    const std::filesystem::directory_iterator files(directory_.path());
    return static_cast<std::size_t>(std::distance(begin(files), end(files)));
  }

  TemporaryDirectory directory_;
  const std::string path_ = directory_ / "file";
};

TEST_F(WholeFileTest, ReplacesAnOldFileWhenItIsCommitted) {
  std::ofstream(path_) << "old";
  WholeFile file(path_);
  file.Write("new, ");
  file.Write("and whole");
  EXPECT_EQ(Content(), "old");
  file.Commit();
  EXPECT_EQ(Content(), "new, and whole");
  EXPECT_EQ(CountFiles(), 1u);
}

TEST_F(WholeFileTest, MayBeWrittenTwiceAtATime) {
  WholeFile first(path_);
  WholeFile second(path_);
  first.Write("first");
  second.Write("second");
  second.Commit();
  EXPECT_EQ(Content(), "second");
  first.Commit();
  EXPECT_EQ(Content(), "first");
  EXPECT_EQ(CountFiles(), 1u);
}

TEST_F(WholeFileTest, LeavesNothingWithoutACommit) {
  { WholeFile(path_).Write("half"); }
  EXPECT_EQ(CountFiles(), 0u);
}

TEST_F(WholeFileTest, WritesOverTheTail) {
  WholeFile file(path_);
  file.Append("a", "-a long tail");
  file.Append("b", "-tail");
  file.Append("c", {});
  file.Commit();
  EXPECT_EQ(Content(), "abc");
}

TEST_F(WholeFileTest, SaysWhyItCannotWrite) {
  EXPECT_THAT(ErrorOf([&] { WholeFile(directory_ / "no/file"); }),
              AllOf(HasSubstr("cannot write " + directory_.path() + "/no/file"),
                    HasSubstr("stays as it was"), HasSubstr("No such file or directory")));
}

TEST_F(WholeFileTest, ReplacesNoDeviceAndNoDirectory) {
  EXPECT_THAT(ErrorOf([] { WholeFile("/dev/null"); }), HasSubstr("which is no regular file"));
  EXPECT_THAT(ErrorOf([&] { WholeFile(directory_.path()); }),
              AllOf(HasSubstr("which is no regular file"), HasSubstr("Is a directory")));
  EXPECT_FALSE(std::filesystem::is_regular_file("/dev/null"));
}

}  // namespace
}  // namespace hyperstart::detail
