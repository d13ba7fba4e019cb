// How `next` frames are kept as Event::nexts: equal ones as one run, and in bounded memory unless
// Options::keep_all is set. Stateless: any thread.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_NEXT_RUNS_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_NEXT_RUNS_HPP_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "mock_hyperstart/event.hpp"

namespace hyperstart::detail {

/// Adds a `next` frame that counts `bytes`, which are not 0, to the runs of one event: those in
/// `nexts` from `begin` on.
inline void AddToRuns(std::vector<NextRun>& nexts, std::size_t begin, std::uint32_t bytes,
                      bool keep_all) {
  constexpr std::size_t kMostRuns = 16;  // see Event::nexts
  const std::size_t runs = nexts.size() - begin;
  const bool full = runs >= kMostRuns && !keep_all;
  if ((full && runs > kMostRuns) || (runs > 0 && nexts.back().bytes == bytes)) {
    ++nexts.back().frames;
  } else {
    nexts.push_back({full ? 0 : bytes, 1});
  }
}

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_NEXT_RUNS_HPP_
