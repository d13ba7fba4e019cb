#include <fmt/core.h>

#include <string>

#include "operations.hpp"

namespace program {

void RemoveNulls(const Operation& operation, Json& parameters) {
  const auto remove = [&](const std::string& name) {
    const auto found = parameters.find(name);
    if (found != parameters.end() && found->is_null()) parameters.erase(found);
  };
  for (const Parameter& parameter : operation.parameters) {
    const std::string name(parameter.name);
    remove(name);
    if (parameter.kind == Kind::kBytes) remove(name + "_base64");
  }
  if (operation.waits) remove("timeout_ms");
}

void CheckParameters(const Operation& operation, const Json& parameters) {
  std::string taken;
  for (const Parameter& parameter : operation.parameters) {
    taken += fmt::format("{}{}", taken.empty() ? "" : ", ", parameter.name);
    const std::string name(parameter.name);
    const bool given = parameters.contains(name) ||
                       (parameter.kind == Kind::kBytes && parameters.contains(name + "_base64"));
    if (!given && parameter.required) {
      throw BadParameters(fmt::format("{} needs {}", operation.name, name));
    }
  }
  if (operation.waits) taken += fmt::format("{}timeout_ms", taken.empty() ? "" : ", ");
  for (const auto& [key, value] : parameters.items()) {
    bool known = operation.waits && key == "timeout_ms";
    for (const Parameter& parameter : operation.parameters) {
      known = known || key == parameter.name ||
              (parameter.kind == Kind::kBytes && key == std::string(parameter.name) + "_base64");
    }
    if (!known) {
      throw BadParameters(fmt::format("{} takes no {}; it takes {}", operation.name, Dump(key),
                                      taken.empty() ? "no parameters" : taken));
    }
  }
}

}  // namespace program
