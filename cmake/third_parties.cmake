# Libraries of others. Nothing is fetched here: tools/deps did that before.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

function(distribution_library target package least)
    pkg_check_modules(${target} REQUIRED IMPORTED_TARGET "${package}>=${least}")
    add_library(${target} ALIAS PkgConfig::${target})
endfunction()

distribution_library(sqlite3 sqlite3 3.40)
distribution_library(openssl openssl 3.0)
distribution_library(curl libcurl 7.88)
distribution_library(fyaml libfyaml 0.7.12)
distribution_library(json_c json-c 0.16)
distribution_library(zlib zlib 1.2)
distribution_library(zstd libzstd 1.5)
distribution_library(edit libedit 3.1)
distribution_library(seccomp libseccomp 2.5)

# SHA-256 alone, inside of the worker: it starts often, and the shared library takes milliseconds to load.
find_library(crypto_archive libcrypto.a REQUIRED)
add_library(crypto_static STATIC IMPORTED)
set_target_properties(crypto_static PROPERTIES IMPORTED_LOCATION "${crypto_archive}")

function(need_file path why)
    if(NOT EXISTS "${path}")
        message(FATAL_ERROR "${path} is missing: ${why}")
    endif()
endfunction()

# ---- DuckDB: a shared library and its one header

if(DUCKDB_DIR)
    find_file(duckdb_header duckdb.h PATHS "${DUCKDB_DIR}/include" "${DUCKDB_DIR}" NO_DEFAULT_PATH NO_CACHE)
    find_file(duckdb_library libduckdb.so PATHS "${DUCKDB_DIR}/lib" "${DUCKDB_DIR}" NO_DEFAULT_PATH NO_CACHE)
    set(duckdb_reason "DUCKDB_DIR is ${DUCKDB_DIR}, and duckdb.h and libduckdb.so must be in it")
else()
    set(duckdb_header "${WEFT_DEPS_DIR}/include/duckdb.h")
    set(duckdb_library "${WEFT_DEPS_DIR}/lib/libduckdb.so")
    set(duckdb_reason "run `make deps`")
endif()
need_file("${duckdb_header}" "${duckdb_reason}")
need_file("${duckdb_library}" "${duckdb_reason}")

# Only duckdb.h may become visible, not its neighbours in the folder.
set(duckdb_include "${CMAKE_BINARY_DIR}/third_parties/duckdb")
file(MAKE_DIRECTORY "${duckdb_include}")
file(CREATE_LINK "${duckdb_header}" "${duckdb_include}/duckdb.h" SYMBOLIC)
add_library(duckdb SHARED IMPORTED)
set_target_properties(duckdb PROPERTIES
    IMPORTED_LOCATION "${duckdb_library}"
    IMPORTED_SONAME libduckdb.so
    INTERFACE_INCLUDE_DIRECTORIES "${duckdb_include}")

# ---- llhttp: three C files, compiled without our warnings

need_file("${WEFT_DEPS_DIR}/llhttp/llhttp.c" "run `make deps`")
set(llhttp_include "${CMAKE_BINARY_DIR}/third_parties/llhttp")
file(MAKE_DIRECTORY "${llhttp_include}")
file(CREATE_LINK "${WEFT_DEPS_DIR}/include/llhttp.h" "${llhttp_include}/llhttp.h" SYMBOLIC)
add_library(llhttp STATIC
    "${WEFT_DEPS_DIR}/llhttp/api.c" "${WEFT_DEPS_DIR}/llhttp/http.c" "${WEFT_DEPS_DIR}/llhttp/llhttp.c")
target_include_directories(llhttp SYSTEM PUBLIC "${llhttp_include}")
target_compile_options(llhttp PRIVATE -w)
