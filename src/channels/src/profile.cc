#include "profile.h"

#include "skep/base/text.h"

namespace skep::channels {
namespace {

using xmpp::Element;

constexpr std::string_view kMetadata = "urn:xmpp:avatar:metadata";
constexpr std::string_view kData = "urn:xmpp:avatar:data";

Element words(std::string_view name, std::string_view ns, std::string text) {
  Element element{std::string(name), std::string(ns)};
  return element.text(std::move(text));
}

Element metadata_of(const Avatar& avatar) {
  Element info("info", std::string(kMetadata));
  info.set("bytes", fmt::format("{}", avatar.bytes.size())).set("id", avatar.id);
  info.set("type", avatar.media_type);
  Element metadata("metadata", info.ns);
  return metadata.add(std::move(info));
}

}  // namespace

Element vcard_of(const Entrypoint& entrypoint) {
  Element card("vCard", std::string(kNsVcard));
  card.add(words("FN", card.ns, entrypoint.name));
  card.add(words("NICKNAME", card.ns, entrypoint.name));
  if (!entrypoint.description.empty()) card.add(words("DESC", card.ns, entrypoint.description));
  if (!entrypoint.avatar) return card;
  Element photo("PHOTO", card.ns);
  photo.add(words("TYPE", card.ns, entrypoint.avatar->media_type));
  photo.add(words("BINVAL", card.ns, base64_encode(entrypoint.avatar->bytes)));
  return card.add(std::move(photo));
}

Element vcard_update(const Entrypoint& entrypoint) {
  Element update("x", std::string(kNsVcardUpdate));
  Element photo("photo", update.ns);
  if (entrypoint.avatar) photo.text(entrypoint.avatar->id);
  return update.add(std::move(photo));
}

std::optional<Element> avatar_answer(const Element& iq, const Entrypoint& entrypoint) {
  const Element* pubsub = iq.child("pubsub", kNsPubsub);
  if (iq.attribute("type") != "get" || pubsub == nullptr || !entrypoint.avatar) return std::nullopt;
  const Element* asked = pubsub->child("items", kNsPubsub);
  if (asked == nullptr) return std::nullopt;
  const Avatar& avatar = *entrypoint.avatar;
  const std::string_view node = asked->attribute("node");
  if (node != kMetadata && node != kData) return std::nullopt;
  const Element* one = asked->child("item", kNsPubsub);
  if (one != nullptr && one->attribute("id") != avatar.id)
    return xmpp::stanza_error(iq, "item-not-found", "cancel");
  Element item("item", std::string(kNsPubsub));
  item.set("id", avatar.id);
  item.add(node == kData ? words("data", kData, base64_encode(avatar.bytes)) : metadata_of(avatar));
  Element items("items", item.ns);
  items.set("node", std::string(node)).add(std::move(item));
  Element answer("pubsub", items.ns);
  return xmpp::iq_result(iq).add(std::move(answer.add(std::move(items))));
}

}  // namespace skep::channels
