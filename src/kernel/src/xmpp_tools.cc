#include "xmpp_tools.h"

#include "house_tools.h"

namespace skep::kernel {
namespace {

Result<void> check_channel(const Conversation& conversation) {
  if (conversation.channel == "xmpp") return {};
  return fail(Code::kUnsupported, "this works in conversations over XMPP only");
}

}  // namespace

Task<Result<void>> send_into(XmppSide* xmpp, Ctx ctx, Conversation conversation, std::string turn,
                             tools::FileToSend file) {
  SKEP_CO_TRY_VOID(check_channel(conversation));
  if (xmpp == nullptr) co_return fail(Code::kUnsupported, "the channel is in another process");
  channels::OutgoingFile out{.name = file.name,
                             .media_type = attachments::media_type_of(file.bytes, file.name),
                             .bytes = std::move(file.bytes),
                             .caption = std::move(file.caption)};
  co_return co_await xmpp->channel_of(conversation).share(ctx, turn, std::move(out));
}

Result<void> open_xmpp_tools(tools::Toolbox& toolbox, const KernelConfig& config, Pool& pool,
                             XmppSide& xmpp) {
  SKEP_TRY_VOID(toolbox.add(tools::make_react(
      [&xmpp](const tools::ToolContext& context, std::vector<std::string> emojis) -> Result<void> {
        SKEP_TRY_VOID(check_channel(context.conversation));
        return xmpp.channel_of(context.conversation).react(context.turn, std::move(emojis));
      })));
  if (!config.file_tools.enabled) return {};
  SKEP_TRY(const tools::WorkspacePtr workspace,
           open_workspace(config, folder_name(config.agent.name, config.hive)));
  return toolbox.add(tools::make_send_file(
      workspace, pool, [&xmpp](tools::ToolContext context, tools::FileToSend file) {
        return send_into(&xmpp, context.ctx, context.conversation, context.turn, std::move(file));
      }));
}

}  // namespace skep::kernel
