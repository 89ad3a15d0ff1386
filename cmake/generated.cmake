# Generators are C programs of their own, built first and without the layers.

add_executable(embed_tool tools/embed.c)
add_executable(defs_tool tools/defs.c)
set_target_properties(embed_tool PROPERTIES OUTPUT_NAME embed)
set_target_properties(defs_tool PROPERTIES OUTPUT_NAME defs)
add_executable(manual_tool tools/manual.c)
add_executable(completions_tool tools/completions.c)
set_target_properties(manual_tool PROPERTIES OUTPUT_NAME manual)
set_target_properties(completions_tool PROPERTIES OUTPUT_NAME completions)
target_include_directories(manual_tool PRIVATE src/base src/doors/cli)
target_include_directories(completions_tool PRIVATE src/base src/doors/cli)
foreach(tool embed_tool defs_tool manual_tool completions_tool)
    target_compile_options(${tool} PRIVATE -Wall -Wextra -Wshadow -Wmissing-prototypes -Wformat=2 -Wvla -Werror)
    set_target_properties(${tool} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tools")
endforeach()

# embed(LAYER NAME FOLDER PATTERN ...)
#
# Makes NAME.c of the files below FOLDER and compiles it into LAYER; base/embed/embed.h declares its table.
function(embed layer name folder)
    set(patterns "")
    foreach(pattern IN LISTS ARGN)
        list(APPEND patterns "${CMAKE_SOURCE_DIR}/${folder}/${pattern}")
    endforeach()
    file(GLOB_RECURSE files CONFIGURE_DEPENDS ${patterns})
    list(FILTER files EXCLUDE REGEX "/__pycache__/|\\.pyc$|/\\.git")
    set(into "${CMAKE_BINARY_DIR}/generated/${name}")
    file(MAKE_DIRECTORY "${into}")
    # The list of files is an input too: a file that goes away must leave the table.
    file(CONFIGURE OUTPUT "${into}/files.txt" CONTENT "${files}" @ONLY)
    add_custom_command(
        OUTPUT "${into}/${name}.c"
        COMMAND embed_tool ${name} "${CMAKE_SOURCE_DIR}/${folder}" "${into}/${name}.c" ${files}
        DEPENDS embed_tool ${files} "${into}/files.txt"
        COMMENT "embed ${folder}"
        VERBATIM)
    get_target_property(kind ${layer} TYPE)
    if(NOT kind STREQUAL INTERFACE_LIBRARY)
        target_sources(${layer} PRIVATE "${into}/${name}.c")
    endif()
endfunction()

# Manual pages and completions, as `make install` puts them below share/.
string(TIMESTAMP manual_date "%Y-%m-%d" UTC)
set(manual_folder "${CMAKE_BINARY_DIR}/generated/manual")
add_custom_command(
    OUTPUT "${manual_folder}/made"
    COMMAND "${CMAKE_COMMAND}" -E rm -rf "${manual_folder}"
    COMMAND "${CMAKE_COMMAND}" -E make_directory "${manual_folder}"
    COMMAND manual_tool "${manual_folder}" "${PROJECT_VERSION}" "${manual_date}"
    COMMAND completions_tool "${manual_folder}"
    COMMAND "${CMAKE_COMMAND}" -E touch "${manual_folder}/made"
    DEPENDS manual_tool completions_tool src/doors/cli/commands.def src/doors/cli/command_choices.def src/base/error/errors.def
    COMMENT "manual pages"
    VERBATIM)
add_custom_target(manual ALL DEPENDS "${manual_folder}/made")

# What is told of the tables of keys: it links the compilers, which need no generated file.
add_executable(shapes_tool tools/shapes.c)
set_target_properties(shapes_tool PROPERTIES OUTPUT_NAME shapes RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tools")
target_link_libraries(shapes_tool PRIVATE our_flags compilers base)

# `make docs`: the pages of docs/reference, the tables of docs/standards.md, and schemas/.
file(GLOB_RECURSE def_files CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/*.def")
add_custom_target(docs
    COMMAND "${CMAKE_COMMAND}" -E make_directory "${CMAKE_SOURCE_DIR}/docs/reference"
    COMMAND defs_tool "${CMAKE_SOURCE_DIR}/docs/reference" ${def_files}
    COMMAND shapes_tool "${CMAKE_SOURCE_DIR}"
    VERBATIM)
