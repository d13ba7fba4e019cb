// A reference to something callable, which costs a pointer to call and little to compile. Valid as
// long as what it refers to: for parameters only.

#ifndef MOCK_HYPERSTART_DETAIL_AGENT_FUNCTION_REF_HPP_
#define MOCK_HYPERSTART_DETAIL_AGENT_FUNCTION_REF_HPP_

namespace hyperstart::detail {

template <typename Result>
class FunctionRef {
 public:
  template <typename Function>
  FunctionRef(const Function& function)  // NOLINT(google-explicit-constructor)
      : object_(&function), call_([](const void* object) -> Result {
          return (*static_cast<const Function*>(object))();
        }) {}
  Result operator()() const { return call_(object_); }

 private:
  const void* object_;
  Result (*call_)(const void*);
};

}  // namespace hyperstart::detail

#endif  // MOCK_HYPERSTART_DETAIL_AGENT_FUNCTION_REF_HPP_
