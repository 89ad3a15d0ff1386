# How our own code is compiled. Everything hangs on the interface target `our_flags`; foreign code does not link it.

add_library(our_flags INTERFACE)
target_compile_definitions(our_flags INTERFACE _GNU_SOURCE)
target_compile_options(our_flags INTERFACE
    -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wformat=2 -Wvla -Werror
    -include "${CMAKE_SOURCE_DIR}/src/base/banned.h")
if(WEFT_DEBUG)
    target_compile_definitions(our_flags INTERFACE WEFT_DEBUG=1)
endif()

# Codecs read what strangers send: no silent change of width there.
set(codec_sources "/base/frame/|/compilers/encode/|_codec\\.c$")

set(hardening -fstack-protector-strong -fstack-clash-protection)
if(WEFT_SANITIZE)
    set(sanitizing -fsanitize=${WEFT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    add_compile_options(${sanitizing})
    add_link_options(${sanitizing})
    add_compile_definitions(WEFT_SANITIZED=1)
elseif(WEFT_HARDEN)
    list(APPEND hardening -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()
if(WEFT_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID STREQUAL Clang)
        message(FATAL_ERROR "fuzz targets need clang (preset `fuzz`)")
    endif()
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
add_compile_options(${hardening} -fPIE "-fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=")
add_link_options(-pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed)
