# subject(NAME PUBLIC header… SOURCES file… [USES subject…] [LIBRARIES target…])
#
# Declares a folder of the house. From outside only its PUBLIC headers can be included, as
# <NAME/header.h>, through a directory of links in the build tree; each of them must compile alone.
# The folder links as a shared object of its own with --no-undefined against its USES and LIBRARIES
# (target NAME_wall), so a call across a wall that was not declared fails the build. The programs link
# the same objects statically.
function(subject name)
  cmake_parse_arguments(arg "" "" "PUBLIC;SOURCES;USES;LIBRARIES" ${ARGN})
  set(view ${PROJECT_BINARY_DIR}/view/${name})
  file(REMOVE_RECURSE ${view})
  file(MAKE_DIRECTORY ${view}/${name})
  set(headers)
  foreach(header IN LISTS arg_PUBLIC)
    file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR}/${header} ${view}/${name}/${header} SYMBOLIC)
    list(APPEND headers ${view}/${name}/${header})
  endforeach()

  add_library(${name}_objects OBJECT ${arg_SOURCES})
  target_include_directories(${name}_objects PRIVATE ${view})
  target_link_libraries(${name}_objects PRIVATE ${arg_USES} ${arg_LIBRARIES} Threads::Threads)

  add_dependencies(objects ${name}_objects)

  add_library(${name} STATIC $<TARGET_OBJECTS:${name}_objects>)
  target_sources(${name} INTERFACE FILE_SET HEADERS BASE_DIRS ${view} FILES ${headers})
  target_link_libraries(${name} PUBLIC ${arg_USES} ${arg_LIBRARIES} Threads::Threads)
  set_target_properties(${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)

  set(walls)
  foreach(used IN LISTS arg_USES)
    list(APPEND walls ${used}_wall)
  endforeach()
  add_library(${name}_wall SHARED $<TARGET_OBJECTS:${name}_objects>)
  # A wall is for checking alone: it is linked, never loaded or installed.
  target_link_libraries(${name}_wall PRIVATE ${walls} ${arg_LIBRARIES} Threads::Threads)
  if(NOT IMGBUILD_SANITIZE)
    target_link_options(${name}_wall PRIVATE -Wl,--no-undefined)
  endif()
endfunction()
