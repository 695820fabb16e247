// A small pool that runs index ranges on all cores, without allocation per call.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "twincert/core/types.hpp"

namespace twincert::core {

// Runs body(i) for i in [0, count) on `threads` threads, the caller among them; returns when all are done. The first exception is rethrown,
// and keeps those from running that were not begun.
class ThreadPool {
 public:
  struct Stopped {};

  // While it lives, run() asks `go_on` at its start and now and then, on the caller's thread, and throws Stopped where it says no. Keeps
  // references.
  class Watch {
   public:
    Watch(ThreadPool& pool, const std::function<bool()>& go_on) : pool_(pool) { pool_.go_on_ = &go_on; }
    ~Watch() { pool_.go_on_ = nullptr; }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    ThreadPool& pool_;
  };

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
  void ask() const;
  void take_all(bool asks);

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
  const std::function<bool()>* go_on_ = nullptr;
};

}  // namespace twincert::core
