// A line of the prompt as the parameters of an operation. Stateless: any thread.

#ifndef WORDS_HPP_
#define WORDS_HPP_

#include <string>
#include <string_view>
#include <vector>

#include "json_values.hpp"
#include "operations.hpp"

namespace program {

/// Words are separated by blanks. In "quotes", blanks belong to the word, and \n, \t, \r, \0, \xHH,
/// \" and \\ are bytes. Throws BadParameters.
std::vector<std::string> SplitWords(std::string_view line);

/// `words` without the verb. Throws BadParameters, which says what is right.
Json ToParameters(const Operation& operation, const std::vector<std::string>& words);

/// "send_io SEQ DATA"
std::string Usage(const Operation& operation);

}  // namespace program

#endif  // WORDS_HPP_
