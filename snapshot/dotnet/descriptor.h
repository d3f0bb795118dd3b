/*
 * Contract descriptors where they lie: the runtime's own, and the garbage collector's, which since
 * .NET 11 has one of its own (in libcoreclr, or in the library that DOTNET_GCName names).
 *
 * Source: docs/design/datacontracts/contract-descriptor.md and data_descriptor.md in
 * dotnet/runtime.
 */
#ifndef DUMPDIFF_DOTNET_DESCRIPTOR_H
#define DUMPDIFF_DOTNET_DESCRIPTOR_H

#include "dotnet/clr.h"

/* What a descriptor consists of. */
struct contract_text {
    struct bytes json;
    uint64_t *pointers; /* clr's arena */
    uint32_t pointer_count;
};

/* The file on disk of the image that holds the runtime, if it is the same build. false: there is
 * none. */
bool descriptor_runtime_file(struct clr *clr, struct bytes *ret_file) MUST_CHECK;

/* The descriptor at an address, as it lies in memory. false: not there. */
bool descriptor_from_memory(struct clr *clr, uint64_t address,
                            struct contract_text *ret_text) MUST_CHECK;

/*
 * The descriptor at an address, as it lies in the runtime's file. The address comes from the dump,
 * which has that even where it has no descriptor. Errors: ERR_NOMEM.
 */
bool descriptor_from_file(struct clr *clr, uint64_t address,
                          struct contract_text *ret_text) MUST_CHECK;

/*
 * After the runtime's own was read into clr->contract: reads the GC's, where there is one, and lets
 * it say where the GC keeps what (clr->gc_described). Where it is not there or not complete,
 * GcDacVars serve.
 */
void descriptor_read_gc(struct clr *clr);

#endif
