#include "patch.h"

#include <fmt/format.h>

#include <algorithm>

#include "skep/base/text.h"

namespace skep::tools {
namespace {

constexpr std::string_view kBegin = "*** Begin Patch";
constexpr std::string_view kEnd = "*** End Patch";
constexpr std::string_view kAddFile = "*** Add File: ";
constexpr std::string_view kUpdateFile = "*** Update File: ";
constexpr std::string_view kDeleteFile = "*** Delete File: ";
constexpr std::string_view kMoveTo = "*** Move to: ";
constexpr std::string_view kEndOfFile = "*** End of File";
constexpr std::string_view kArrow = " -> ";
constexpr std::size_t kLineShownMax = 120;

class Parser {
 public:
  explicit Parser(std::string_view text) : lines_(split(text, '\n')) {}

  Result<std::vector<FilePatch>> parse() {
    while (more() && trim(line()).empty()) ++at_;
    if (!more() || trim(line()) != kBegin)
      return wrong("the patch must begin with \"*** Begin Patch\"");
    ++at_;
    while (more() && trim(line()) != kEnd) {
      if (trim(line()).empty()) {
        ++at_;
        continue;
      }
      SKEP_TRY_VOID(file());
    }
    if (!more()) return wrong("the patch must end with \"*** End Patch\"");
    if (files_.empty()) return wrong("the patch changes no file");
    return std::move(files_);
  }

 private:
  [[nodiscard]] bool more() const { return at_ < lines_.size(); }
  [[nodiscard]] std::string_view line() const { return lines_[at_]; }
  [[nodiscard]] bool at_marker() const { return more() && line().starts_with("*** "); }
  [[nodiscard]] std::unexpected<Error> wrong(std::string_view what) const {
    return fail(Code::kInvalid, fmt::format("line {} of the patch: {}", at_ + 1, what));
  }

  Result<void> file() {
    if (files_.size() == patch_files_max)
      return fail(Code::kTooLarge, fmt::format("the patch changes over {} files", patch_files_max));
    FilePatch& file = files_.emplace_back();
    const std::string_view head = line();
    if (head.starts_with(kAddFile)) return add(file, trim(head.substr(kAddFile.size())));
    if (head.starts_with(kUpdateFile)) return update(file, trim(head.substr(kUpdateFile.size())));
    if (!head.starts_with(kDeleteFile))
      return wrong(
          "expected \"*** Add File: \", \"*** Update File: \", \"*** Delete File: \" or \"*** End "
          "Patch\"");
    file.kind = FilePatch::kDelete;
    file.path = trim(head.substr(kDeleteFile.size()));
    ++at_;
    return {};
  }

  Result<void> add(FilePatch& file, std::string_view path) {
    file.kind = FilePatch::kAdd;
    file.path = path;
    for (++at_; more() && !at_marker(); ++at_) {
      if (!line().starts_with('+')) return wrong("each line of a new file begins with \"+\"");
      file.content.append(line().substr(1)).push_back('\n');
    }
    return {};
  }

  Result<void> update(FilePatch& file, std::string_view paths) {
    file.kind = FilePatch::kUpdate;
    const auto arrow = paths.find(kArrow);
    file.path = trim(paths.substr(0, arrow));
    if (arrow != std::string_view::npos) file.new_path = trim(paths.substr(arrow + kArrow.size()));
    ++at_;
    if (more() && line().starts_with(kMoveTo)) {
      file.new_path = trim(line().substr(kMoveTo.size()));
      ++at_;
    }
    while (more() && !at_marker()) SKEP_TRY_VOID(hunk(file));
    if (file.hunks.empty() && file.new_path.empty()) return wrong("the file has no hunk (\"@@\")");
    return {};
  }

  Result<void> hunk(FilePatch& file) {
    if (++hunks_ > patch_hunks_max)
      return fail(Code::kTooLarge, fmt::format("the patch has over {} hunks", patch_hunks_max));
    Hunk hunk{.line = at_ + 1};
    if (line().starts_with("@@")) {
      hunk.anchor = trim(line().substr(2));
      if (hunk.anchor.ends_with("@@"))
        hunk.anchor = "";  // "@@ -1,2 +1,3 @@": the lines decide, not the numbers
      ++at_;
    } else if (!file.hunks.empty()) {
      return wrong("a hunk begins with \"@@\"");
    }
    for (; more() && !at_marker() && !line().starts_with("@@"); ++at_)
      SKEP_TRY_VOID(hunk_line(hunk));
    if (more() && trim(line()) == kEndOfFile) {
      hunk.at_end = true;
      ++at_;
    }
    if (hunk.old_lines.empty() && hunk.new_lines.empty())
      return wrong("the hunk before this line is empty");
    file.hunks.push_back(std::move(hunk));
    return {};
  }

  Result<void> hunk_line(Hunk& hunk) {
    // Models leave the space of an empty line out.
    const char sign = line().empty() ? ' ' : line().front();
    const std::string text(line().empty() ? "" : line().substr(1));
    if (sign != ' ' && sign != '-' && sign != '+')
      return wrong("a line of a hunk begins with a space, \"-\" or \"+\"");
    if (sign != '+') hunk.old_lines.push_back(text);
    if (sign != '-') hunk.new_lines.push_back(text);
    return {};
  }

  std::vector<std::string_view> lines_;
  std::size_t at_ = 0;
  std::size_t hunks_ = 0;
  std::vector<FilePatch> files_;
};

// A file's lines being changed from top to bottom.
class Target {
 public:
  Target(std::string_view content, const std::string& path) : path_(path) {
    ends_with_newline_ = content.empty() || content.ends_with('\n');
    if (content.ends_with('\n')) content.remove_suffix(1);
    if (!content.empty() || !ends_with_newline_) {
      for (const std::string_view line : split(content, '\n')) lines_.emplace_back(line);
    }
  }

  Result<void> apply(const Hunk& hunk) {
    std::size_t from = done_;
    if (!hunk.anchor.empty()) {
      SKEP_TRY(from, below_anchor(hunk));
    }
    SKEP_TRY(const std::size_t at, place(hunk, from));
    const auto begin = lines_.begin() + static_cast<std::ptrdiff_t>(at);
    lines_.erase(begin, begin + static_cast<std::ptrdiff_t>(hunk.old_lines.size()));
    lines_.insert(lines_.begin() + static_cast<std::ptrdiff_t>(at), hunk.new_lines.begin(),
                  hunk.new_lines.end());
    done_ = at + hunk.new_lines.size();
    return {};
  }

  [[nodiscard]] std::string text() const {
    std::string text = join(lines_, "\n");
    if (ends_with_newline_ && !lines_.empty()) text += '\n';
    return text;
  }

 private:
  [[nodiscard]] std::unexpected<Error> conflict(const Hunk& hunk, std::string_view why) const {
    return fail(Code::kConflict,
                fmt::format("{}, hunk in line {} of the patch: {}", path_, hunk.line, why));
  }

  Result<std::size_t> below_anchor(const Hunk& hunk) const {
    for (std::size_t at = done_; at < lines_.size(); ++at) {
      if (trim(lines_[at]) == trim(hunk.anchor)) return at + 1;
    }
    return conflict(hunk,
                    fmt::format("no line after the hunk before it is \"{}\"", shown(hunk.anchor)));
  }

  Result<std::size_t> place(const Hunk& hunk, std::size_t from) const {
    if (hunk.old_lines.empty()) return hunk.anchor.empty() ? lines_.size() : from;
    if (hunk.at_end)
      from = std::max(from, lines_.size() - std::min(lines_.size(), hunk.old_lines.size()));
    std::vector<std::size_t> found;
    for (std::size_t at = from; at + hunk.old_lines.size() <= lines_.size(); ++at) {
      if (std::equal(hunk.old_lines.begin(), hunk.old_lines.end(),
                     lines_.begin() + static_cast<std::ptrdiff_t>(at)))
        found.push_back(at);
    }
    if (found.empty()) return not_found(hunk, from);
    if (found.size() > 1 && hunk.anchor.empty()) {
      return conflict(
          hunk,
          fmt::format("its lines occur {} times (lines {} and {} are the first); give more lines "
                      "around them, or a line above them after \"@@\"",
                      found.size(), found[0] + 1, found[1] + 1));
    }
    return found.front();
  }

  // Where most of the lines from the first on agree, to show the first that does not.
  std::unexpected<Error> not_found(const Hunk& hunk, std::size_t from) const {
    std::size_t best = 0;
    std::size_t best_at = from;
    for (std::size_t at = from; at < lines_.size(); ++at) {
      std::size_t same = 0;
      while (same < hunk.old_lines.size() && at + same < lines_.size() &&
             lines_[at + same] == hunk.old_lines[same])
        ++same;
      if (same > best) {
        best = same;
        best_at = at;
      }
    }
    const std::string_view wanted = shown(hunk.old_lines[best]);
    if (best == 0)
      return conflict(hunk,
                      fmt::format("the file has no line \"{}\" there; read it again", wanted));
    const bool end = best_at + best >= lines_.size();
    return conflict(
        hunk,
        fmt::format("line {} of the file {}, not \"{}\"; read it again", best_at + best + 1,
                    end ? "is its end" : fmt::format("is \"{}\"", shown(lines_[best_at + best])),
                    wanted));
  }

  static std::string_view shown(std::string_view line) { return cut_utf8(line, kLineShownMax); }

  const std::string& path_;
  std::vector<std::string> lines_;
  bool ends_with_newline_ = true;
  std::size_t done_ = 0;  // lines above belong to hunks already applied
};

}  // namespace

Result<std::vector<FilePatch>> parse_patch(std::string_view text) {
  if (text.size() > patch_bytes_max)
    return fail(Code::kTooLarge, fmt::format("the patch is over {}", human_size(patch_bytes_max)));
  return Parser(text).parse();
}

Result<std::string> apply_hunks(std::string_view content, const FilePatch& patch) {
  Target target(content, patch.path);
  for (const Hunk& hunk : patch.hunks) SKEP_TRY_VOID(target.apply(hunk));
  return target.text();
}

}  // namespace skep::tools
