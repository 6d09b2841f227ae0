#include <expat.h>

#include <cstring>

#include "skep/base/text.h"
#include "skep/xmpp/stanza.h"
#include "skep/xmpp/xml.h"

namespace skep::xmpp {
namespace {

// Between namespace URI and local name in what expat reports. This byte never occurs in UTF-8, so
// no URI can contain it.
constexpr char kSeparator = '\xFF';
constexpr std::string_view kNsXml = "http://www.w3.org/XML/1998/namespace";
constexpr std::size_t kPieceBytes =
    64u << 10;  // fed to expat at once: bounds its buffer and its int lengths

std::pair<std::string_view, std::string_view> split_name(const XML_Char* raw) {
  const std::string_view name(raw);
  const std::size_t at = name.find(kSeparator);
  if (at == std::string_view::npos) return {{}, name};
  return {name.substr(0, at), name.substr(at + 1)};
}

std::string attribute_name(const XML_Char* raw) {
  const auto [uri, local] = split_name(raw);
  if (uri.empty()) return std::string(local);
  if (uri == kNsXml) return "xml:" + std::string(local);
  return fmt::format("{{{}}}{}", uri, local);
}

bool is_white_space(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

struct ParserFree {
  void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
};

}  // namespace

// expat calls back during feed(); `path` holds the elements that are open below the stream element.
struct StreamParser::Impl {
  explicit Impl(XmlLimits given) : limits(given), parser(XML_ParserCreateNS("UTF-8", kSeparator)) {
    if (!parser) {
      failure = Error{Code::kExhausted, "no memory for an XML parser"};
      return;
    }
    XML_SetUserData(parser.get(), this);
    XML_SetElementHandler(parser.get(), on_start, on_end);
    XML_SetCharacterDataHandler(parser.get(), on_text);
    XML_SetXmlDeclHandler(parser.get(), on_declaration);
    XML_SetStartDoctypeDeclHandler(parser.get(), on_doctype);
    XML_SetCommentHandler(parser.get(), on_comment);
    XML_SetProcessingInstructionHandler(parser.get(), on_instruction);
    // A stanza must come out with its last byte, not when expat next feels like trying;
    // stanza_bytes_max bounds the cost. An expat from before the deferral has no such switch.
#if SKEP_EXPAT_DEFERS
    XML_SetReparseDeferralEnabled(parser.get(), XML_FALSE);
#endif
  }

  Result<void> feed(std::string_view bytes, std::vector<StreamEvent>& out) {
    if (fed == 0) {  // some servers send a line feed before the header of a restarted stream
      bytes.remove_prefix(std::min(bytes.find_first_not_of(" \t\r\n"), bytes.size()));
    }
    events = &out;
    while (!bytes.empty() && !failure && !closed) {
      const std::string_view piece = bytes.substr(0, std::min(kPieceBytes, utf16_sign(bytes)));
      bytes.remove_prefix(piece.size());
      if (!piece.empty()) parse(piece);
      if (!failure && !closed && utf16_sign(bytes) == 0)
        refuse(Code::kCorrupt, "the stream is not UTF-8");
    }
    if (closed) check_after_end(bytes);
    events = nullptr;
    if (failure) return fail(*failure);
    return {};
  }

  // RFC 6120 11.6: UTF-8 and nothing else. expat would follow a byte order mark or a NUL into
  // UTF-16 whatever encoding it was told. Where the first such byte stands.
  std::size_t utf16_sign(std::string_view bytes) const {
    if (fed == 0 && !bytes.empty() && (bytes[0] == '\xFE' || bytes[0] == '\xFF')) return 0;
    return bytes.find('\0');
  }

  // `unfed` follows what expat was given last, of which it left all behind the stream's end.
  void check_after_end(std::string_view unfed) {
    const std::size_t left = fed - end_at;
    fed = end_at;
    if (!is_white_space({unfed.data() - left, unfed.size() + left})) {
      refuse(Code::kCorrupt, "there are bytes after the stream's end");
    }
  }

  void parse(std::string_view piece) {
    fed += piece.size();
    const XML_Status status =
        XML_Parse(parser.get(), piece.data(), static_cast<int>(piece.size()), XML_FALSE);
    if (failure || closed) return;
    if (status != XML_STATUS_OK) {
      refuse(Code::kCorrupt,
             fmt::format("bad XML: {} at byte {}", XML_ErrorString(XML_GetErrorCode(parser.get())),
                         XML_GetCurrentByteIndex(parser.get())));
      return;
    }
    check_size(fed);  // also what expat holds back as an unfinished tag
  }

  void refuse(Code code, std::string message) {
    if (failure) return;
    failure = Error{code, std::move(message)};
    path.clear();
    XML_StopParser(parser.get(), XML_FALSE);
  }

  // Where the token that expat is reporting ends, counted from the stream's first byte.
  std::size_t token_end() const {
    return static_cast<std::size_t>(XML_GetCurrentByteIndex(parser.get())) +
           static_cast<std::size_t>(XML_GetCurrentByteCount(parser.get()));
  }

  // The present stanza, or header, or gap between stanzas, reaches up to `end`.
  bool check_size(std::size_t end) {
    if (end - unit_start <= limits.stanza_bytes_max) return true;
    refuse(Code::kTooLarge,
           fmt::format("a stanza is longer than {} bytes", limits.stanza_bytes_max));
    return false;
  }

  void start(const XML_Char* raw_name, const XML_Char** raw_attributes) {
    if (failure) return;
    if (opened && path.empty())
      unit_start = static_cast<std::size_t>(XML_GetCurrentByteIndex(parser.get()));
    if (!check_size(token_end())) return;
    if (path.size() >= limits.depth_max) {
      return refuse(Code::kTooLarge, fmt::format("elements nest deeper than {}", limits.depth_max));
    }
    const auto [uri, local] = split_name(raw_name);
    Element element{std::string(local), std::string(uri)};
    for (; *raw_attributes; raw_attributes += 2) {
      if (element.attributes.size() == limits.attributes_max) {
        return refuse(Code::kTooLarge,
                      fmt::format("an element has more than {} attributes", limits.attributes_max));
      }
      element.attributes.emplace_back(attribute_name(raw_attributes[0]), raw_attributes[1]);
    }
    open(std::move(element));
  }

  void open(Element element) {
    if (opened) {
      path.push_back(std::move(element));
      return;
    }
    opened = true;
    unit_start = token_end();
    events->emplace_back(StreamOpen{std::move(element)});
  }

  void end() {
    if (failure) return;
    if (!check_size(token_end())) return;
    if (path.empty()) {
      events->emplace_back(StreamClose{});
      closed = true;
      end_at = token_end();
      XML_StopParser(parser.get(), XML_FALSE);
      return;
    }
    Element done = std::move(path.back());
    path.pop_back();
    if (!path.empty()) {
      path.back().content.emplace_back(std::move(done));
      return;
    }
    unit_start = token_end();
    events->emplace_back(std::move(done));
  }

  void text(std::string_view data) {
    if (failure) return;
    if (path.empty()) {
      if (!is_white_space(data)) return refuse(Code::kCorrupt, "text between stanzas");
      unit_start = token_end();
      return;
    }
    if (!check_size(token_end())) return;
    auto& content = path.back().content;
    if (!content.empty() && std::holds_alternative<std::string>(content.back())) {
      std::get<std::string>(content.back()).append(data);
    } else {
      content.emplace_back(std::string(data));
    }
  }

  static Impl& self(void* user) { return *static_cast<Impl*>(user); }
  static void on_start(void* user, const XML_Char* name, const XML_Char** attributes) {
    self(user).start(name, attributes);
  }
  static void on_end(void* user, const XML_Char*) { self(user).end(); }
  static void on_text(void* user, const XML_Char* data, int length) {
    self(user).text({data, static_cast<std::size_t>(length)});
  }
  static void on_declaration(void* user, const XML_Char*, const XML_Char* encoding, int) {
    if (encoding && !equals_ignoring_ascii_case(encoding, "utf-8")) {
      self(user).refuse(Code::kCorrupt, "the stream is not declared as UTF-8");
    }
  }
  static void on_doctype(void* user, const XML_Char*, const XML_Char*, const XML_Char*, int) {
    self(user).refuse(Code::kCorrupt, "restricted XML: a document type declaration");
  }
  static void on_comment(void* user, const XML_Char*) {
    self(user).refuse(Code::kCorrupt, "restricted XML: a comment");
  }
  static void on_instruction(void* user, const XML_Char*, const XML_Char*) {
    self(user).refuse(Code::kCorrupt, "restricted XML: a processing instruction");
  }

  XmlLimits limits;
  std::unique_ptr<std::remove_pointer_t<XML_Parser>, ParserFree> parser;
  std::vector<Element> path;
  std::vector<StreamEvent>* events = nullptr;
  std::optional<Error> failure;
  bool opened = false;
  bool closed = false;
  std::size_t end_at = 0;  // the first byte after the stream's end
  std::size_t fed = 0;
  std::size_t unit_start = 0;  // first byte of what stanza_bytes_max now counts
};

StreamParser::StreamParser(XmlLimits limits) : impl_(std::make_unique<Impl>(limits)) {}
StreamParser::~StreamParser() = default;
StreamParser::StreamParser(StreamParser&&) noexcept = default;
StreamParser& StreamParser::operator=(StreamParser&&) noexcept = default;

Result<void> StreamParser::feed(std::span<const std::byte> bytes, std::vector<StreamEvent>& out) {
  if (impl_->failure) return fail(*impl_->failure);
  return impl_->feed({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, out);
}

Result<Element> parse_element(std::string_view xml, std::string_view default_ns, XmlLimits limits) {
  StreamParser parser(limits);
  std::vector<StreamEvent> events;
  const std::string head = fmt::format("<stream xmlns='{}'>", escape_xml(default_ns));
  for (const std::string_view part : {std::string_view(head), xml, std::string_view("</stream>")}) {
    SKEP_TRY_VOID(parser.feed(std::as_bytes(std::span(part)), events));
  }
  const bool one = events.size() == 3 && std::holds_alternative<Element>(events[1]);
  if (!one) return fail(Code::kCorrupt, "expected exactly one XML element");
  return std::get<Element>(std::move(events[1]));
}

}  // namespace skep::xmpp
