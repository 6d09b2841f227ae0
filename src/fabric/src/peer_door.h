// How routers of a hive find each other: their sockets and the directory these lie in. Private to
// the room; loop thread only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "owned_fd.h"
#include "skep/async/task.h"

namespace skep::fabric {

// A connected socket. kUnavailable when nobody listens there; kDenied when the process at the other
// end is another user's.
Result<OwnedFd> dial_peer(const std::string& path);

class PeerDoor {
 public:
  virtual ~PeerDoor() = default;  // removes the socket file
  // kUnavailable after close(); kDenied: somebody of another user knocked.
  virtual Task<Result<OwnedFd>> accept() = 0;
  virtual void close() = 0;
};
// Listens with mode 0600. The file gets its name when the socket already listens, so whoever sees
// it can dial. kConflict when somebody answers at that path; a dead file is replaced.
Result<std::unique_ptr<PeerDoor>> open_peer_door(const boost::asio::any_io_executor& executor,
                                                 const std::string& path);

// Tells that names in a directory came or went.
class DirectoryWatch {
 public:
  virtual ~DirectoryWatch() = default;
  // Until something named "<prefix>…" came or went since the last call; kUnavailable after close().
  virtual Task<Result<void>> changed() = 0;
  virtual void close() = 0;
};
Result<std::unique_ptr<DirectoryWatch>> watch_directory(
    const boost::asio::any_io_executor& executor, const std::string& path, std::string prefix);

// The <name> of each "<prefix><name><suffix>" in a directory, sorted; none when it cannot be read.
std::vector<std::string> names_between(const std::string& directory, std::string_view prefix,
                                       std::string_view suffix);

}  // namespace skep::fabric
