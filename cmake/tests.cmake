# Tests for CTest. Each program among them ends with a line `N passed, N failed`, which tools/test adds up.

enable_testing()

set(all_layers doors flows gate catalog compilers drivers base)
set(tests_folder "${CMAKE_SOURCE_DIR}/tests")

function(test_program name)
    cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
    add_executable(${name} ${arg_SOURCES})
    # Foreign headers are visible to tests of drivers only as far as the system has them; layers give the rest.
    target_include_directories(${name} PRIVATE "${tests_folder}/unit")
    target_link_libraries(${name} PRIVATE our_flags ${arg_LIBRARIES})
    target_compile_definitions(${name} PRIVATE TESTS_FOLDER="${tests_folder}")
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
endfunction()

# ---- unit

file(GLOB unit_sources CONFIGURE_DEPENDS "${tests_folder}/unit/*.c")
if(unit_sources)
    test_program(unit_tests SOURCES ${unit_sources} LIBRARIES ${all_layers})
    add_test(NAME unit COMMAND unit_tests)
    set_tests_properties(unit PROPERTIES LABELS "unit;smoke" TIMEOUT 300)
endif()

# Tests of the worker's own modules: tests/unit/worker/*.c with src/worker but its main.
file(GLOB worker_unit_sources CONFIGURE_DEPENDS "${tests_folder}/unit/worker/*.c")
if(worker_unit_sources AND TARGET weft-worker)
    get_target_property(worker_sources weft-worker SOURCES)
    list(FILTER worker_sources EXCLUDE REGEX "/(worker_)?main\\.c$")
    test_program(worker_unit_tests
        SOURCES ${worker_unit_sources} "${tests_folder}/unit/test_main.c" ${worker_sources}
        LIBRARIES compilers base duckdb seccomp json_c zlib zstd crypto_static)
    target_include_directories(worker_unit_tests PRIVATE "${CMAKE_SOURCE_DIR}/src/worker")
    add_test(NAME worker_unit COMMAND worker_unit_tests)
    set_tests_properties(worker_unit PROPERTIES LABELS "unit;smoke" TIMEOUT 300)
endif()

# ---- golden: text files of title, input and what is expected
#
# NAME_golden.c with cases.c reads the folder NAME from a TEST; the other folders are read by golden_main.c and its kin.

file(GLOB golden_tests CONFIGURE_DEPENDS "${tests_folder}/golden/*_golden.c")
file(GLOB golden_folders CONFIGURE_DEPENDS "${tests_folder}/golden/*/*.txt")
list(TRANSFORM golden_folders REPLACE "^.*/([^/]+)/[^/]+$" "\\1")
list(REMOVE_DUPLICATES golden_folders)
if(golden_tests)
    test_program(golden_tests LIBRARIES ${all_layers}
        SOURCES ${golden_tests} "${tests_folder}/golden/cases.c" "${tests_folder}/unit/test_main.c")
    add_test(NAME golden COMMAND golden_tests)
    set_tests_properties(golden PROPERTIES LABELS "golden;smoke" TIMEOUT 300)
endif()

file(GLOB golden_sources CONFIGURE_DEPENDS "${tests_folder}/golden/golden_*.c")
if(golden_sources)
    test_program(golden_files SOURCES ${golden_sources} LIBRARIES ${all_layers})
    foreach(folder IN LISTS golden_folders)
        if(NOT "${tests_folder}/golden/${folder}_golden.c" IN_LIST golden_tests)
            add_test(NAME golden_${folder} COMMAND golden_files "${tests_folder}/golden" ${folder})
            set_tests_properties(golden_${folder} PROPERTIES LABELS "golden;smoke" TIMEOUT 300)
        endif()
    endforeach()
endif()

# ---- what stories and benches ask of a compiler without the program around it

test_program(lineage_edges SOURCES "${tests_folder}/lineage/lineage_edges.c" LIBRARIES ${all_layers})

# ---- fuzz: with clang a libFuzzer program, else one that runs the kept inputs

# They read what strangers send: few need more than these layers.
set(fuzz_layers compilers drivers base)
set(fuzz_layers_token catalog ${fuzz_layers})
set(fuzz_layers_backup flows gate catalog ${fuzz_layers})
set(fuzz_layers_head ${fuzz_layers_backup})
add_custom_target(fuzz_targets)
file(GLOB fuzz_sources CONFIGURE_DEPENDS "${tests_folder}/fuzz/*_fuzz.c")
foreach(source IN LISTS fuzz_sources)
    get_filename_component(target "${source}" NAME_WE)
    string(REGEX REPLACE "_fuzz$" "" name "${target}")
    set(layers ${fuzz_layers})
    if(DEFINED fuzz_layers_${name})
        set(layers ${fuzz_layers_${name}})
    endif()
    if(WEFT_FUZZ)
        test_program(${target} SOURCES "${source}" LIBRARIES ${layers})
        target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    else()
        test_program(${target} SOURCES "${source}" "${tests_folder}/fuzz/corpus_main.c" LIBRARIES ${layers})
        add_test(NAME fuzz_${name} COMMAND ${target} "${tests_folder}/fuzz/corpus/${name}")
        set_tests_properties(fuzz_${name} PROPERTIES LABELS "fuzz;smoke" TIMEOUT 300)
    endif()
    set_source_files_properties("${source}" PROPERTIES COMPILE_OPTIONS -Wno-missing-prototypes)
    add_dependencies(fuzz_targets ${target})
endforeach()

# ---- crash: what is preloaded into the programs to fail at one call. Sanitizers want to come first themselves.

if(NOT WEFT_SANITIZE)
    add_library(inject SHARED "${tests_folder}/crash/inject.c")
    target_link_libraries(inject PRIVATE our_flags)
    set_target_properties(inject PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
    set_source_files_properties("${tests_folder}/crash/inject.c" PROPERTIES COMPILE_OPTIONS "-fPIC;-U_FORTIFY_SOURCE;-Wno-missing-prototypes")
endif()
