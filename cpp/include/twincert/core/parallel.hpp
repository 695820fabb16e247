// A small pool that runs index ranges on all cores, without allocation per call.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "twincert/core/types.hpp"

namespace twincert::core {

// Runs body(i) for i in [0, count) on `threads` threads, the caller among them; returns when all are done. The first exception is rethrown.
class ThreadPool {
 public:
  explicit ThreadPool(int threads);  // 0: one per core
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  template <class Body>
  void run(Index count, Body&& body) {
    run_erased(
        count, [](void* context, Index i) { (*static_cast<std::remove_reference_t<Body>*>(context))(i); }, &body);
  }

  // The same for body(begin, count) on the blocks of `width` that [0, size) falls into, the last one shorter.
  template <class Body>
  void run_blocks(Index size, Index width, Body&& body) {
    run((size + width - 1) / width, [&](Index block) {
      const Index begin = block * width;
      body(begin, std::min(width, size - begin));
    });
  }

 private:
  using Function = void (*)(void*, Index);
  void run_erased(Index count, Function function, void* context);
  void work();
  void take_all();

  // Sleeping threads wake too late for iterations of a fraction of a millisecond, so both sides first watch these counters for a while.
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<int> busy_{0};
  std::atomic<Index> next_{0};
  std::atomic<bool> stopping_{false};

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable start_;
  std::condition_variable finished_;
  Function function_ = nullptr;
  void* context_ = nullptr;
  Index count_ = 0;
  std::exception_ptr failure_;
};

}  // namespace twincert::core
