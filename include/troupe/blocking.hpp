#pragma once
/// The client for programs that are not actors. Read actors/client/blocking.hpp.

#include "actors/client/blocking.hpp"
