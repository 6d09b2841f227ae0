#include "entrypoints.h"

#include "skep/base/text.h"
#include "skep/store/append_file.h"

namespace skep::channels {
namespace {

std::string media_type_of(std::string_view bytes) {
  if (bytes.starts_with("\x89PNG\r\n\x1a\n")) return "image/png";
  if (bytes.starts_with("\xff\xd8\xff")) return "image/jpeg";
  if (bytes.starts_with("GIF8")) return "image/gif";
  if (bytes.starts_with("RIFF") && bytes.substr(0, 12).ends_with("WEBP")) return "image/webp";
  return {};
}

Result<std::optional<Avatar>> load_avatar(const std::string& file) {
  if (file.empty()) return std::nullopt;
  auto bytes = store::read_file(file, Profile::kAvatarBytesMax);
  if (!bytes)
    return fail(bytes.error().code, fmt::format("avatar_file: {}", bytes.error().message));
  Avatar avatar{.bytes = *std::move(bytes)};
  avatar.media_type = media_type_of(avatar.bytes);
  if (avatar.media_type.empty())
    return fail(Code::kInvalid, fmt::format("avatar_file: {} is no PNG, JPEG, GIF or WebP", file));
  avatar.id = hex_encode(sha1(avatar.bytes));
  return avatar;
}

Result<Destination> agent_of(const std::string& name, const Destination& usual,
                             const std::string& hive) {
  if (name.empty()) return usual;
  auto parsed = Name::parse(name, hive);
  if (!parsed)
    return fail(Code::kInvalid, fmt::format("agent \"{}\": {}", name, parsed.error().message));
  return Destination(*std::move(parsed));
}

Result<Entrypoint> make(const Profile& profile, const XmppChannelConfig& config) {
  Entrypoint made;
  made.name = profile.name.empty() ? config.agent_name : profile.name;
  made.description = profile.description;
  SKEP_TRY(made.avatar, load_avatar(profile.avatar_file));
  return made;
}

}  // namespace

Result<Entrypoints> Entrypoints::open(const XmppChannelConfig& config, const Destination& usual,
                                      const std::string& hive) {
  Entrypoints all;
  SKEP_TRY(all.usual_, make(config.profile, config));
  SKEP_TRY(all.usual_.agent, agent_of(config.agent, usual, hive));
  all.usual_.id = config.entrypoint;
  for (const EntrypointConfig& one : config.addresses) {
    Profile profile = one.profile;
    if (profile.name.empty()) profile.name = config.profile.name;
    SKEP_TRY(Entrypoint made, make(profile, config));
    SKEP_TRY(made.agent, agent_of(one.agent, all.usual_.agent, hive));
    made.address = one.address;
    made.id = one.address.str();
    all.own_.emplace(one.address, std::move(made));
  }
  return all;
}

const Entrypoint& Entrypoints::of(const xmpp::Jid& address) const {
  const auto found = own_.find(address.bare());
  return found == own_.end() ? usual_ : found->second;
}

const Entrypoint& Entrypoints::of(std::string_view address) const {
  const auto jid = xmpp::Jid::parse(address);
  return jid ? of(*jid) : usual_;
}

std::vector<const Entrypoint*> Entrypoints::all() const {
  std::vector<const Entrypoint*> out;
  for (const auto& [address, one] : own_) out.push_back(&one);
  return out;
}

}  // namespace skep::channels
