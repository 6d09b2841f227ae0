#include "schema.h"

// The one place that sees valijson, which without this macro ends the process where it would throw.
#define VALIJSON_USE_EXCEPTIONS 1
#include <valijson/adapters/boost_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

namespace skep::tools {
namespace {

constexpr int kFaultsMax = 5;

// valijson's path "<root>[a][0]" as a JSON pointer "/a/0".
std::string pointer_of(const std::vector<std::string>& context) {
  std::string pointer;
  for (const std::string& step : context) {
    if (step == "<root>") continue;
    std::string_view name = step;
    if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
    pointer += fmt::format("/{}", name);
  }
  return pointer.empty() ? "(arguments)" : pointer;
}

// A fault inside makes every object and array around it fail too; only the innermost says
// something.
bool is_echo(std::string_view description) {
  return description.starts_with("Failed to validate against schema associated with property") ||
         description.starts_with("Failed to validate item #");
}

}  // namespace

struct Schema::Impl {
  valijson::Schema schema;
};

Schema::Schema(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Schema::Schema(Schema&&) noexcept = default;
Schema& Schema::operator=(Schema&&) noexcept = default;
Schema::~Schema() = default;

Result<Schema> Schema::compile(const json::value& schema) {
  if (!schema.is_object()) return fail(Code::kInvalid, "a tool's schema must be an object");
  auto impl = std::make_unique<Impl>();
  try {
    valijson::SchemaParser parser;
    parser.populateSchema(valijson::adapters::BoostJsonAdapter(schema), impl->schema);
  } catch (const std::exception& error) {
    return fail(Code::kInvalid, fmt::format("no usable JSON Schema: {}", error.what()));
  }
  return Schema(std::move(impl));
}

Result<void> Schema::check(const json::value& value) const {
  valijson::ValidationResults faults;
  try {
    valijson::Validator validator(valijson::Validator::kStrongTypes);
    if (validator.validate(impl_->schema, valijson::adapters::BoostJsonAdapter(value), &faults))
      return {};
  } catch (const std::exception& error) {
    return fail(Code::kInvalid, error.what());
  }
  std::string text;
  valijson::ValidationResults::Error fault;
  for (int shown = 0; shown < kFaultsMax && faults.popError(fault);) {
    if (is_echo(fault.description)) continue;
    text += fmt::format("{}{}: {}", shown == 0 ? "" : "\n", pointer_of(fault.context),
                        fault.description);
    ++shown;
  }
  return fail(Code::kInvalid, text);
}

}  // namespace skep::tools
