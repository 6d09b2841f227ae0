// What a frame costs a router: read it, stamp it into the next link's buffer.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "skep/fabric/envelope.h"

namespace skep::fabric {
namespace {

std::string envelope(std::size_t bytes, std::string_view filling) {
  std::string json = fmt::format(
      R"({{"routing":{{"src":"6f1c0000-0000-4000-8000-00000000000a","dst":"AI.support@lab","ttl":16,)"
      R"("trace_id":"0b7a0000-0000-4000-8000-000000000001"}},"meta":{{"type":"user",)"
      R"("id":"01JD0000000000000000000000","ack":true,"thread_id":"thread:sha256:{:064}"}},)"
      R"("payload":{{"type":"text","attachments":[],"content":")",
      7);
  while (json.size() + filling.size() + 3 <= bytes) json += filling;
  return json + "\"}}";
}

void read_and_stamp(benchmark::State& state, std::string_view filling) {
  const std::string json = envelope(static_cast<std::size_t>(state.range(0)), filling);
  std::string out;
  for (auto _ : state) {
    Result<EnvelopeView> view = read_envelope(json);
    if (!view) return state.SkipWithError(view.error().message.c_str());
    out.clear();
    append_stamped(
        out, *view,
        {.src_name = "IO.xmpp@lab", .ttl = 15, .thread_seq = 12, .action_class = "send_message"});
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * json.size()));
}

void read_only(benchmark::State& state, std::string_view filling) {
  const std::string json = envelope(static_cast<std::size_t>(state.range(0)), filling);
  for (auto _ : state) {
    Result<EnvelopeView> view = read_envelope(json);
    benchmark::DoNotOptimize(view);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * json.size()));
}

BENCHMARK_CAPTURE(read_only, ascii, "lorem ipsum ")->Arg(512)->Arg(4096);
BENCHMARK_CAPTURE(read_and_stamp, ascii, "lorem ipsum ")->Arg(512)->Arg(4096)->Arg(65536);
BENCHMARK_CAPTURE(read_and_stamp, other_scripts, "\xe4\xbd\xa0\xe5\xa5\xbd ")->Arg(512)->Arg(4096);

}  // namespace
}  // namespace skep::fabric
