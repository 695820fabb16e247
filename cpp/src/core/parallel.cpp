#include "twincert/core/parallel.hpp"

#include <algorithm>
#include <chrono>

namespace twincert::core {
namespace {

// Of the indices that the caller takes one in so many asks: whoever watches reads a clock, and some indices take less time than that.
constexpr Index ask_every = 16;

// Watches a condition for about a millisecond, giving the processor away to whoever else wants it.
template <class Condition>
bool watch(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(1);
  while (!condition()) {
    for (int i = 0; i < 64; ++i) {
      if (condition()) return true;
    }
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  if (threads <= 0) threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  workers_.reserve(static_cast<std::size_t>(threads - 1));
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { work(); });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  start_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run_erased(Index count, Function function, void* context) {
  if (workers_.empty() || count <= 1) {
    for (Index i = 0; i < count; ++i) {
      if (i % ask_every == 0) ask();
      function(context, i);
    }
    return;
  }
  {
    std::lock_guard lock(mutex_);
    function_ = function;
    context_ = context;
    count_ = count;
    next_ = 0;
    busy_ = static_cast<int>(workers_.size());
    failure_ = nullptr;
    ++generation_;
  }
  start_.notify_all();
  take_all(true);
  const auto done = [this] { return busy_ == 0; };
  if (!watch(done)) {
    std::unique_lock lock(mutex_);
    finished_.wait(lock, done);
  }
  if (failure_) std::rethrow_exception(failure_);
}

void ThreadPool::ask() const {
  if (go_on_ && !(*go_on_)()) throw Stopped{};
}

void ThreadPool::take_all(bool asks) {
  try {
    Index taken = 0;
    for (Index i = next_.fetch_add(1); i < count_; i = next_.fetch_add(1)) {
      if (asks && taken++ % ask_every == 0) ask();
      function_(context_, i);
    }
  } catch (...) {
    std::lock_guard lock(mutex_);
    next_ = count_;
    if (!failure_) failure_ = std::current_exception();
  }
}

void ThreadPool::work() {
  std::uint64_t seen = 0;
  for (;;) {
    const auto called = [this, seen] { return stopping_ || generation_ != seen; };
    if (!watch(called)) {
      std::unique_lock lock(mutex_);
      start_.wait(lock, called);
    }
    if (stopping_) return;
    seen = generation_;
    take_all(false);
    if (--busy_ == 0) {
      const std::lock_guard lock(mutex_);  // the caller may be between its test and its sleep
      finished_.notify_one();
    }
  }
}

}  // namespace twincert::core
