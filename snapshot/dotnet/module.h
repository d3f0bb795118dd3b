/*
 * Managed modules: the runtime's Module objects and the metadata behind them.
 */
#ifndef DUMPDIFF_DOTNET_MODULE_H
#define DUMPDIFF_DOTNET_MODULE_H

#include "base/hash.h"
#include "dotnet/clr.h"
#include "dotnet/metadata.h"

struct module {
    uint64_t address;
    const char *path;      /* NULL: not known (dynamic, or not in the dump) */
    const char *file_name; /* last part of path, else the metadata's name; NULL: not known */
    uint64_t base, size;   /* of the PE image; 0: dynamic or not known */
    bool flat;             /* the image lies as the file does, not by section */
    bool has_metadata;
    bool from_disk;  /* its metadata came from a file on disk */
    bool file_asked; /* see module_add_file */
    struct metadata md;
    uint8_t mvid[16];
    bool has_mvid;
};

/* Modules seen so far, by address. */
struct modules {
    struct clr *clr;
    struct module **items; /* arena */
    uint32_t count, capacity;
    struct u64map by_address;
    uint32_t without_metadata;
    const struct module *loaded[2]; /* the first ones of the runtime's list */
    uint32_t loaded_count;
};

void modules_init(struct modules *m, struct clr *clr);
void modules_deinit(struct modules *m);

/* The module at an address of the runtime's; NULL: out of memory or too many. */
struct module *module_at(struct modules *m, uint64_t address);

/* The runtime's PEImage of a module, by its PEAssembly; false: not known, or not there. */
bool module_pe_image(struct clr *clr, uint64_t module, uint64_t *ret_image) MUST_CHECK;

/*
 * What the dump lacks of a module's image is from now on read from its file, if there is the same
 * one. True once: false when that was asked before, too.
 */
bool module_add_file(struct clr *clr, uint64_t address);

/* Adds the modules of all loaded assemblies; what is not there is skipped. */
void modules_load_all(struct modules *m);

/*
 * Fills the part modules, says the runtime's version, and warns about modules whose names are
 * missing, with the files that would give them. Errors: ERR_NOMEM, ERR_LIMIT (row cap).
 */
bool modules_report(struct modules *m, struct err *err) MUST_CHECK;

#endif
