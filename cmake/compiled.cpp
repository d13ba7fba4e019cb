// The room behind the face, for who links mock_hyperstart::compiled.

#include <mock_hyperstart/detail/gtest/mock.hpp>
