#pragma once
/// Recipes as actors. Read actors/recipes/README.md, then the header of the one you want.

#include "actors/recipes/barrier.hpp"
#include "actors/recipes/cache.hpp"
#include "actors/recipes/counter.hpp"
#include "actors/recipes/election.hpp"
#include "actors/recipes/lock.hpp"
#include "actors/recipes/membership.hpp"
#include "actors/recipes/queue.hpp"
