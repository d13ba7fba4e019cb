// The definitions of the members of MockHyperstart, for targets that link
// mock_hyperstart::compiled.

#include <mock_hyperstart/detail/gtest/mock.hpp>
