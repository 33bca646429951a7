# libarchive's shared object brings libxml2, ICU and the C++ library along, for formats that we do
# not read; loading those takes longer than all else that `imgbuild --version` does. So programs
# link the parts of libarchive that they use, where the static library is there; the walls, being
# shared objects, keep the shared one.
include(CheckCSourceCompiles)
option(IMGBUILD_STATIC_ARCHIVE "Link libarchive statically into the programs, where possible" ON)
find_library(IMGBUILD_ARCHIVE_A libarchive.a)
mark_as_advanced(IMGBUILD_ARCHIVE_A)
if(NOT IMGBUILD_STATIC_ARCHIVE OR NOT IMGBUILD_ARCHIVE_A)
  return()
endif()

set(parts ${IMGBUILD_ARCHIVE_A} bz2 lzma lz4 zstd z crypto)
set(CMAKE_REQUIRED_LIBRARIES ${parts})
set(CMAKE_REQUIRED_LINK_OPTIONS -Wl,--as-needed)
check_c_source_compiles("
  #include <archive.h>
  int main(void)
  {
      struct archive *a = archive_read_new();
      archive_read_support_filter_all(a);
      archive_read_support_format_tar(a);
      archive_read_support_format_raw(a);
      archive_read_support_format_empty(a);
      return archive_read_open_fd(a, 0, 512);
  }" IMGBUILD_ARCHIVE_LINKS)
unset(CMAKE_REQUIRED_LIBRARIES)
unset(CMAKE_REQUIRED_LINK_OPTIONS)
if(NOT IMGBUILD_ARCHIVE_LINKS)
  return()
endif()

get_target_property(shared PkgConfig::archive INTERFACE_LINK_LIBRARIES)
set_target_properties(PkgConfig::archive PROPERTIES INTERFACE_LINK_LIBRARIES
  "$<IF:$<BOOL:$<TARGET_PROPERTY:STATIC_ARCHIVE>>,${parts},${shared}>")
