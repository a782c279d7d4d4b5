# What `cmake --install` puts beside the executable, so that find_package(troupe) works for programs outside this tree:
#   include/troupe/client.hpp, blocking.hpp, recipes.hpp    to be included as <troupe/client.hpp>
#   include/troupe/{schema,cluster,actors}     what these include, as in this tree: "actors/client/messages.hpp"; what
#                                              plug-ins include; the headers that are generated of schema/*.capnp
#   lib/libtroupe_*.a, lib/cmake/troupe
include(CMakePackageConfigHelpers)

add_library(troupe_library INTERFACE)
set_target_properties(troupe_library PROPERTIES EXPORT_NAME troupe)
target_link_libraries(troupe_library INTERFACE troupe_client troupe_tree)
add_library(troupe::troupe ALIAS troupe_library)

set(TROUPE_PACKAGED troupe_library troupe_plugin troupe_client troupe_io troupe_tree troupe_schema troupe_warnings)
foreach(target troupe_recipes)  # as they come
  if(TARGET ${target})
    list(APPEND TROUPE_PACKAGED ${target})
    target_link_libraries(troupe_library INTERFACE ${target})
  endif()
endforeach()
foreach(target IN LISTS TROUPE_PACKAGED)
  string(REGEX REPLACE "^troupe_(library$)?" "" name ${target})
  if(name)
    set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  endif()
endforeach()
install(TARGETS ${TROUPE_PACKAGED} EXPORT troupeTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} ${CMAKE_INSTALL_INCLUDEDIR}/troupe)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/troupe)
install(EXPORT troupeTargets NAMESPACE troupe:: DESTINATION ${package_dir})

configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/troupeConfig.cmake.in ${CMAKE_BINARY_DIR}/troupeConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/troupeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/troupeConfig.cmake ${CMAKE_BINARY_DIR}/troupeConfigVersion.cmake
              ${CMAKE_SOURCE_DIR}/cmake/caf.cmake DESTINATION ${package_dir})

set(headers ${CMAKE_INSTALL_INCLUDEDIR}/troupe)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/troupe/ DESTINATION ${headers} FILES_MATCHING PATTERN *.hpp)
foreach(folder schema cluster/tree cluster/extension actors/client actors/recipes actors/extension)
  if(EXISTS ${CMAKE_SOURCE_DIR}/${folder})
    install(DIRECTORY ${CMAKE_SOURCE_DIR}/${folder}/ DESTINATION ${headers}/${folder}
            FILES_MATCHING PATTERN *.hpp PATTERN *.capnp)
  endif()
endforeach()
install(DIRECTORY ${CMAKE_BINARY_DIR}/generated/schema/ DESTINATION ${headers}/schema FILES_MATCHING PATTERN *.h PATTERN *.hpp)
