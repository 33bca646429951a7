# program_pages(PROGRAM): its man page and shell completions, printed by the program itself from its
# option tables once it is built, and installed where man and the shells look.
function(program_pages program)
  if(CMAKE_CROSSCOMPILING)
    return() # what was built cannot be run here
  endif()
  set(dir ${PROJECT_BINARY_DIR}/pages)
  set(pages)
  macro(page name)
    add_custom_command(OUTPUT ${dir}/${name}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${dir}
      COMMAND ${program} ${ARGN} > ${dir}/${name}.new
      COMMAND ${CMAKE_COMMAND} -E rename ${dir}/${name}.new ${dir}/${name}
      DEPENDS ${program} VERBATIM)
    list(APPEND pages ${dir}/${name})
  endmacro()
  page(${program}.1 --man)
  page(${program}.bash --completion bash)
  page(_${program} --completion zsh)
  page(${program}.fish --completion fish)
  add_custom_target(${program}_pages ALL DEPENDS ${pages})

  set(share ${CMAKE_INSTALL_DATADIR})
  install(FILES ${dir}/${program}.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  install(FILES ${dir}/${program}.bash DESTINATION ${share}/bash-completion/completions
    RENAME ${program})
  install(FILES ${dir}/_${program} DESTINATION ${share}/zsh/site-functions)
  install(FILES ${dir}/${program}.fish DESTINATION ${share}/fish/vendor_completions.d)
endfunction()
