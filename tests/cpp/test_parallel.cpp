// The pool: all indices once, or only some of them where somebody stops it.
#include <atomic>
#include <functional>

#include "check.hpp"
#include "twincert/core/parallel.hpp"

using namespace twincert;
using core::Index;
using core::ThreadPool;

TEST(parallel_runs_stop_when_told) {
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    int asked = 0;
    const auto run = [&](int answers) {  // how many indices were run when `go_on` says yes so often
      asked = 0;
      std::atomic<Index> done = 0;
      const std::function<bool()> go_on = [&] { return ++asked <= answers; };
      const ThreadPool::Watch watch(pool, go_on);
      try {
        pool.run(1000, [&](Index) { ++done; });
        CHECK(done == 1000);
      } catch (const ThreadPool::Stopped&) {
        CHECK(asked == answers + 1);
      }
      return done.load();
    };
    CHECK(run(1000) == 1000);
    const int most = asked;
    CHECK(most >= 1);
    const Index none = run(0);
    CHECK(threads > 1 || none == 0);
    if (threads == 1) {
      CHECK(most > 10);
      for (int answers = 1; answers < most; ++answers) CHECK(run(answers - 1) < run(answers));
    }
    pool.run(1, [&](Index) { asked = -1; });
    CHECK(asked == -1);
  }
}
