#include "line_editor.h"

#include <histedit.h>
#include <sys/stat.h>
#include <unistd.h>

#include <iostream>

namespace skep::cli {

namespace {
constexpr int kHistoryMax = 1000;
}

struct LineEditor::Impl {
  std::string history_file;
  std::string prompt;
  EditLine* editor = nullptr;
  History* history = nullptr;
  HistEvent event{};

  // Saved with each line: a terminal may be closed at any moment.
  void keep(const char* line) {
    ::history(history, &event, H_ENTER, line);
    ::history(history, &event, H_SAVE, history_file.c_str());
    chmod(history_file.c_str(), 0600);
  }

  static char* prompt_of(EditLine* editor) {
    Impl* impl = nullptr;
    el_get(editor, EL_CLIENTDATA, &impl);
    return impl->prompt.data();
  }
};

LineEditor::LineEditor(std::string history_file) : impl_(std::make_unique<Impl>()) {
  if (isatty(STDIN_FILENO) == 0) return;
  impl_->history_file = std::move(history_file);
  impl_->editor = el_init("skep", stdin, stdout, stderr);
  if (impl_->editor == nullptr) return;
  el_set(impl_->editor, EL_CLIENTDATA, impl_.get());
  el_set(impl_->editor, EL_PROMPT, &Impl::prompt_of);
  el_set(impl_->editor, EL_EDITOR, "emacs");
  el_set(impl_->editor, EL_SIGNAL,
         1);  // puts the terminal right before the program's own handler hears of Ctrl-C
  impl_->history = history_init();
  history(impl_->history, &impl_->event, H_SETSIZE, kHistoryMax);
  history(impl_->history, &impl_->event, H_SETUNIQUE, 1);
  history(impl_->history, &impl_->event, H_LOAD, impl_->history_file.c_str());
  el_set(impl_->editor, EL_HIST, history, impl_->history);
}

LineEditor::~LineEditor() {
  if (impl_->history != nullptr) history_end(impl_->history);
  if (impl_->editor != nullptr) el_end(impl_->editor);
}

std::optional<std::string> LineEditor::read(const std::string& prompt) {
  if (impl_->editor == nullptr) {
    std::string line;
    if (!std::getline(std::cin, line)) return std::nullopt;
    return line;
  }
  impl_->prompt = prompt;
  int length = 0;
  const char* line = el_gets(impl_->editor, &length);
  if (line == nullptr || length <= 0) return std::nullopt;
  if (line[0] != '\n') impl_->keep(line);
  return std::string(line, static_cast<std::size_t>(length));
}

}  // namespace skep::cli
