#pragma once

#include "skep/tools/spec.h"
