/*
 * libdw, loaded by the process that unwinds or reads symbols (see archive_api.h for why it is not
 * linked).
 */
#ifndef DUMPDIFF_MEMORY_STACKS_DW_API_H
#define DUMPDIFF_MEMORY_STACKS_DW_API_H

#include "base/err.h"

#include <elfutils/libdwfl.h>
#include <gelf.h>
#include <libelf.h>

/* The functions in use; libelf comes along with libdw. */
#define DW_FUNCTIONS(X) \
    X(dwfl_addrmodule) \
    X(dwfl_attach_state) \
    X(dwfl_begin) \
    X(dwfl_end) \
    X(dwfl_frame_pc) \
    X(dwfl_getthreads) \
    X(dwfl_module_addrinfo) \
    X(dwfl_module_getsym_info) \
    X(dwfl_module_getsymtab) \
    X(dwfl_module_info) \
    X(dwfl_report_begin) \
    X(dwfl_report_elf) \
    X(dwfl_report_end) \
    X(dwfl_report_module) \
    X(dwfl_thread_getframes) \
    X(dwfl_thread_state_register_pc) \
    X(dwfl_thread_state_registers) \
    X(elf_end) \
    X(elf_memory) \
    X(elf_version)

struct dw_api {
    void *library;
#define DW_MEMBER(function) __typeof__(&function) function;
    DW_FUNCTIONS(DW_MEMBER)
#undef DW_MEMBER
};

/* false: not there. It stays loaded. */
bool dw_api_load(struct dw_api *api) MUST_CHECK;

#endif
