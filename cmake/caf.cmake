# The actor framework as the target caf::core: Debian has no CMake package for it. For this tree, and installed with it.
if(NOT TARGET caf::core)
  find_library(CAF_CORE_LIBRARY caf_core REQUIRED)
  find_path(CAF_INCLUDE_DIR caf/actor.hpp REQUIRED)
  mark_as_advanced(CAF_CORE_LIBRARY CAF_INCLUDE_DIR)
  add_library(caf::core UNKNOWN IMPORTED GLOBAL)
  set_target_properties(caf::core PROPERTIES IMPORTED_LOCATION "${CAF_CORE_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${CAF_INCLUDE_DIR}" INTERFACE_LINK_LIBRARIES Threads::Threads)
endif()
