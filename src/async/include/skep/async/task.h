// A coroutine that runs on the process's loop thread and gives one value.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <utility>

#include "skep/base/result.h"

namespace skep {

// Lazy: runs when awaited. Ownership: parameters are copied or moved into the coroutine frame; a
// view or reference parameter must outlive the whole await. Never make a capturing lambda a
// coroutine.
template <class T = void>
using Task = boost::asio::awaitable<T>;

}  // namespace skep
