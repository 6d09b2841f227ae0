// libcurl's multi interface on the loop: one per connection pool.
#pragma once

#include <curl/curl.h>

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "skep/base/result.h"

namespace skep::net {

// Before anything else of libcurl; any number of times.
void init_curl();

// One request under way.
class CurlJob {
 public:
  virtual ~CurlJob() = default;
  virtual void finished(CURLcode code) = 0;  // once, on the loop thread
};

// Loop thread only. Nothing is called after destruction.
class CurlMulti {
 public:
  static Result<std::shared_ptr<CurlMulti>> open(const boost::asio::any_io_executor& executor,
                                                 std::size_t connections_per_host_max);
  ~CurlMulti();
  CurlMulti(const CurlMulti&) = delete;
  CurlMulti& operator=(const CurlMulti&) = delete;

  // Sends at once when a kept connection is free. `job` may be finished before start returns; it
  // lives until stop().
  void start(CURL* easy, CurlJob& job);
  // Ends the request, finished or not: an unfinished HTTP/1 connection is closed, an HTTP/2 stream
  // is reset.
  void stop(CURL* easy);

 private:
  struct Impl;
  explicit CurlMulti(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace skep::net
