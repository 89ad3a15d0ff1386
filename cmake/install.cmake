# PREFIX/bin/weft, PREFIX/libexec/weft/weft-worker, PREFIX/lib/weft: the whole tree may be moved afterwards.

set(library_folder lib/weft)
if(TARGET weft)
    install(TARGETS weft RUNTIME DESTINATION bin)
endif()
if(TARGET weft-worker)
    # CMake would end the build tree's path with a colon, which the loader takes for the current folder. So the path is
    # given whole, and replaced while installing.
    get_filename_component(duckdb_folder "${duckdb_library}" DIRECTORY)
    set_target_properties(weft-worker PROPERTIES
        BUILD_WITH_INSTALL_RPATH ON
        INSTALL_RPATH "$ORIGIN/deps/lib;$ORIGIN/../deps/lib;${duckdb_folder}")
    install(TARGETS weft-worker RUNTIME DESTINATION libexec/weft)
    install(CODE "set(library_folder ${library_folder})")
    install(CODE [[
        file(RPATH_SET FILE "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/libexec/weft/weft-worker"
             NEW_RPATH "$ORIGIN/../../${library_folder}")]])
    install(FILES "${duckdb_library}" DESTINATION ${library_folder})
endif()
install(DIRECTORY "${WEFT_DEPS_DIR}/extensions" DESTINATION ${library_folder})
install(DIRECTORY "${WEFT_DEPS_DIR}/licenses" DESTINATION share/doc/weft)
install(DIRECTORY "${CMAKE_SOURCE_DIR}/schemas" DESTINATION share/weft)
install(DIRECTORY "${manual_folder}/share/" DESTINATION share)

# What stands where, for `make uninstall`: an installation knows its own files.
install(CODE [[
    list(TRANSFORM CMAKE_INSTALL_MANIFEST_FILES REPLACE "^${CMAKE_INSTALL_PREFIX}/" "" OUTPUT_VARIABLE installed)
    list(APPEND installed share/doc/weft/files)
    list(JOIN installed "\n" installed)
    file(WRITE "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/share/doc/weft/files" "${installed}\n")]])
