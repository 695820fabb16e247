// Many queries about one twin: what one solve finds is where the next one starts.
#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <optional>

#include "twincert/certify.hpp"

namespace twincert {

struct Memory;

// Certifies one set after the other. A warm start changes how fast the bound falls, and the multipliers that prove it, never its rigour;
// results depend on the sequence of calls only, unless a time limit cuts them off. One thread at a time.
class Certifier {
 public:
  // `options` without threshold, time_limit and callback, which solve() takes.
  Certifier(network::Twin twin, CertifyOptions options);
  ~Certifier();

  // The set to certify, as if nothing had been solved before. ShapeError, SettingsError as certify().
  void setup(const sets::InputSet& set);
  // Another set; the solver starts from what it found for the sets before.
  void update(const sets::InputSet& set);
  // As certify(); again on the same set, it keeps the propagated bounds and goes on from the solver's points.
  Result solve(std::optional<double> threshold = {}, double time_limit = std::numeric_limits<double>::infinity(),
               std::function<bool(const Progress&)> callback = {});

 private:
  network::Twin twin_;
  CertifyOptions options_;
  std::optional<sets::InputSet> set_;
  std::unique_ptr<Memory> memory_;
};

}  // namespace twincert
