#include "twincert/bounds/optimize.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <thread>

#include "twincert/bounds/forward.hpp"
#include "twincert/bounds/optimize_pair.hpp"
#include "twincert/bounds/optimize_quadratic.hpp"
#include "twincert/bounds/optimize_single.hpp"
#include "twincert/bounds/rounding.hpp"
#include "twincert/core/coarse.hpp"
#include "twincert/core/parallel.hpp"

namespace twincert::bounds {
namespace {

constexpr Index block_rows = 16;       // per task: small enough for a cache, however many threads there are
constexpr Index block_cases = 32;      // the same where rows are taken case by case; of at least one row
constexpr Index block_quadratic = 4;   // for quadratic bounds: as many rows as make a vector
constexpr double parallel_work = 2e7;  // operations below which threads are not worth starting

using Body = std::function<void(Index first, Index count)>;

// The optimised rows +-a_i of one network.
struct NetworkRows {
  std::vector<Index> neurons;  // all +a_i first, then -a_i
  InputForms forms;
  std::vector<Matrix> alpha;

  Index size() const { return 2 * static_cast<Index>(neurons.size()); }
  // The row sign * a_i, or -1.
  Index find(Index neuron, double sign) const {
    const auto at = std::lower_bound(neurons.begin(), neurons.end(), neuron);
    if (at == neurons.end() || *at != neuron) return -1;
    return (at - neurons.begin()) + (sign > 0.0 ? 0 : static_cast<Index>(neurons.size()));
  }
};

bool any_free(const std::vector<FreeStage>& stages) {
  return std::any_of(stages.begin(), stages.end(), [](const FreeStage& stage) { return !stage.free.empty(); });
}

// Entries +-bound of `neurons` replaced by better ones: maxima of a_i, then of -a_i.
void lower_bounds_to(IntervalVector& bounds, const std::vector<Index>& neurons, const Vector& maxima) {
  const auto count = static_cast<Index>(neurons.size());
  for (Index n = 0; n < count; ++n) {
    const Index i = neurons[static_cast<std::size_t>(n)];
    bounds.set(i, core::intersect(bounds[i], Interval{-maxima[count + n], maxima[n]}));
  }
}

IntervalVector coarse(IntervalVector x) {
  for (double& lower : x.lower) lower = core::coarse_down(lower);
  for (double& upper : x.upper) upper = core::coarse_up(upper);
  return x;
}

// Enclosures of bounds that do not depend on the library that made them, so that those who check a certificate find what it says.
StageBounds coarse(const StageBounds& bounds) { return {coarse(bounds.reference), coarse(bounds.compressed), coarse(bounds.difference)}; }

class Optimizer {
 public:
  Optimizer(const Twin& twin, const InputSet& set, const TwinBounds& crown, int threads, double budget, const std::function<bool()>& go_on)
      : twin_(twin), set_(set), crown_(crown), plan_(optimization_plan(twin, crown, budget)), go_on_(go_on), backward_(twin, set) {
    if (plan_.operations > parallel_work && threads != 1) pool_.emplace(threads);
  }

  TwinBounds run() {
    try {
      return optimized();
    } catch (const Stopped&) {
      return crown_;
    }
  }

 private:
  struct Stopped {};

  TwinBounds optimized() {
    TwinBounds bounds;
    std::vector<StageBounds> before;  // what the searches start from
    if (plan_.output_steps == 0) return crown_;
    const std::size_t count = twin_.stages().size();
    for (std::size_t k = 0; k < count; ++k) {
      StageBounds stage = crown_.stages[k];
      if (k > 0) {
        if (improved_) {
          stage = intersect(stage, forward_stage(twin_.stages()[k], next_input(twin_.stages()[k - 1], bounds.stages.back())));
          stage = intersect(stage, backward_.stage(static_cast<Index>(k), Selection::all(twin_.stages()[k])));
          tighten_by_identity(stage);
        }
        optimize(k, stage, before);
      }
      if (k + 1 < count) {
        before.push_back(coarse(stage));
        backward_.add_stage(before.back());
      }
      bounds.stages.push_back(std::move(stage));
    }
    bounds.evaluation_error = evaluation_error(twin_, set_, bounds.stages).cwiseMin(crown_.evaluation_error);
    return bounds;
  }

  void optimize(std::size_t k, StageBounds& stage, const std::vector<StageBounds>& before) {
    const bool outputs = k + 1 == twin_.stages().size();
    if (!outputs && !plan_.intermediate_lines) return;
    const network::StagePair& pair = twin_.stages()[k];
    NetworkRows f = lines(k, &BackwardPass::Relaxed::reference, pair.reference, stage.reference, before, outputs);
    NetworkRows g = lines(k, &BackwardPass::Relaxed::compressed, pair.compressed, stage.compressed, before, outputs);
    tighten_by_identity(stage);
    if (pair.paired && (outputs || plan_.intermediate_planes)) planes(k, stage, f, g, before, outputs);
    if (outputs) join(stage, f, g);
    tighten_by_identity(stage);
    tighten_by_identity(stage);
    improved_ = true;
  }

  std::vector<Index> unstable(const network::Activation& activation, const IntervalVector& bounds, bool all) const {
    std::vector<Index> neurons;
    Line line{};
    for (Index i = 0; i < bounds.size(); ++i) {
      if (all || !affine_on(activation, bounds[i], line)) neurons.push_back(i);
    }
    return neurons;
  }

  // Forms +-a_i of a stage's inputs.
  InputForms unit_forms(std::size_t k, BackwardPass::Side BackwardPass::Relaxed::*side, const network::Stage& own,
                        const std::vector<Index>& neurons, double sign) const {
    const Matrix weight = own.weight(neurons, (backward_.relaxed(static_cast<Index>(k) - 1).*side).live);
    const Vector bias = own.bias(neurons);
    InputForms forms{Matrix(2 * weight.rows(), weight.cols()), Vector(2 * weight.rows())};
    forms.rows << sign * weight, -sign * weight;
    forms.constant << sign * bias, -sign * bias;
    return forms;
  }

  // The same blocks for any number of threads. Throws Stopped when some were left out.
  void in_blocks(Index rows, const Body& body, Index most = block_rows) {
    if (rows == 0) return;
    const Index blocks = (rows + most - 1) / most;
    auto run = [&](Index b) {
      if (wanted()) body(b * rows / blocks, (b + 1) * rows / blocks - b * rows / blocks);
    };
    if (pool_) {
      pool_->run(blocks, run);
    } else {
      for (Index b = 0; b < blocks; ++b) run(b);
    }
    if (stopped_) throw Stopped{};
  }

  // Asks where it may: on the thread that it was given.
  bool wanted() {
    if (go_on_ && !stopped_ && std::this_thread::get_id() == caller_) {
      try {
        if (!go_on_()) stopped_ = true;
      } catch (...) {
        stopped_ = true;
        throw;
      }
    }
    return !stopped_;
  }

  NetworkRows lines(std::size_t k, BackwardPass::Side BackwardPass::Relaxed::*side, const network::Stage& own, IntervalVector& bounds,
                    const std::vector<StageBounds>& before, bool all) {
    const bool compressed = side == &BackwardPass::Relaxed::compressed;
    std::vector<FreeStage> stages;
    for (std::size_t j = 0; j < k; ++j) {
      const network::StagePair& pair = twin_.stages()[j];
      const BackwardPass::Relaxed& relaxed = backward_.relaxed(static_cast<Index>(j));
      stages.emplace_back(relaxed.*side, (compressed ? pair.compressed : pair.reference).activation,
                          compressed ? before[j].compressed : before[j].reference);
    }
    NetworkRows rows;
    if (!any_free(stages)) return rows;
    const IntervalVector& box = compressed ? set_.compressed_bounding_box() : set_.bounding_box();
    rows.neurons = unstable(own.activation, bounds, all);
    if (rows.neurons.empty()) return rows;
    const InputForms start = unit_forms(k, side, own, rows.neurons, 1.0);
    rows.forms = {Matrix(rows.size(), box.size()), Vector(rows.size())};
    for (const FreeStage& stage : stages) rows.alpha.emplace_back(rows.size(), static_cast<Index>(stage.free.size()));
    in_blocks(rows.size(), [&](Index first, Index count) {
      std::vector<Matrix> alpha;
      const InputForms found =
          optimize_lines(stages, box, {start.rows.middleRows(first, count), start.constant.segment(first, count)}, alpha);
      rows.forms.rows.middleRows(first, count) = found.rows;
      rows.forms.constant.segment(first, count) = found.constant;
      for (std::size_t j = 0; j < k; ++j) rows.alpha[j].middleRows(first, count) = alpha[j];
    });
    lower_bounds_to(bounds, rows.neurons, maximum(set_, rows.forms, compressed));
    for (const Index fixed : plan_.case_neurons) analyse_cases(stages, box, start, rows, own.activation, bounds, all, compressed, fixed);
    return rows;
  }

  void analyse_cases(const std::vector<FreeStage>& stages, const IntervalVector& box, const InputForms& start, const NetworkRows& rows,
                     const network::Activation& activation, IntervalVector& bounds, bool all, bool compressed, Index fixed) {
    const std::vector<Index> neurons = unstable(activation, bounds, all);
    std::vector<Index> chosen;
    for (const double sign : {1.0, -1.0}) {
      for (const Index i : neurons) chosen.push_back(rows.find(i, sign));
    }
    const auto size = static_cast<Index>(chosen.size());
    if (size == 0) return;
    const Index cases = Index{1} << fixed;
    Vector largest(size);
    in_blocks(
        size,
        [&](Index first, Index count) {
          const std::vector<Index> parents(chosen.begin() + first, chosen.begin() + first + count);
          std::vector<Matrix> alpha;
          for (const Matrix& slopes : rows.alpha) alpha.push_back(slopes(parents, Eigen::all));
          const Vector each = maximum(
              set_, optimize_cases(stages, box, {start.rows(parents, Eigen::all), start.constant(parents)}, alpha, fixed), compressed);
          for (Index r = 0; r < count; ++r) largest[first + r] = each.segment(cases * r, cases).maxCoeff();
        },
        std::max(block_cases / cases, Index{1}));
    lower_bounds_to(bounds, neurons, largest);
  }

  // The slopes that rows of one network ended with, for rows sign * a_i and then -sign * a_i; tight lines where there are none.
  std::vector<Matrix> slopes(const std::vector<PairStage>& stages, FreeStage PairStage::*side, const NetworkRows& rows,
                             const std::vector<Index>& neurons, double sign) const {
    const auto count = static_cast<Index>(neurons.size());
    std::vector<Matrix> result;
    for (std::size_t j = 0; j < stages.size(); ++j) {
      FreeLines lines(stages[j].*side, 2 * count);
      lines.set_alpha(stages[j].*side, LineChoice::tight);
      for (Index r = 0; r < 2 * count; ++r) {
        const Index found = rows.find(neurons[static_cast<std::size_t>(r % count)], r < count ? sign : -sign);
        if (found >= 0) lines.alpha.row(r) = rows.alpha[j].row(found);
      }
      result.push_back(std::move(lines.alpha));
    }
    return result;
  }

  void planes(std::size_t k, StageBounds& stage, const NetworkRows& f, const NetworkRows& g, const std::vector<StageBounds>& before,
              bool outputs) {
    const network::StagePair& pair = twin_.stages()[k];
    std::vector<PairStage> stages;
    bool choice = false;
    for (std::size_t j = 0; j < k; ++j) {
      stages.emplace_back(backward_.relaxed(static_cast<Index>(j)), twin_.stages()[j], before[j], j == 0 || stages[j - 1].paired());
      choice = choice || !stages[j].planes.empty() ||
               (!stages[j].paired() && !(stages[j].reference.free.empty() && stages[j].compressed.free.empty()));
    }
    if (!choice) return;
    std::vector<Index> neurons;
    Line line{};
    for (Index i = 0; i < stage.difference.size(); ++i) {
      const bool affine = affine_on(pair.reference.activation, stage.reference[i], line) &&
                          affine_on(pair.compressed.activation, stage.compressed[i], line);
      if (outputs || !affine) neurons.push_back(i);
    }
    if (neurons.empty()) return;
    const PairForms start{unit_forms(k, &BackwardPass::Relaxed::reference, pair.reference, neurons, 1.0),
                          unit_forms(k, &BackwardPass::Relaxed::compressed, pair.compressed, neurons, -1.0)};
    const PairSlopes known{slopes(stages, &PairStage::reference, f, neurons, 1.0),
                           slopes(stages, &PairStage::compressed, g, neurons, -1.0)};
    const Index rows = start.reference.rows.rows();
    PairForms forms = empty_forms(rows);
    const int steps = outputs ? plan_.output_steps : pair_steps;
    const double decay = outputs ? std::pow(0.98, static_cast<double>(last_pair_steps) / steps) : 0.95;
    in_blocks(rows, [&](Index first, Index count) {
      PairSlopes own;
      for (std::size_t j = 0; j < k; ++j) {
        own.reference.push_back(known.reference[j].middleRows(first, count));
        own.compressed.push_back(known.compressed[j].middleRows(first, count));
      }
      put(optimize_planes(stages, set_, block_of(start, first, count), own, steps, decay), first, forms);
    });
    lower_bounds_to(stage.difference, neurons, maximum(set_, forms));
    if (outputs && plan_.quadratic_steps > 0) parabolas(stages, before, start, neurons, stage.difference);
  }

  void parabolas(const std::vector<PairStage>& stages, const std::vector<StageBounds>& before, const PairForms& start,
                 const std::vector<Index>& neurons, IntervalVector& difference) {
    const QuadraticChain chain(stages, before, set_);
    if (chain.empty()) return;
    const Index rows = start.reference.rows.rows();
    PairForms forms = empty_forms(rows);
    const auto body = [&](Index first, Index count) {
      put(chain.bound(block_of(start, first, count), plan_.quadratic_steps, [this] { return wanted(); }), first, forms);
    };
    in_blocks(rows, body, block_quadratic);
    lower_bounds_to(difference, neurons, maximum(set_, forms));
  }

  static PairForms block_of(const PairForms& whole, Index first, Index count) {
    const auto part = [&](const InputForms& forms) {
      return InputForms{forms.rows.middleRows(first, count), forms.constant.segment(first, count)};
    };
    return {part(whole.reference), part(whole.compressed)};
  }

  PairForms empty_forms(Index rows) const { return {{Matrix(rows, set_.size()), Vector(rows)}, {Matrix(rows, set_.size()), Vector(rows)}}; }

  static void put(const PairForms& block, Index first, PairForms& forms) {
    const Index count = block.reference.constant.size();
    forms.reference.rows.middleRows(first, count) = block.reference.rows;
    forms.reference.constant.segment(first, count) = block.reference.constant;
    forms.compressed.rows.middleRows(first, count) = block.compressed.rows;
    forms.compressed.constant.segment(first, count) = block.compressed.constant;
  }

  // Rows of f and of g apart, maximised together.
  void join(StageBounds& stage, const NetworkRows& f, const NetworkRows& g) const {
    if (f.neurons.empty() || g.neurons.empty()) return;
    const auto count = static_cast<Index>(f.neurons.size());
    PairForms forms{f.forms, g.forms};
    forms.compressed.rows << g.forms.rows.bottomRows(count), g.forms.rows.topRows(count);
    forms.compressed.constant << g.forms.constant.tail(count), g.forms.constant.head(count);
    lower_bounds_to(stage.difference, f.neurons, maximum(set_, std::move(forms)));
  }

  const Twin& twin_;
  const InputSet& set_;
  const TwinBounds& crown_;
  const OptimizationPlan plan_;
  const std::function<bool()>& go_on_;
  BackwardPass backward_;
  std::optional<core::ThreadPool> pool_;
  bool improved_ = false;
  const std::thread::id caller_ = std::this_thread::get_id();
  std::atomic<bool> stopped_ = false;
};

}  // namespace

TwinBounds optimized_bounds(const Twin& twin, const InputSet& set, const TwinBounds& crown, int threads, double budget,
                            const std::function<bool()>& go_on) {
  return Optimizer(twin, set, crown, threads, budget, go_on).run();
}

TwinBounds optimized_bounds(const Twin& twin, const InputSet& set) { return optimized_bounds(twin, set, crown_bounds(twin, set), 0); }

}  // namespace twincert::bounds
