// What the agent makes of payloads: the walk over tokens by position, with its surprises.

#include "mock_hyperstart/detail/model/requests.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace hyperstart::detail {
namespace {

using testing::ElementsAre;
using testing::Eq;
using testing::IsEmpty;
using testing::Optional;
using testing::Pair;
using testing::SizeIs;

const std::string kProcess =
    R"({"id":"p","terminal":false,"stdio":1,"stderr":2,"args":["/bin/sh","-c"],"envs":[],"workdir":"/"})";

std::optional<ExecRequest> Exec(const std::string& json, bool old = false) {
  return RequestParser(json, old).Exec();
}
std::optional<ContainerRequest> NewContainer(const std::string& json, bool old = false) {
  return RequestParser(json, old).Container();
}
std::optional<PodRequest> StartPod(const std::string& json, bool old = false) {
  PodRequest pod;
  return RequestParser(json, old).Pod(pod) ? std::optional(pod) : std::nullopt;
}
bool DiesOfContainer(const std::string& json, bool old = false) {
  RequestParser parser(json, old);
  parser.Container();
  return parser.dies();
}

TEST(ExecRequests, HoldTheProcess) {
  const auto exec = Exec(
      R"({"container":"c","process":{"id":"p","user":"u","group":"g","additionalGroups":["a","b"],)"
      R"("terminal":true,"stdio":5,"stderr":6,"args":["x",5],"envs":[{"env":"A","value":"1"},)"
      R"({"value":"2","env":"B"},{"env":"C"}],"workdir":"/w"}})");
  ASSERT_TRUE(exec);
  EXPECT_EQ(exec->container, "c");
  const ProcessRequest& process = exec->process;
  EXPECT_EQ(process.id, "p");
  EXPECT_EQ(process.user, "u");
  EXPECT_EQ(process.group, "g");
  EXPECT_THAT(process.additional_groups, ElementsAre(Optional(Eq("a")), Optional(Eq("b"))));
  EXPECT_TRUE(process.terminal);
  EXPECT_EQ(process.stdio, 5u);
  EXPECT_EQ(process.stderr_seq, 6u);
  EXPECT_THAT(process.args, Optional(ElementsAre(Optional(Eq("x")), Optional(Eq("5")))));
  EXPECT_THAT(process.envs, ElementsAre(Pair(Optional(Eq("A")), Optional(Eq("1"))),
                                        Pair(Optional(Eq("B")), Optional(Eq("2"))),
                                        Pair(Optional(Eq("C")), Eq(std::nullopt))));
  EXPECT_EQ(process.workdir, "/w");
}

TEST(ExecRequests, NeedAContainerAndAStdioSeq) {
  EXPECT_TRUE(Exec(R"({"container":"c","process":)" + kProcess + "}"));
  EXPECT_FALSE(Exec(R"({"process":)" + kProcess + "}"));
  EXPECT_FALSE(Exec(R"({"container":"","process":)" + kProcess + "}"));
  EXPECT_FALSE(Exec(R"({"container":"c","process":{"stdio":0}})"));
  EXPECT_FALSE(Exec(R"({"container":"c"})"));
  EXPECT_FALSE(Exec("junk"));
  EXPECT_FALSE(Exec("{"));
}

TEST(ExecRequests, SkipKeysThatAreNotKnown) {  // [virtio-09i-unknown-key-first]
  EXPECT_TRUE(Exec(R"({"container":"c","zzz":1,"process":)" + kProcess + "}"));
  EXPECT_TRUE(Exec(R"({"container":"c","process":)" + kProcess + R"(,"zzz":1})"));
}

TEST(ExecRequests, DropTheRestOfAProcessAtAKeyThatIsNotKnown) {
  const auto last = Exec(R"({"container":"c","process":{"stdio":1,"args":["x"],"zzz":[1]}})");
  ASSERT_TRUE(last);
  EXPECT_THAT(last->process.args, Optional(SizeIs(1)));
  const auto middle = Exec(R"({"container":"c","process":{"stdio":1,"zzz":1,"args":["x"]}})");
  ASSERT_TRUE(middle);
  EXPECT_EQ(middle->process.args, std::nullopt);
  EXPECT_FALSE(Exec(R"({"container":"c","process":{"zzz":1,"stdio":1}})"));
}

TEST(ExecRequests, DoNotSeeAContainerRightAfterTheProcess) {  // [virtio-09i-unknown-key-first]
  EXPECT_FALSE(Exec(R"({"process":)" + kProcess + R"(,"container":"c"})"));
  EXPECT_TRUE(Exec(R"({"process":)" + kProcess + R"(,"x":1,"container":"c"})"));
}

TEST(ExecRequests, LetTheLastDuplicateWin) {
  const auto exec = Exec(R"({"container":"a","container":"b","process":{"stdio":1,"stdio":2}})");
  ASSERT_TRUE(exec);
  EXPECT_EQ(exec->container, "b");
  EXPECT_EQ(exec->process.stdio, 2u);
}

TEST(ExecRequests, NeedArraysWhereTheyNeedThem) {
  EXPECT_FALSE(Exec(R"({"container":"c","process":{"stdio":1,"args":"x"}})"));
  EXPECT_FALSE(Exec(R"({"container":"c","process":{"stdio":1,"envs":[1]}})"));
  EXPECT_FALSE(Exec(R"({"container":"c","process":{"stdio":1,"envs":[{"x":1}]}})"));
  EXPECT_FALSE(Exec(R"({"container":"c","process":5})"));
}

TEST(ExecRequests, OfAnOldAgentKnowNoId) {
  EXPECT_FALSE(Exec(R"({"container":"c","process":{"id":"p","stdio":1}})", true));
  EXPECT_TRUE(Exec(R"({"container":"c","process":{"stdio":1}})", true));
}

std::string ContainerWith(const std::string& more) {
  return R"({"id":"c1","rootfs":"rootfs","image":"img",)" + more + R"("process":)" + kProcess + "}";
}

TEST(ContainerRequests, HoldTheContainer) {
  const auto container = NewContainer(ContainerWith(
      R"("addr":"0:1","fstype":"ext4","volumes":[{"device":"d","addr":"a","mount":"/m",)"
      R"("fstype":"f","readOnly":true,"dockerVolume":false}],"fsmap":[{"source":"s","path":"/p",)"
      R"("readOnly":false}],"sysctl":{"a.b":"1"},"restartPolicy":"never","initialize":false,)"
      R"("readOnly":true,"ports":[{"protocol":"tcp","hostPort":1,"containerPort":2}],)"));
  ASSERT_TRUE(container);
  EXPECT_EQ(container->id, "c1");
  EXPECT_EQ(container->rootfs, "rootfs");
  EXPECT_EQ(container->image, "img");
  EXPECT_EQ(container->fstype, "ext4");
  EXPECT_TRUE(container->read_only);
  EXPECT_EQ(container->process.id, "p");
}

TEST(ContainerRequests, RefuseKeysThatAreNotKnown) {
  // The last is virtcontainers'.
  for (const char* const more : {R"("zzz":1,)", R"("volumes":[{"x":1}],)", R"("fsmap":1,)",
                                 R"("sysctl":[],)", R"("capabilities":{},)"}) {
    EXPECT_FALSE(NewContainer(ContainerWith(more))) << more;
  }
  EXPECT_FALSE(NewContainer(R"({"id":"c","process":{"zzz":1,"stdio":1},"image":"i"})"));
  EXPECT_TRUE(NewContainer(R"({"id":"c","process":{"stdio":1,"zzz":1}})")) << "unseen at the end";
}

TEST(ContainerRequests, StumbleOverAnEmptyListOfPorts) {
  EXPECT_FALSE(NewContainer(ContainerWith(R"("ports":[],)")));
  EXPECT_TRUE(NewContainer(R"({"id":"c","ports":[]})"));
}

TEST(ContainerRequests, OfAnOldAgentKnowNoReadOnly) {
  EXPECT_FALSE(NewContainer(R"({"id":"c","readOnly":false})", true));
  EXPECT_TRUE(NewContainer(R"({"id":"c","readOnly":false})"));
}

TEST(PodRequests, HoldThePod) {
  const auto pod = StartPod(
      R"({"hostname":"h","shareDir":"s","dns":["1.1.1.1"],"dnsSearch":["a"],"dnsOptions":["b"],)"
      R"("interfaces":[{"device":"eth0","newDeviceName":"e","mtu":1500,"ipAddresses":)"
      R"([{"ipAddress":"10.0.0.2","netMask":"255.0.0.0"}]}],"routes":[{"dest":"default",)"
      R"("gateway":"10.0.0.1","device":"eth0"}],"restartPolicy":"never","portmappingWhiteLists":)"
      R"({"internalNetworks":["a"],"externalNetworks":["b"]},"containers":[{"id":"c"}]})");
  ASSERT_TRUE(pod);
  EXPECT_EQ(pod->hostname, "h");
  EXPECT_EQ(pod->share_dir, "s");
  ASSERT_THAT(pod->interfaces, SizeIs(1));
  EXPECT_EQ(pod->interfaces[0].device, "eth0");
  EXPECT_EQ(pod->interfaces[0].new_name, "e");
  ASSERT_THAT(pod->routes, SizeIs(1));
  EXPECT_EQ(pod->routes[0].gateway, "10.0.0.1");
  ASSERT_THAT(pod->containers, SizeIs(1));
  EXPECT_EQ(pod->containers[0].id, "c");
}

TEST(PodRequests, HaveNoHostnameInWhatIsNoObject) {  // [virtio-06f]
  for (const char* const json : {"", "{}", "junk", "null"}) {
    const auto pod = StartPod(json);
    ASSERT_TRUE(pod) << json;
    EXPECT_EQ(pod->hostname, std::nullopt) << json;
  }
}

TEST(PodRequests, RefuseWhatTheAgentAnswersWithAnError) {  // [virtio-06e-startpod-bad-json]
  for (const char* const json :
       {"{", R"({"foo":1})", R"({"hostname":"h","containers":5})",
        R"({"hostname":"h","containers":[5]})", R"({"interfaces":[{"x":1}]})", R"({"dns":5})",
        R"({"portmappingWhiteLists":{"x":[]}})"}) {
    EXPECT_FALSE(StartPod(json)) << json;
  }
}

TEST(FileRequests, HoldAContainerAndAFile) {  // [virtio-06t-files]
  const auto file = RequestParser(R"({"container":"c1","file":"/etc/hello"})", false).File();
  ASSERT_TRUE(file);
  EXPECT_EQ(file->container, "c1");
  EXPECT_EQ(file->file, "/etc/hello");
  for (const char* const json :
       {R"({"file":"/etc/hello"})", R"({"container":"c1"})", "xxxx", "{",
        R"({"container":"c1","file":"/f","x":1})",
        R"({"container":"c1","container":"c1","container":"c1","container":"c1","file":"/f"})"}) {
    EXPECT_FALSE(RequestParser(json, false).File()) << json;
  }
}

TEST(RouteRequests, NeedRoutesAsTheFirstKey) {
  EXPECT_THAT(RequestParser(R"({"routes":[{"dest":"any"}]})", false).Routes(), Optional(SizeIs(1)));
  EXPECT_THAT(RequestParser("{}", false).Routes(), Optional(IsEmpty()));
  EXPECT_EQ(RequestParser(R"({"x":1,"routes":[]})", false).Routes().has_value(), false);
  EXPECT_EQ(RequestParser(R"({"routes":[{"x":1}]})", false).Routes().has_value(), false);
}

// ---- from source: compared with the agent's own parser, text by text

TEST(StartPodRequests, KeepWhatFailedOnesHaveSaid) {
  PodRequest pod;
  EXPECT_FALSE(RequestParser(R"({"hostname":"h","routes":[{"dest":"a"}],"x":1})", false).Pod(pod));
  EXPECT_TRUE(RequestParser(R"({"shareDir":"s"})", false).Pod(pod));
  EXPECT_EQ(pod.hostname, "h");
  EXPECT_EQ(pod.share_dir, "s");
  EXPECT_THAT(pod.routes, SizeIs(1));
  EXPECT_FALSE(RequestParser(R"({"containers":[{},{"x":1}]})", false).Pod(pod));
  EXPECT_THAT(pod.containers, IsEmpty());
}

TEST(StartPodRequests, TakeTheLastOfTwoLists) {
  const auto pod = StartPod(
      R"({"interfaces":[{"device":"a"}],"routes":[{"dest":"a"}],"interfaces":[],"routes":[]})");
  ASSERT_TRUE(pod);
  EXPECT_THAT(pod->interfaces, IsEmpty());
  EXPECT_THAT(pod->routes, IsEmpty());
}

TEST(StartPodRequests, LookAgainAtAKeyOfTheWhiteListsWhoseValueIsNoList) {
  const auto lists = [](const std::string& text) {
    return StartPod(R"({"hostname":"h","portmappingWhiteLists":)" + text + "}").has_value();
  };
  EXPECT_TRUE(lists(R"({"internalNetworks":["a"],"externalNetworks":[]})"));
  EXPECT_TRUE(lists(R"({internalNetworks:[1]})"));
  EXPECT_FALSE(lists(R"({"internalNetworks":{"a":1}})"));
  EXPECT_FALSE(lists(R"({"x":["a"]})"));
}

TEST(ContainerRequests, KillTheAgentWithABrokenEscape) {
  EXPECT_TRUE(DiesOfContainer(R"({"id":"\ud83d"})"));
  EXPECT_TRUE(DiesOfContainer(R"({"id":"\ud83d","x":1})"));
  EXPECT_TRUE(DiesOfContainer(R"({"sysctl":{"\ud83d":"1"}})"));
  EXPECT_FALSE(DiesOfContainer(R"({"x":1,"id":"\ud83d"})")) << "it stops at what it does not know";
  EXPECT_FALSE(DiesOfContainer(R"({"sysctl":{"a":"\ud83d"},"rootfs":"\ud83d"})"));
  EXPECT_FALSE(DiesOfContainer(R"({"process":{"stdio":"\ud83d"}})"));
  EXPECT_TRUE(DiesOfContainer(R"({"process":{"stdio":"\ud83d"}})", true)) << "v0.7.0";
}

TEST(InterfaceRequests, OfOldAgentsHaveOneAddress) {
  const std::string many = R"({"device":"a","ipAddresses":[{"ipAddress":"1.2.3.4"}]})";
  EXPECT_TRUE(RequestParser(many, false).Interface());
  EXPECT_FALSE(RequestParser(many, true).Interface());
}

}  // namespace
}  // namespace hyperstart::detail
