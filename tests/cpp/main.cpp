// Runs the registered tests whose name begins with the first argument (all without one) and closes with a count.
#include <exception>
#include <iostream>
#include <string>

#include "check.hpp"

int main(int argc, char** argv) {
  using namespace twincert::testing;
  const std::string prefix = argc > 1 ? argv[1] : "";
  int passed = 0;
  int failed = 0;
  for (const Test& test : tests()) {
    if (!test.name.starts_with(prefix)) continue;
    const int before = failures();
    try {
      test.body();
    } catch (const std::exception& error) {
      fail(test.name.c_str(), 0, std::string("threw: ") + error.what());
    }
    const bool ok = failures() == before;
    ++(ok ? passed : failed);
    std::cout << (ok ? "ok      " : "FAILED  ") << test.name << "\n";
  }
  std::cout << passed << " passed, " << failed << " failed\n";
  return failed > 0 || passed == 0 ? 1 : 0;
}
