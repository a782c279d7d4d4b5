#pragma once
/// Clients that are actors. Read actors/client/connections.hpp, then actors/client/messages.hpp.

#include "actors/client/connections.hpp"
#include "actors/client/messages.hpp"
