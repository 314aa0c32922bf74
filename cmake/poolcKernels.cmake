# poolcKernels.cmake - poolc_add_kernels(): specs in, a static library out.
#
#   poolc_add_kernels(TARGET
#       SPECS    a.pool b.pool      # a.h and b.h can be included by what links TARGET
#       [PREFIX  name]              # of the functions; default: each spec's own name
#       [TARGETS avx512 avx2 sse2]  # what the C is for, see `poolc list targets`; several are in one file; default: c99
#       [OPTIONS option ...]        # handed to `poolc build`
#       [SELFTEST])                 # and a test for CTest that checks every kernel
#
# One target alone, also `native`, needs compiler flags, which the library gets; several and c99 need none.
#
# Part of the package poolc, and of poolc's own build.  Generated files lie in TARGET.pool/ of the binary folder; a changed
# spec or a changed compiler makes them anew, and nothing else does.
function(poolc_add_kernels target)
    cmake_policy(PUSH)
    cmake_policy(VERSION 3.23) # DEPFILE holds absolute paths, whatever the caller's policies (CMP0116)
    cmake_parse_arguments(PARSE_ARGV 1 arg "SELFTEST" "PREFIX" "SPECS;TARGETS;OPTIONS")
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "poolc_add_kernels(${target}): unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
    endif()
    if(arg_KEYWORDS_MISSING_VALUES)
        message(FATAL_ERROR "poolc_add_kernels(${target}): nothing behind ${arg_KEYWORDS_MISSING_VALUES}")
    endif()
    if(NOT arg_SPECS)
        message(FATAL_ERROR "poolc_add_kernels(${target}): SPECS needs at least one .pool file")
    endif()
    if(NOT TARGET poolc::poolc)
        message(FATAL_ERROR "poolc_add_kernels(${target}): there is no poolc that runs on this machine; "
                            "when cross-compiling set poolc_EXECUTABLE to one")
    endif()

    set(folder "${CMAKE_CURRENT_BINARY_DIR}/${target}.pool")
    file(MAKE_DIRECTORY "${folder}") # the include folder of the library, before the first build
    set(options ${arg_OPTIONS})
    if(options MATCHES "--emit")
        message(FATAL_ERROR "poolc_add_kernels(${target}): OPTIONS cannot hold --emit: the library is made of the C")
    endif()
    if(arg_PREFIX)
        list(APPEND options --prefix "${arg_PREFIX}")
    endif()
    set(target_flags "")
    if(arg_TARGETS)
        list(JOIN arg_TARGETS "," targets)
        list(APPEND options --target "${targets}")
        if(targets STREQUAL "avx2")
            set(target_flags -mavx2 -mfma)
        elseif(targets STREQUAL "avx512")
            set(target_flags -mavx512f -mavx512bw -mavx512dq -mavx512vl)
        elseif(targets STREQUAL "native")
            set(target_flags -march=native)
        endif()
    endif()
    if(arg_SELFTEST)
        list(APPEND options --selftest)
    endif()

    set(names "")
    set(taken "")
    set(sources "")
    set(headers "")
    foreach(spec IN LISTS arg_SPECS)
        cmake_path(ABSOLUTE_PATH spec BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" NORMALIZE)
        cmake_path(GET spec STEM LAST_ONLY name)
        set(files "${name}")
        if(arg_SELFTEST)
            list(APPEND files "${name}_selftest")
        endif()
        foreach(file IN LISTS files)
            if(file IN_LIST taken)
                message(FATAL_ERROR "poolc_add_kernels(${target}): two specs would make ${file}.c; rename one")
            endif()
        endforeach()
        list(APPEND taken ${files})
        list(APPEND names "${name}")
        set(base "${folder}/${name}")
        set(outputs "${base}.c" "${base}.h")
        if(arg_SELFTEST)
            list(APPEND outputs "${base}_selftest.c")
        endif()
        add_custom_command(
            OUTPUT ${outputs}
            COMMAND poolc::poolc build "${spec}" -o "${folder}" --depfile "${base}.d" ${options}
            DEPENDS "${spec}" poolc::poolc
            DEPFILE "${base}.d"
            COMMENT "Compiling pooling spec ${name}"
            VERBATIM)
        list(APPEND sources "${base}.c")
        list(APPEND headers "${base}.h")
    endforeach()

    add_library(${target} STATIC ${sources})
    target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS "${folder}" FILES ${headers})
    set_target_properties(${target} PROPERTIES
        C_STANDARD 99 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON)
    # The same sums on every machine.
    target_compile_options(${target} PRIVATE ${target_flags}
        "$<$<C_COMPILER_ID:GNU,Clang,AppleClang,ARMClang,IntelLLVM>:-ffp-contract=off>")
    if(NOT MSVC)
        target_link_libraries(${target} PUBLIC m) # pow and sqrt of norms
    endif()

    if(arg_SELFTEST)
        foreach(name IN LISTS names)
            # Links the library, so it is built behind the command that makes both: one file in two independent targets would
            # be made twice at the same time.
            set(program ${target}_${name}_selftest)
            add_executable(${program} "${folder}/${name}_selftest.c")
            target_link_libraries(${program} PRIVATE ${target})
            set_target_properties(${program} PROPERTIES C_STANDARD 99 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF)
            if(NOT CMAKE_CROSSCOMPILING OR CMAKE_CROSSCOMPILING_EMULATOR)
                add_test(NAME ${target}.${name}.selftest COMMAND ${program})
            endif()
        endforeach()
    endif()
    cmake_policy(POP)
endfunction()
