#include "measure.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>

namespace skep::bench {

namespace {

constexpr int kInFlightMax = 1024;
constexpr int kCountMax = 10'000'000;

double cpu_us() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto us = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
  };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

double us(Steady::duration d) { return std::chrono::duration<double, std::micro>(d).count(); }

}  // namespace

void die(const std::string& why) {
  fmt::print(stderr, "{}\n", why);
  std::fflush(stderr);
  std::_Exit(1);
}

void print_line(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

std::optional<Order> read_order() {
  std::string line;
  if (!std::getline(std::cin, line)) return std::nullopt;
  std::istringstream words(line);
  std::string verb;
  Order order;
  words >> verb >> order.in_flight >> order.count;
  const bool bounded = order.in_flight >= 1 && order.in_flight <= kInFlightMax &&
                       order.count >= order.in_flight && order.count <= kCountMax;
  if (verb != "run" || words.fail() || !bounded) {
    fmt::print(stderr, "not an order: {}\n", line);
    std::exit(64);
  }
  words >> order.target;
  return order;
}

Round::Round() : started_(Steady::now()), cpu_started_us_(cpu_us()) {}

void Round::print() {
  if (latencies_.empty()) die("a round without a single result");
  const double wall_s = std::chrono::duration<double>(Steady::now() - started_).count();
  const double cpu = cpu_us() - cpu_started_us_;
  std::sort(latencies_.begin(), latencies_.end());
  const auto n = static_cast<double>(items_ > 0 ? items_ : latencies_.size());
  print_line(fmt::format(
      R"({{"count":{},"p50_us":{:.2f},"p99_us":{:.2f},"p999_us":{:.2f},"per_s":{:.2f},"cpu_us":{:.2f}}})",
      items_ > 0 ? items_ : latencies_.size(), us(latencies_[latencies_.size() / 2]),
      us(latencies_[latencies_.size() * 99 / 100]), us(latencies_[latencies_.size() * 999 / 1000]),
      n / wall_s, cpu / n));
}

}  // namespace skep::bench
