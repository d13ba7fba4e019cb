// The payloads of the commands with which many tests begin.

#ifndef MOCK_HYPERSTART_TESTS_SUPPORT_PAYLOADS_HPP_
#define MOCK_HYPERSTART_TESTS_SUPPORT_PAYLOADS_HPP_

namespace hyperstart {

inline const char kPod[] = R"({"hostname":"web","shareDir":"share"})";

/// Runs /bin/cat outside any container, with its streams on 1 and 2.
inline const char kExecCat[] =
    R"({"container":"hyperstart","process":{"id":"p1","terminal":false,"stdio":1,"stderr":2,)"
    R"("args":["/bin/cat"],"envs":[],"workdir":"/"}})";

}  // namespace hyperstart

#endif  // MOCK_HYPERSTART_TESTS_SUPPORT_PAYLOADS_HPP_
