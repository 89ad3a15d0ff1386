# Programs that benches run, built when one asks for them: tools/build release decisions.

add_executable(audit_writers EXCLUDE_FROM_ALL "${CMAKE_SOURCE_DIR}/bench/audit_writers.c")
target_link_libraries(audit_writers PRIVATE our_flags catalog compilers drivers base)
set_target_properties(audit_writers PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bench")

add_executable(decisions EXCLUDE_FROM_ALL "${CMAKE_SOURCE_DIR}/bench/decisions.c")
target_link_libraries(decisions PRIVATE our_flags catalog compilers drivers base)
set_target_properties(decisions PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bench")
