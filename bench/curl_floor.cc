// The floor under a turn: the same requests as a recorded real one, byte for byte, sent by a bare
// libcurl loop that looks at nothing. At one in flight a reused easy handle; at more, reused easy
// handles in one multi handle.
//
//   bench_curl_floor PORT RECORD_FILE
#include <curl/curl.h>
#include <fmt/format.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "measure.h"

namespace skep::bench {

namespace {

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

struct Recorded {
  std::string path;
  std::string body;
  std::unique_ptr<curl_slist, FreeList> headers;
};

// Everything but what libcurl writes itself.
void keep_header(Recorded& request, const std::string& line) {
  if (line.starts_with("Host:") || line.starts_with("Content-Length:")) return;
  request.headers.reset(curl_slist_append(request.headers.release(), line.c_str()));
}

Recorded parse_request(const std::string& head, std::string body) {
  Recorded request{.body = std::move(body)};
  std::size_t at = head.find("\r\n");
  const std::string first = head.substr(0, at);
  request.path = first.substr(5, first.rfind(' ') - 5);  // after "POST "
  for (at += 2; at < head.size() - 2;) {
    const std::size_t end = head.find("\r\n", at);
    keep_header(request, head.substr(at, end - at));
    at = end + 2;
  }
  return request;
}

std::vector<Recorded> read_record(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<Recorded> requests;
  std::size_t head_bytes = 0, body_bytes = 0;
  while (file >> head_bytes >> body_bytes) {
    file.get();  // the newline
    std::string head(head_bytes, '\0'), body(body_bytes, '\0');
    file.read(head.data(), static_cast<std::streamsize>(head_bytes));
    file.read(body.data(), static_cast<std::streamsize>(body_bytes));
    requests.push_back(parse_request(head, std::move(body)));
  }
  if (requests.size() < 2 || requests.size() % 2 != 0) die("the record does not hold whole turns");
  return requests;
}

std::size_t take(char* bytes, std::size_t size, std::size_t count, void* into) {
  static_cast<std::string*>(into)->append(bytes, size * count);
  return size * count;
}

// One turn after the other: request 2k, then 2k+1, of the recorded conversation, over and over.
struct Slot {
  std::unique_ptr<CURL, FreeEasy> easy{curl_easy_init()};
  std::string answer;
  std::size_t next = 0;
  Steady::time_point started;

  void prepare(const std::string& base, const std::vector<Recorded>& requests) {
    const Recorded& request = requests[next];
    if (next % 2 == 0) started = Steady::now();
    answer.clear();
    curl_easy_setopt(easy.get(), CURLOPT_URL, (base + request.path).c_str());
    curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, request.headers.get());
    curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
    curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, &take);
    curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &answer);
    curl_easy_setopt(easy.get(), CURLOPT_PRIVATE, this);
    curl_easy_setopt(easy.get(), CURLOPT_NOPROXY, "*");
  }

  // True when that was the second request of a turn.
  bool finish(CURLcode code, std::size_t requests) {
    if (code != CURLE_OK) die(fmt::format("curl: {}", curl_easy_strerror(code)));
    if (answer.find("stop") == std::string::npos) die("the answer is not whole: " + answer);
    const bool whole = next % 2 == 1;
    next = (next + 1) % requests;
    return whole;
  }
};

class Floor {
 public:
  Floor(std::string base, std::vector<Recorded> requests)
      : base_(std::move(base)), requests_(std::move(requests)) {}

  void run(const Order& order) {
    while (slots_.size() < static_cast<std::size_t>(order.in_flight))
      slots_.push_back(std::make_unique<Slot>());
    Round round;
    order.in_flight == 1 ? run_easy(order.count, round) : run_multi(order, round);
    round.print();
  }

 private:
  void run_easy(int count, Round& round) {
    Slot& slot = *slots_[0];
    while (round.count() < count) {
      slot.prepare(base_, requests_);
      if (slot.finish(curl_easy_perform(slot.easy.get()), requests_.size()))
        round.add(slot.started);
    }
  }

  void run_multi(const Order& order, Round& round) {
    int to_start = order.count - order.in_flight;  // turns that no slot has begun yet
    for (int i = 0; i < order.in_flight; ++i) begin(*slots_[static_cast<std::size_t>(i)]);
    int running = order.in_flight;
    while (round.count() < order.count) {
      curl_multi_perform(multi_.get(), &running);
      int left = 0;
      while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
        Slot* slot = nullptr;
        const CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &slot);
        curl_multi_remove_handle(multi_.get(), slot->easy.get());
        if (!slot->finish(code, requests_.size())) {
          begin(*slot);
          continue;
        }
        round.add(slot->started);
        if (to_start-- > 0) begin(*slot);
      }
      if (round.count() < order.count) curl_multi_poll(multi_.get(), nullptr, 0, 1000, nullptr);
    }
  }

  void begin(Slot& slot) {
    slot.prepare(base_, requests_);
    curl_multi_add_handle(multi_.get(), slot.easy.get());
    // Sent now rather than after the next poll.
    int running = 0;
    curl_multi_perform(multi_.get(), &running);
  }

  std::string base_;
  std::vector<Recorded> requests_;
  std::unique_ptr<CURLM, FreeMulti> multi_{curl_multi_init()};
  std::vector<std::unique_ptr<Slot>> slots_;
};

}  // namespace

}  // namespace skep::bench

int main(int argc, char** argv) {
  using namespace skep::bench;
  if (argc != 3) die("usage: bench_curl_floor PORT RECORD_FILE");
  curl_global_init(CURL_GLOBAL_DEFAULT);
  Floor floor(fmt::format("http://127.0.0.1:{}", argv[1]), read_record(argv[2]));
  print_line("ready");
  while (const auto order = read_order()) floor.run(*order);
}
