#include "skep/xmpp/archive.h"

namespace skep::xmpp {
namespace {

constexpr std::string_view kNsData = "jabber:x:data";                  // XEP-0004
constexpr std::string_view kNsRsm = "http://jabber.org/protocol/rsm";  // XEP-0059

Element element(std::string_view name, std::string_view ns) {
  return Element(std::string(name), std::string(ns));
}

Element field(std::string_view name, std::string value) {
  Element out = element("field", kNsData);
  out.set("var", std::string(name));
  return std::move(out.add(element("value", kNsData).text(std::move(value))));
}

}  // namespace

Element make_archive_question(const ArchiveQuestion& question) {
  Element form = element("x", kNsData);
  form.set("type", "submit");
  form.add(field("FORM_TYPE", std::string(kNsMam)));
  if (question.start) form.add(field("start", format_rfc3339(*question.start)));
  Element set = element("set", kNsRsm);
  set.add(element("max", kNsRsm).text(std::to_string(question.items_max)));
  if (!question.after.empty()) set.add(element("after", kNsRsm).text(question.after));
  Element query = element("query", kNsMam);
  query.set("queryid", question.query);
  query.add(std::move(form)).add(std::move(set));
  Element iq = make_iq(question.from, question.archive, "set", "");
  return std::move(iq.add(std::move(query)));
}

Result<ArchivePage> read_archive_page(const Element& answer) {
  const Element* fin = answer.child("fin", kNsMam);
  if (fin == nullptr) return fail(Code::kCorrupt, "the archive's answer has no end");
  ArchivePage page;
  const std::string_view complete = fin->attribute("complete");
  page.complete = complete == "true" || complete == "1";
  if (const Element* set = fin->child("set", kNsRsm)) page.last = set->child_text("last", kNsRsm);
  return page;
}

}  // namespace skep::xmpp
