// What mock_hyperstart.hpp needs. A source that is compiled without CMake, whose package checks the
// same, gets one error that names the Debian package, and no others: mock_hyperstart.hpp then
// declares nothing. The optional headers have checks of their own.

#ifndef MOCK_HYPERSTART_DETAIL_REQUIREMENTS_HPP_
#define MOCK_HYPERSTART_DETAIL_REQUIREMENTS_HPP_

#if __cplusplus < 201703L
#error mock_hyperstart needs C++17 or later
#elif !__has_include(<gtest/gtest.h>)
#error mock_hyperstart needs GoogleTest 1.12 or later (Debian: libgtest-dev)
#elif !__has_include(<asio/io_context.hpp>)
#error mock_hyperstart needs standalone Asio 1.22 or later (Debian: libasio-dev)
#elif !__has_include(<fmt/format.h>)
#error mock_hyperstart needs fmt 9 or later (Debian: libfmt-dev)
#else
#define MOCK_HYPERSTART_REQUIREMENTS_MET
#endif

#endif  // MOCK_HYPERSTART_DETAIL_REQUIREMENTS_HPP_
