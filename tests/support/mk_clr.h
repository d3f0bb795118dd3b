/*
 * A runtime of our own making: one block of memory with modules, types and methods in it, laid out
 * as .NET 10 on Linux lays them out. For tests of what reads them.
 */
#ifndef DUMPDIFF_TESTS_MK_CLR_H
#define DUMPDIFF_TESTS_MK_CLR_H

#include "dotnet/module.h"
#include "model/snapshot.h"

#define MK_CLR_BASE     0x7f0000000000u
#define MK_CLR_BASE_X86 0x10000000u

/* Flags of MethodTables. */
#define MK_MT_ARRAY      0x80080000u
#define MK_MT_VECTOR     0x800a0000u
#define MK_MT_GENERIC    0x00000010u
#define MK_MT_DEFINITION 0x00000030u

struct mk_clr {
    struct space space;
    struct space_range range;
    struct snapshot snapshot;
    struct builder *b;
    struct dotnet_options options;
    struct clr clr;
    struct modules modules;
    uint64_t base;
    uint8_t *bytes;
    size_t size, used;
};

/* false: out of memory. */
bool mk_clr_init(struct mk_clr *w, size_t size) MUST_CHECK;
/*
 * The same of .NET 10 on 32-bit Windows, at MK_CLR_BASE_X86; what makes modules and types below is
 * of 64 bits. false: out of memory.
 */
bool mk_clr_init_x86(struct mk_clr *w, size_t size) MUST_CHECK;
void mk_clr_deinit(struct mk_clr *w);

/* Address of so many bytes of zeros, a multiple of 16. */
uint64_t mk_clr_room(struct mk_clr *w, size_t size);
uint8_t *mk_clr_at(struct mk_clr *w, uint64_t address);
void mk_clr_u16(struct mk_clr *w, uint64_t address, uint16_t value);
void mk_clr_u32(struct mk_clr *w, uint64_t address, uint32_t value);
void mk_clr_u64(struct mk_clr *w, uint64_t address, uint64_t value);

/* Address of a field, by the names of the contract. */
uint64_t mk_clr_field(const struct mk_clr *w, uint64_t object, enum contract_field f);

/* A module whose metadata is given (as that of a dynamic one is); empty: none. */
uint64_t mk_clr_module(struct mk_clr *w, struct bytes metadata);
/* A MethodTable (with its EEClass) of a TypeDef. */
uint64_t mk_clr_type(struct mk_clr *w, uint64_t module, uint32_t row, uint32_t flags);
/* Rank 0: a vector. */
uint64_t mk_clr_array(struct mk_clr *w, uint64_t element, uint32_t rank);
/* Gives a type its arguments. */
void mk_clr_arguments(struct mk_clr *w, uint64_t mt, const uint64_t *handles, uint16_t count);
/* A MethodDesc of a type; flags: 5 is an instantiated one, 7 a dynamic one. */
uint64_t mk_clr_method(struct mk_clr *w, uint64_t mt, uint32_t row, uint16_t flags);

#endif
