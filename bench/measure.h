// What every measuring program here shares: orders come in on standard input, one line each, and
// each is answered by one line of JSON. bench/run.py gives the orders to ours and to the floor in
// turn, so that both see the same weather.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace skep::bench {

using Steady = std::chrono::steady_clock;

// "run IN_FLIGHT COUNT [TARGET]"
struct Order {
  int in_flight = 1;
  int count = 1;
  std::string target;
};
// nullopt at the end of input. A line that is no order ends the program with status 64.
std::optional<Order> read_order();

// The latencies of one order, its wall time and this process's CPU time.
class Round {
 public:
  Round();
  void add(Steady::time_point started) { latencies_.push_back(Steady::now() - started); }
  // One latency stands for `items`: of a stream only the whole is timed.
  void add_stream(Steady::time_point started, int items) {
    add(started);
    items_ += static_cast<std::size_t>(items);
  }
  [[nodiscard]] int count() const { return static_cast<int>(latencies_.size()); }
  // {"count":…,"p50_us":…,"p99_us":…,"p999_us":…,"per_s":…,"cpu_us":…}: the last is CPU time of
  // this process for each item.
  void print();

 private:
  std::vector<Steady::duration> latencies_;
  std::size_t items_ = 0;
  Steady::time_point started_;
  double cpu_started_us_;
};

void print_line(const std::string& line);  // and flush
[[noreturn]] void die(const std::string& why);

}  // namespace skep::bench
