#include "builtin_programs.hpp"

#include <cstddef>
#include <string>

#include "mock_hyperstart/program.hpp"

namespace program {

using hyperstart::Process;
using hyperstart::Program;

namespace {

Program EchoArguments() {
  return Program::Custom([](Process& process) {
    std::string line;
    for (std::size_t i = 1; i < process.args().size(); ++i) {
      if (i > 1) line += ' ';
      line += process.args()[i];
    }
    process.Out(line + '\n');
    process.Exit(0);
  });
}

Program PrintEnvironment() {
  return Program::Custom([](Process& process) {
    std::string lines;
    for (const std::string& variable : process.environment()) lines += variable + '\n';
    process.Out(lines);
    process.Exit(0);
  });
}

}  // namespace

void AddBuiltinPrograms(hyperstart::detail::MachineSetup& setup) {
  for (const std::string directory : {"", "/bin/", "/usr/bin/"}) {
    setup.AddProgram(directory + "true", Program::Exit(0));
    setup.AddProgram(directory + "false", Program::Exit(1));
    setup.AddProgram(directory + "echo", EchoArguments());
    setup.AddProgram(directory + "cat", Program::Echo());
    setup.AddProgram(directory + "sleep", Program::UntilKilled());
    setup.AddProgram(directory + "printenv", PrintEnvironment());
  }
}

}  // namespace program
