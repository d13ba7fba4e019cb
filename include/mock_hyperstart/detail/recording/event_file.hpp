// A conversation that is written to a file as it happens: a recording, or a capture. Locks itself:
// any thread.

#ifndef MOCK_HYPERSTART_DETAIL_RECORDING_EVENT_FILE_HPP_
#define MOCK_HYPERSTART_DETAIL_RECORDING_EVENT_FILE_HPP_

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "mock_hyperstart/detail/agent/event_log.hpp"
#include "mock_hyperstart/detail/agent/exception_text.hpp"
#include "mock_hyperstart/detail/net/mutex.hpp"
#include "mock_hyperstart/detail/recording/whole_file.hpp"
#include "mock_hyperstart/event.hpp"

namespace hyperstart::detail {

/// `Writer`: RecordingWriter or PcapngWriter. The file is at its path when it is complete. Until
/// then it has the name that WholeFile gives it, and is a valid file of its kind after each event,
/// so that it is of use where the process was killed.
template <typename Writer>
class EventFile final : public EventSink {
 public:
  /// `begin`: of the file. `on_error` is called once, on the thread of the event that can't be
  /// written, with the reason. Throws std::system_error, which says why the file can't be written.
  EventFile(const std::string& path, std::string_view begin,
            std::function<void(const std::string&)> on_error)
      : on_error_(std::move(on_error)), file_(path) {
    const MutexLock lock(mutex_);
    file_.Append(begin, writer_.End());
  }

  /// Never throws: after an error nothing more is written, and Complete says the same once more.
  void OnEvent(const Event& event) override {
    std::string error;
    {
      const MutexLock lock(mutex_);
      if (!error_.empty() || complete_) return;
      try {
        const std::string text = writer_.Add(event);
        file_.Append(text, Tail());
        return;
      } catch (...) {
        error = error_ = CurrentExceptionText();
      }
    }
    on_error_(error);
  }

  /// Nothing is added from now on. What went wrong; empty if the file is at its path.
  std::string Complete() {
    const MutexLock lock(mutex_);
    if (!error_.empty() || complete_) return error_;
    try {
      file_.Append(writer_.End(), {});
      file_.Commit();
      complete_ = true;
    } catch (...) {
      error_ = CurrentExceptionText();
    }
    return error_;
  }

 private:
  /// What makes a file of what there is: a copy, since the writer goes on.
  std::string Tail() const MOCK_HYPERSTART_REQUIRES(mutex_) {
    Writer copy = writer_;
    return copy.End();
  }

  const std::function<void(const std::string&)> on_error_;
  Mutex mutex_;
  Writer writer_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  WholeFile file_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  std::string error_ MOCK_HYPERSTART_GUARDED_BY(mutex_);
  bool complete_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = false;
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_RECORDING_EVENT_FILE_HPP_
