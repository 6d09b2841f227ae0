#include "shared_memory.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <bit>
#include <cerrno>
#include <cstring>

namespace skep::fabric {
namespace {

constexpr std::size_t kHeadBytes = 4'096;  // the words of both rings
constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW;
static_assert(2 * sizeof(RingWords) <= kHeadBytes);

std::size_t file_bytes(std::size_t ring_bytes) { return kHeadBytes + 2 * ring_bytes; }
std::size_t mapped_bytes(std::size_t ring_bytes) { return kHeadBytes + 4 * ring_bytes; }

bool is_size(std::size_t ring_bytes) {
  return std::has_single_bit(ring_bytes) && ring_bytes >= kSharedBytesMin &&
         ring_bytes <= kSharedBytesMax;
}

RingWords& words_of(char* mapping, int ring) { return reinterpret_cast<RingWords*>(mapping)[ring]; }
char* data_of(char* mapping, int ring, std::size_t ring_bytes) {
  return mapping + kHeadBytes + static_cast<std::size_t>(ring) * 2 * ring_bytes;
}

// Nobody may cut it off under a reader: that would be a SIGBUS.
Result<OwnedFd> sealed_file(std::size_t bytes) {
  OwnedFd file(::memfd_create("skep-link", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.valid()) return fail(errno_error("making shared memory", errno));
  if (::ftruncate(file.get(), static_cast<off_t>(bytes)) != 0 ||
      ::fcntl(file.get(), F_ADD_SEALS, kSeals | F_SEAL_SEAL) != 0)
    return fail(errno_error("sealing shared memory", errno));
  return file;
}

// Without waiting, even when somebody else took O_NONBLOCK off.
ssize_t read_at_once(int fd) {
  std::uint64_t count = 0;
  const iovec into{&count, sizeof count};
  return ::preadv2(fd, &into, 1, -1, RWF_NOWAIT);
}

}  // namespace

Result<SharedMemory::Mapping> SharedMemory::map(int file, std::size_t ring_bytes) {
  void* reserved =
      ::mmap(nullptr, mapped_bytes(ring_bytes), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (reserved == MAP_FAILED) return fail(errno_error("mapping shared memory", errno));
  char* at = static_cast<char*>(reserved);
  const auto put = [&](std::size_t where, std::size_t bytes, std::size_t offset) {
    return ::mmap(at + where, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file,
                  static_cast<off_t>(offset)) != MAP_FAILED;
  };
  bool mapped = put(0, kHeadBytes, 0);
  for (std::size_t half = 0; half < 4; ++half) {  // each ring twice, one behind the other
    mapped = mapped &&
             put(kHeadBytes + half * ring_bytes, ring_bytes, kHeadBytes + half / 2 * ring_bytes);
  }
  if (mapped) return Mapping{at, ring_bytes};
  const int error = errno;
  ::munmap(at, mapped_bytes(ring_bytes));
  return fail(errno_error("mapping shared memory", error));
}

// Ring 0 leads to the router, ring 1 to the node.
SharedMemory::SharedMemory(Mapping mapping, bool router, std::vector<OwnedFd> fds)
    : mapping_(mapping),
      in_(words_of(mapping.at, router ? 0 : 1),
          data_of(mapping.at, router ? 0 : 1, mapping.ring_bytes), mapping.ring_bytes),
      out_(words_of(mapping.at, router ? 1 : 0),
           data_of(mapping.at, router ? 1 : 0, mapping.ring_bytes), mapping.ring_bytes),
      bell_(std::move(fds[0])),
      rings_(std::move(fds[1])),
      router_(router) {
  if (!router) return;
  file_ = std::move(fds[2]);
  node_bell_ = std::move(fds[3]);
}

SharedMemory::~SharedMemory() { ::munmap(mapping_.at, mapped_bytes(mapping_.ring_bytes)); }

Result<std::unique_ptr<SharedMemory>> SharedMemory::make(std::size_t ring_bytes) {
  if (!is_size(ring_bytes))
    return fail(Code::kInvalid, fmt::format("{} bytes are no size of a ring", ring_bytes));
  SKEP_TRY(OwnedFd file, sealed_file(file_bytes(ring_bytes)));
  OwnedFd bell(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  int pipe[2] = {-1, -1};
  const bool piped = ::pipe2(pipe, O_CLOEXEC | O_NONBLOCK) == 0;
  OwnedFd node_hears(pipe[0]), rings(pipe[1]);
  if (!bell.valid() || !piped) return fail(errno_error("making bells", errno));
  if (read_at_once(bell.get()) != -1 || errno != EAGAIN)
    return fail(Code::kUnsupported, "this kernel cannot read an eventfd without waiting");
  SKEP_TRY(const Mapping mapping, map(file.get(), ring_bytes));
  std::vector<OwnedFd> fds;
  for (OwnedFd* fd : {&bell, &rings, &file, &node_hears}) fds.push_back(std::move(*fd));
  return std::unique_ptr<SharedMemory>(new SharedMemory(mapping, true, std::move(fds)));
}

Result<void> SharedMemory::send(int socket, std::string_view frame) {
  const int fds[kSharedFds] = {file_.get(), bell_.get(), node_bell_.get()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fds)] = {};
  iovec bytes{const_cast<char*>(frame.data()), frame.size()};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof fds);
  std::memcpy(CMSG_DATA(head), fds, sizeof fds);
  const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent != static_cast<ssize_t>(frame.size()))
    return fail(Code::kUnavailable, "the socket takes no descriptors now");
  file_ = OwnedFd();  // it is mapped
  return {};
}

Result<std::unique_ptr<SharedMemory>> SharedMemory::join(std::vector<OwnedFd> fds,
                                                         std::size_t ring_bytes) {
  if (fds.size() != kSharedFds || !is_size(ring_bytes))
    return fail(Code::kInvalid, "the router's shared memory has no known form");
  struct stat file{};
  const int seals = ::fcntl(fds[0].get(), F_GET_SEALS);
  if (seals < 0 || (seals & kSeals) != kSeals || ::fstat(fds[0].get(), &file) != 0 ||
      file.st_size != static_cast<off_t>(file_bytes(ring_bytes)))
    return fail(Code::kInvalid, "the router's shared memory could be cut off, or has another size");
  SKEP_TRY(const Mapping mapping, map(fds[0].get(), ring_bytes));
  std::vector<OwnedFd> bells;
  bells.push_back(std::move(fds[2]));
  bells.push_back(std::move(fds[1]));
  return std::unique_ptr<SharedMemory>(new SharedMemory(mapping, false, std::move(bells)));
}

void SharedMemory::hush() const {
  char rung[64];
  if (router_) {
    (void)read_at_once(bell_.get());
  } else {
    while (::read(bell_.get(), rung, sizeof rung) == sizeof rung) {
    }
  }
}

void SharedMemory::ring() const {
  const std::uint64_t once = 1;
  // Full: it rings already. The pipe takes a byte at a time, an eventfd eight.
  (void)!::write(rings_.get(), &once, router_ ? 1 : sizeof once);
}

// Nobody else writes into that ring, and an empty one has nothing to lose.
void SharedMemory::give_back() {
  const auto space = out_.space();
  if (!space || space->size() != mapping_.ring_bytes) return;
  const int ring = router_ ? 1 : 0;
  (void)::madvise(data_of(mapping_.at, ring, mapping_.ring_bytes), mapping_.ring_bytes,
                  MADV_REMOVE);
}

bool may_run_beside(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  cpu_set_t ours, theirs;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid <= 0 ||
      ::sched_getaffinity(0, sizeof ours, &ours) != 0 ||
      ::sched_getaffinity(peer.pid, sizeof theirs, &theirs) != 0)
    return false;
  CPU_OR(&theirs, &theirs, &ours);
  return CPU_COUNT(&theirs) > 1;
}

ssize_t receive_with_fds(int socket, std::span<char> into, int flags, std::vector<OwnedFd>& fds) {
  alignas(cmsghdr) char control[CMSG_SPACE(kSharedFds * sizeof(int))];
  iovec bytes{into.data(), into.size()};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t got = ::recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
  if (got < 0) return got;
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
       head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(head) + i * sizeof fd, sizeof fd);
      if (fds.size() < kSharedFds) {
        fds.emplace_back(fd);
      } else {
        ::close(fd);
      }
    }
  }
  return got;
}

}  // namespace skep::fabric
