// A small test harness: TEST registers a function, CHECK reports and goes on, main.cpp runs what is registered.
#pragma once

#include <functional>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace twincert::testing {

struct Test {
  std::string name;
  std::function<void()> body;
};

inline std::vector<Test>& tests() {
  static std::vector<Test> all;
  return all;
}

inline int& failures() {
  static int count = 0;
  return count;
}

inline bool add(std::string name, std::function<void()> body) {
  tests().push_back({std::move(name), std::move(body)});
  return true;
}

inline void fail(const char* file, int line, const std::string& what) {
  ++failures();
  std::cerr << file << ":" << line << ": " << what << "\n";
}

// Runs `body`, which must throw exactly `Error` with a message that contains `part`: messages are part of the contract.
template <class Error, class Body>
void expect_throw(const char* file, int line, const char* expression, const std::string& part, Body body) {
  try {
    body();
  } catch (const Error& error) {
    if (std::string(error.what()).find(part) == std::string::npos) {
      fail(file, line, std::string(expression) + ": the message lacks '" + part + "': " + error.what());
    }
    return;
  }
  fail(file, line, std::string(expression) + " did not throw");
}

}  // namespace twincert::testing

#define TEST(name)                                                                                      \
  static void test_##name();                                                                            \
  [[maybe_unused]] static const bool registered_##name = ::twincert::testing::add(#name, &test_##name); \
  static void test_##name()

#define CHECK(...) ((__VA_ARGS__) ? void() : ::twincert::testing::fail(__FILE__, __LINE__, "CHECK(" #__VA_ARGS__ ") is false"))

#define CHECK_THROWS(error, part, ...) \
  ::twincert::testing::expect_throw<error>(__FILE__, __LINE__, #__VA_ARGS__, part, [&] { (void)(__VA_ARGS__); })
