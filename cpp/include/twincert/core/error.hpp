// Errors for users' mistakes. Numerical trouble is a Status with a valid bound, never an exception.
#pragma once

#include <stdexcept>
#include <string>

namespace twincert::core {

// Base of every error the library throws on purpose; the message says what was expected, what was found and where.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Sizes that do not fit together.
class ShapeError : public Error {
 public:
  using Error::Error;
};

// A setting or argument value outside its range.
class SettingsError : public Error {
 public:
  using Error::Error;
};

// Data that cannot be understood or used: NaN, infinity, truncated or altered files.
class ParseError : public Error {
 public:
  using Error::Error;
};

// A layer that the asked-for computation does not support.
class UnsupportedLayerError : public Error {
 public:
  using Error::Error;
};

// A backend that is not built in or has no device.
class BackendUnavailableError : public Error {
 public:
  using Error::Error;
};

}  // namespace twincert::core
