// The command line of mock-hyperstart.

#ifndef OPTIONS_HPP_
#define OPTIONS_HPP_

#include <cstddef>
#include <optional>
#include <string>

#include "double.hpp"

namespace program {

struct Arguments {
  Settings settings;
  bool rpc = false;
  std::string control;
  std::string script;
  std::size_t output_limit = std::size_t{256} << 20;
};

/// The exit status with which the program ends at once: 0 after --help, 2 after what is not usable.
std::optional<int> ParseArguments(int argc, char** argv, Arguments& arguments);

}  // namespace program

#endif  // OPTIONS_HPP_
