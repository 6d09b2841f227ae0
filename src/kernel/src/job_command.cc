// /jobs: what a person reads and does about what runs by itself.
#include "jobs_impl.h"
#include "skep/base/text.h"

namespace skep::kernel {
namespace {

using schedule::Job;

constexpr std::size_t kShownMax = 30;
constexpr std::size_t kIdShown = 8;  // of its end: the beginning is a time

std::string line_of(const Job& job, bool with_peer) {
  const std::string state = !job.enabled ? fmt::format("off: {}", job.why_off)
                            : job.next   ? "next " + format_rfc3339(*job.next)
                                         : "waits for events";
  return fmt::format("\n{}  {}{}, {}, {} runs{}{}", job.id.substr(job.id.size() - kIdShown),
                     job.name, job.when.text().empty() ? "" : fmt::format(": {}", job.when.text()),
                     state, job.runs,
                     job.failures > 0 ? fmt::format(", {} failures in a row", job.failures) : "",
                     with_peer && !job.peer.empty() ? fmt::format(" ({})", job.peer) : "");
}

}  // namespace

std::string JobsImpl::command(const Conversation& who, bool admin, std::string_view arguments) {
  const std::string peer = admin ? "" : who.peer;
  const std::vector<std::string_view> words = split_words(arguments);
  if (words.empty()) {
    const std::vector<Job> all = list(peer);
    if (all.empty())
      return "There are no jobs. Ask me to do something at a certain time, or regularly.";
    std::string text = "What runs by itself:";
    for (std::size_t i = 0; i < all.size() && i < kShownMax; ++i) text += line_of(all[i], admin);
    if (all.size() > kShownMax) text += fmt::format("\nand {} more", all.size() - kShownMax);
    return text + "\n/jobs pause|resume|run|cancel ID";
  }
  if (words.size() == 1) {
    const auto found = find(words[0], peer);
    if (!found) return fmt::format("That failed: {}.", found.error().message);
    std::string text =
        fmt::format("{}\nSays: {}\nLast answer: {}", line_of(*found, admin).substr(1),
                    found->text.empty() ? "what its manifest says" : found->text,
                    found->last_result.empty() ? "none yet" : found->last_result);
    for (const schedule::Delivery& one : found->deliver)
      text += fmt::format("\nTo {}: {}", one.text(), delivery_state(*found, one));
    return text;
  }
  const std::string_view verb = words[0];
  const auto found = find(trim(arguments.substr(arguments.find(words[1]))), peer);
  if (!found) return fmt::format("That failed: {}.", found.error().message);
  if (verb == "cancel" && found->own)
    return fmt::format(
        "{} is an agent's own schedule: take it out of its agent.toml, or /jobs pause it.",
        found->name);
  if (verb == "run" && is_running(found->id)) return fmt::format("{} is running.", found->name);
  const auto spawn = [&](auto task, std::string_view done) {
    gate_.spawn("a job's change", ended(std::move(task), found->id));
    return fmt::format("{} {}.", found->name, done);
  };
  if (verb == "pause") return spawn(pause(found->id), "is paused");
  if (verb == "resume") return spawn(resume(found->id), "runs again");
  if (verb == "run") return spawn(run(found->id), "runs now");
  if (verb == "cancel") return spawn(cancel(found->id), "is ended");
  return "/jobs; /jobs ID; /jobs pause|resume|run|cancel ID";
}

}  // namespace skep::kernel
