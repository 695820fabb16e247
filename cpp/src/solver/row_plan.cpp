#include "twincert/solver/row_plan.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "twincert/relax/row_choice.hpp"
#include "twincert/solver/method_choice.hpp"

namespace twincert::solver {
namespace {

using relax::Cliques;
using relax::RowOptions;

// Ever fewer rows, then smaller cliques.
std::vector<RowOptions> smaller(RowOptions rows) {
  std::vector<RowOptions> result;
  for (bool RowOptions::*family : {&RowOptions::slack_rows, &RowOptions::centred_difference, &RowOptions::reference_rows}) {
    if (!(rows.*family)) continue;
    rows.*family = false;
    result.push_back(rows);
  }
  if (!rows.unstable_only && rows.cliques != Cliques::stages) {
    rows.unstable_only = true;
    result.push_back(rows);
  }
  if (rows.cliques != Cliques::stages) {
    rows.cliques = Cliques::stages;
    result.push_back(rows);
  }
  return result;
}

std::string printed(const char* format, double value) {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

// Three digits, rounded up: a limit of what it says is enough.
std::string gibibytes(double value) { return printed(value < 990.0 ? "%.3g GiB" : "%.0f GiB", 1.005 * value); }

// As Python's `rows` takes them.
std::string text_of(const RowOptions& rows) {
  std::string text;
  const auto add = [&](const std::string& item) { text += (text.empty() ? "" : ", ") + item; };
  if (rows.reference_rows) add("'reference_rows': True");
  if (rows.centred_difference) add("'centred_difference': True");
  if (rows.slack_rows) add("'slack_rows': True");
  if (rows.unstable_only) add("'unstable_only': True");
  if (rows.input_reduction == relax::InputReduction::never) add("'input_reduction': 'never'");
  if (rows.input_reduction == relax::InputReduction::always) add("'input_reduction': 'always'");
  if (rows.cliques == Cliques::single) add("'cliques': 'single'");
  if (rows.cliques == Cliques::stages) add("'cliques': 'stages'");
  return "rows={" + text + "}";
}

}  // namespace

RowPlan plan_rows(const network::Twin& twin, const sets::InputSet& set, const bounds::TwinBounds& bounds,
                  const std::optional<RowOptions>& asked, relax::ObjectiveKind kind, const Settings& settings,
                  const std::function<double(const std::vector<relax::CliqueSize>&)>& more) {
  const auto plan = [&](RowOptions rows) {
    rows.cliques = choose_cliques(twin, set, bounds, rows, kind, settings);
    std::vector<relax::CliqueSize> sizes = relax::clique_sizes(twin, set, bounds, rows, kind);
    const double memory = (memory_estimate(sizes, settings) + (more ? more(sizes) : 0.0)) / 0x1p30;
    return RowPlan{rows, std::move(sizes), memory, ""};
  };
  RowOptions rows = asked.value_or(relax::choose_rows(twin, set, bounds));
  if (relax::is_affine(kind)) rows.input_reduction = relax::InputReduction::never;
  RowPlan wanted = plan(rows);
  if (wanted.memory <= settings.memory_limit) return wanted;
  double least = wanted.memory;
  std::string fitting;
  for (const RowOptions& fewer : smaller(rows)) {
    RowPlan other = plan(fewer);
    least = std::min(least, other.memory);
    if (other.memory > settings.memory_limit) continue;
    if (!asked) return other;
    fitting = text_of(fewer) + " would take " + gibibytes(other.memory);
    break;
  }
  if (fitting.empty())
    fitting = least < wanted.memory ? "with fewer rows it would take " + gibibytes(least) + " at least" : "there are no fewer rows";
  wanted.refusal = "the relaxation would take " + gibibytes(wanted.memory) + " of memory, memory_limit is " +
                   printed("%g GiB; ", settings.memory_limit) + fitting;
  return wanted;
}

}  // namespace twincert::solver
