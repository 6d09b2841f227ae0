// XEP-0004: Data Forms, and XEP-0050: Ad-Hoc Commands. Reading and building; pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/result.h"
#include "skep/xmpp/xml.h"

namespace skep::xmpp {

inline constexpr std::string_view kNsDataForm = "jabber:x:data";
inline constexpr std::string_view kNsCommands = "http://jabber.org/protocol/commands";
inline constexpr std::size_t kFormFieldsMax = 64;          // of one form
inline constexpr std::size_t kFormValueBytesMax = 65'536;  // of one field, its values together

struct FormOption {
  std::string label;
  std::string value;
};
struct FormField {
  std::string var;
  std::string type = "text-single";  // "hidden", "list-single", "fixed", "boolean", …
  std::string label;
  std::string value;
  bool required = false;
  std::vector<FormOption> options = {};
};
struct DataForm {
  std::string title;
  std::string instructions;
  std::vector<FormField> fields;
};
Element form_element(const DataForm& form);  // type='form'

// The values of a submitted form by field; several values of one field are joined by newlines.
// kInvalid when it is none (type='submit'), kTooLarge over the limits above.
Result<std::map<std::string, std::string>> read_submit(const Element& form);

struct CommandRequest {
  std::string node;
  std::string session;          // empty: a new one
  std::string action;           // "execute", "cancel", "complete", "next", "prev"
  std::optional<Element> form;  // what was filled in
};
// Of <iq type='set'><command/></iq>; nullopt: it is none. An action that nobody knows is given as
// it stands.
std::optional<CommandRequest> read_command(const Element& iq);

struct CommandAnswer {
  std::string node;
  std::string session;
  std::string status;  // "executing", "completed", "canceled"
  std::string note;    // a text for the person
  bool is_error = false;
  std::optional<DataForm> form = {};
};
Element command_answer(const Element& iq, const CommandAnswer& answer);
// An error with XEP-0050's own condition ("bad-sessionid", "bad-action", "session-expired") beside
// the general one.
Element command_error(const Element& iq, std::string_view condition, std::string_view type,
                      std::string_view own);

}  // namespace skep::xmpp
