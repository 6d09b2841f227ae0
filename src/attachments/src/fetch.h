// One file from the network.
#pragma once

#include <string>

#include "skep/attachments/attachments.h"

namespace skep::attachments {

struct Fetched {
  std::string bytes;
  std::string media_type;  // what the server says
};
// kDenied: the address may not be asked; kTooLarge: announced, or found while reading;
// kUnavailable, kTimeout, kCancelled: no answer; kNotFound: an answer that is no success. Messages
// are sentences without the URL.
Task<Result<Fetched>> fetch(Ctx ctx, net::HttpClient& http, const AttachmentsConfig& config,
                            std::string url);

}  // namespace skep::attachments
