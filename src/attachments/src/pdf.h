// Text of a PDF file.
#pragma once

#include <string>

#include "skep/async/ctx.h"
#include "skep/async/task.h"
#include "skep/base/result.h"

namespace skep::attachments {

// By pdftotext (poppler-utils) in the sandbox: whatever the file does to it, it sees that file and
// nothing else. At most about `bytes_max`. The message of an Error is a sentence for people.
Task<Result<std::string>> pdf_text(Ctx ctx, std::string path, std::size_t bytes_max);

}  // namespace skep::attachments
