// Arguments against a tool's JSON Schema (draft 7).
#pragma once

#include <memory>

#include "skep/base/json.h"
#include "skep/base/result.h"

namespace skep::tools {

// A compiled schema. Immutable.
class Schema {
 public:
  // kInvalid when it is no object or no valid schema.
  static Result<Schema> compile(const json::value& schema);
  Schema(Schema&&) noexcept;
  Schema& operator=(Schema&&) noexcept;
  ~Schema();

  // kInvalid with one line a fault, "/unit: expected one of …", at most five of them.
  [[nodiscard]] Result<void> check(const json::value& value) const;

 private:
  struct Impl;
  explicit Schema(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace skep::tools
