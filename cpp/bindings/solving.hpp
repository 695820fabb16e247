// What all bindings that solve share: settings from a dictionary, signals and callbacks.
#pragma once

#include <pybind11/pybind11.h>

#include <exception>
#include <optional>
#include <string>

#include "twincert/core/error.hpp"
#include "twincert/solver/settings.hpp"

namespace twincert::bindings {

namespace py = pybind11;

inline solver::Settings settings_of(const py::dict& values) {
  solver::Settings settings;
  for (const auto& [key, value] : values) {
    const std::string name = py::cast<std::string>(key);
    const double number = py::cast<double>(value);
    bool known = false;
    for (const core::SettingInfo& info : solver::settings_table()) {
      if (info.name != name) continue;
      known = true;
      core::check_setting(info, number);  // before the conversion to an integer, which a NaN would not survive
    }
    if (!known) throw core::SettingsError("settings: unknown setting '" + name + "'");
#define TWINCERT_ASSIGN(type, field, default_value, minimum, maximum, description) \
  if (name == #field) settings.field = static_cast<type>(number);
    TWINCERT_SETTINGS(TWINCERT_ASSIGN)
#undef TWINCERT_ASSIGN
  }
  return settings;
}

// Polls signals and the user's callback with the GIL held; keeps an exception of either to be raised after the solver has returned.
class Monitor {
 public:
  explicit Monitor(std::optional<py::function> callback) : callback_(std::move(callback)) {}

  // `progress` makes the callback's argument.
  template <class Progress>
  bool operator()(Progress&& progress) {
    const py::gil_scoped_acquire gil;
    try {
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      if (!callback_) return true;
      const py::object answer = (*callback_)(progress());
      return answer.is_none() || py::cast<bool>(answer);
    } catch (const py::error_already_set& error) {
      // Ctrl-C ends the solve and its valid bound is returned; anything else is raised once the solver has returned.
      if (!error.matches(PyExc_KeyboardInterrupt)) failure_ = std::current_exception();
      return false;
    } catch (...) {
      failure_ = std::current_exception();
      return false;
    }
  }

  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  std::optional<py::function> callback_;
  std::exception_ptr failure_;
};

}  // namespace twincert::bindings
