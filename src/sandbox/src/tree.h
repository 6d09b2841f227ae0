// A running sandbox seen from this process: its pipes, its clock, its end.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>

#include "capture.h"
#include "pipes.h"
#include "plan.h"
#include "skep/async/wait.h"

namespace skep::sandbox {

// Loop thread only. Asio's handlers keep it alive until abandon() or the end of the tree.
class Tree : public std::enable_shared_from_this<Tree> {
 public:
  Tree(const boost::asio::any_io_executor& executor, const Limits& limits);
  ~Tree();

  // Forks; afterwards started() tells how it went.
  Result<void> launch(Plan plan, const Command& command);
  // Waits until the program runs or could not be made to; kills when the Ctx ends first.
  Task<Result<void>> started(Ctx ctx);
  Task<Result<Outcome>> ended(Ctx ctx);

  Result<void> write(std::string_view bytes);
  void end_input();
  Captured take_out() { return out_.capture.take(); }
  Captured take_err() { return err_.capture.take(); }
  [[nodiscard]] bool running() const { return !outcome_; }
  void terminate(End why);
  void kill(End why);
  // Kills, waits for the end, stops listening.
  void abandon();

 private:
  using Descriptor = boost::asio::posix::stream_descriptor;
  struct Output {
    Output(const boost::asio::any_io_executor& executor, std::size_t bytes_max)
        : pipe(executor), capture(bytes_max), pause(executor) {}
    Descriptor pipe;
    Capture capture;
    boost::asio::steady_timer pause;
  };
  struct Ends;
  static Result<Ends> make_ends(Plan& plan);
  Result<void> listen(Ends& ends);
  void listen_to(Output& output);
  void rest(Output& output);
  void feed();
  void on_failure_pipe();
  void on_end();
  void drain(Output& output);
  [[nodiscard]] Outcome read_outcome();
  void start_clock();

  Limits limits_;
  Plan plan_;
  SteadyTime begun_{};
  Output out_, err_;
  Descriptor in_, failure_pipe_, pidfd_;
  Fd ending_, control_;
  boost::asio::steady_timer wall_, grace_;
  std::string input_;  // not yet taken
  bool input_ends_ = false;
  bool feeding_ = false;
  std::optional<End> killed_;          // why we ended it
  std::optional<Result<void>> start_;  // once known
  std::optional<Outcome> outcome_;     // once the whole tree is gone
  Signal changed_;
};

}  // namespace skep::sandbox
