#include "memory/stacks/symbol_table.h"

#include "memory/stacks/dw_api.h"
#include "base/forked.h"
#include "memory/stacks/same_build.h"
#include "base/late.h"
#include "memory/elf/elf.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIBSTDCXX_SONAME "libstdc++.so.6"
LATE_NOTE(LIBSTDCXX_SONAME, "recommended", "names of C++");
#define NAME_MAX_CHARS 4096u
#define BLOCK_BYTES    ((size_t)1 << 16)

/* Of the C++ library, which has no header for C: what C++ makes of names, as people write it. */
char *__cxa_demangle(const char *mangled, char *buffer, size_t *length, int *status);
typedef __typeof__(__cxa_demangle) demangle_function;

struct table {
    struct dw_api dw;
    Dwfl *dwfl;
    const struct symbol_table_request *request;
    char build_id[ELF_BUILD_ID_HEX]; /* "": has none */
    demangle_function *demangle;     /* NULL: not there */
    struct strbuf out;
    int fd;
};

/* -- Files ------------------------------------------------------------------------------------- */

static int no_elf(Dwfl_Module *module, void **user_data, const char *name, Dwarf_Addr base,
                  char **file_name, Elf **elf) {
    (void)module, (void)user_data, (void)name, (void)base, (void)file_name, (void)elf;
    return -1; /* it was reported with its file */
}

/* From the debug files of the user's folder, or of a root of a machine. */
static int debug_file(const struct table *t, bool in_root, const char *path) {
    const char *folder = in_root ? t->request->sysroot : t->request->symbols;
    return folder ? same_build_open(folder, in_root ? DOOR_INSIDE : DOOR_OUTSIDE, path, t->build_id)
                  : -1;
}

/* In place of the standard one, which would ask debuginfod servers and look all over the disk. */
static int symbol_table_find_debuginfo(Dwfl_Module *module, void **user_data, const char *name,
                                       Dwarf_Addr base, const char *file_name, const char *link,
                                       GElf_Word crc, char **debug_file_name) {
    (void)module, (void)name, (void)base, (void)file_name, (void)link, (void)crc;
    const struct table *t = *user_data;
    if (strlen(t->build_id) < 3)
        return -1;
    const char *own = str_behind_last(str_of(t->request->name), '/').ptr;
    char paths[4][4096];
    snprintf(paths[0], sizeof(paths[0]), "%s.debug", own);
    snprintf(paths[1], sizeof(paths[1]), "%s.dbg", own);
    snprintf(paths[2], sizeof(paths[2]), ".build-id/%.2s/%s.debug", t->build_id, t->build_id + 2);
    snprintf(paths[3], sizeof(paths[3]), "usr/lib/debug/.build-id/%.2s/%s.debug", t->build_id,
             t->build_id + 2);
    for (size_t i = 0; i < 4; i++) {
        int fd = debug_file(t, i == 3, paths[i]);
        if (fd >= 0) {
            *debug_file_name = strdup(paths[i]);
            return fd;
        }
    }
    return -1;
}

static Dwfl_Module *report_file(struct table *t) {
    static const Dwfl_Callbacks callbacks = {.find_elf = no_elf,
                                             .find_debuginfo = symbol_table_find_debuginfo};
    const struct symbol_table_request *r = t->request;
    if (!elf_file_build_id(r->file->bytes, t->build_id))
        t->build_id[0] = '\0';
    /* A copy: the file is closed with the module; without one nobody does. */
    int fd = fcntl(r->file->fd, F_DUPFD_CLOEXEC, 0);
    t->dwfl = fd >= 0 ? t->dw.dwfl_begin(&callbacks) : NULL;
    if (!t->dwfl) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    t->dw.dwfl_report_begin(t->dwfl);
    Dwfl_Module *module = t->dw.dwfl_report_elf(t->dwfl, r->name, r->name, fd, 0, true);
    if (!module)
        close(fd);
    void **user_data;
    if (!module || t->dw.dwfl_report_end(t->dwfl, NULL, NULL) != 0 ||
        !t->dw.dwfl_module_info(module, &user_data, NULL, NULL, NULL, NULL, NULL, NULL))
        return NULL;
    *user_data = t;
    return module;
}

/* -- Names ------------------------------------------------------------------------------------- */

/* "Run.constprop.0" and the like without what the compiler has appended. */
static struct str without_clone(struct str name) {
    static const char *const marks[] = {".part.",  ".isra.",     ".constprop.", ".cold",
                                        ".clone.", ".lto_priv.", ".llvm."};
    for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
        size_t at = str_find(name, str_of(marks[i]), 1);
        if (at != STR_NOT_FOUND)
            name = str_take(name, at);
    }
    return name;
}

/* "ink::run::h0123456789abcdef" of Rust without the hash, which is another in each build. */
static struct str without_hash(struct str name) {
    if (name.len < 20 || memcmp(name.ptr + name.len - 19, "::h", 3) != 0)
        return name;
    for (size_t i = name.len - 16; i < name.len; i++)
        if (!strchr("0123456789abcdef", name.ptr[i]))
            return name;
    return str_take(name, name.len - 19);
}

static void symbol_table_add_name(struct table *t, struct str name) {
    char mangled[NAME_MAX_CHARS + 1];
    name = without_clone(str_take(name, NAME_MAX_CHARS));
    memcpy(mangled, name.ptr, name.len);
    mangled[name.len] = '\0';
    int status = -1;
    char *plain = t->demangle && strncmp(mangled, "_Z", 2) == 0
                      ? t->demangle(mangled, NULL, NULL, &status)
                      : NULL;
    strbuf_add(&t->out, plain && status == 0 ? without_hash(str_of(plain)) : name);
    free(plain);
}

/* Names that the program itself calls it by come first; underscores mark those of the library. */
static unsigned symbol_table_rank_of(const GElf_Sym *symbol, const char *name) {
    unsigned bind = GELF_ST_BIND(symbol->st_info);
    unsigned rank = bind == STB_GLOBAL ? 0 : bind == STB_WEAK ? 1 : 2;
    unsigned underscores = 0;
    while (underscores < 3 && name[underscores] == '_')
        underscores++;
    return (symbol->st_size ? 0 : 64) + (strncmp(name, "_Z", 2) == 0 ? 0 : underscores * 8) + rank;
}

static void symbol_table_flush(struct table *t) {
    forked_write(t->fd, strbuf_str(&t->out));
    strbuf_clear(&t->out);
}

static void write_symbols(struct table *t, Dwfl_Module *module) {
    int count = t->dw.dwfl_module_getsymtab(module);
    for (int i = 0; i < count; i++) {
        GElf_Sym symbol;
        GElf_Addr address;
        GElf_Word section = SHN_UNDEF;
        const char *name =
            t->dw.dwfl_module_getsym_info(module, i, &symbol, &address, &section, NULL, NULL);
        unsigned type = GELF_ST_TYPE(symbol.st_info);
        if (!name || !*name || section == SHN_UNDEF ||
            (type != STT_FUNC && type != STT_GNU_IFUNC) || strchr(name, '\n'))
            continue;
        strbuf_addf(&t->out, "%" PRIx64 " %" PRIx64 " %x ", address, symbol.st_size,
                    symbol_table_rank_of(&symbol, name));
        symbol_table_add_name(t, str_of(name));
        strbuf_addc(&t->out, '\n');
        if (t->out.len > BLOCK_BYTES)
            symbol_table_flush(t);
    }
}

void symbol_table_write(void *context, int fd) {
    struct table t = {.request = context, .fd = fd};
    strbuf_init(&t.out);
    if (!dw_api_load(&t.dw) || t.dw.elf_version(EV_CURRENT) == EV_NONE)
        return;
    static const struct late_function demangle[] = {
        {"__cxa_demangle", offsetof(struct table, demangle), LATE_ADDRESS(__cxa_demangle)}};
    void *library = late_load(LIBSTDCXX_SONAME, "demangling", demangle, 1, &t, NULL);
    Dwfl_Module *module = report_file(&t);
    if (module) {
        write_symbols(&t, module);
        if (!strbuf_failed(&t.out))
            symbol_table_flush(&t);
    }
    if (t.dwfl)
        t.dw.dwfl_end(t.dwfl);
    late_unload(library);
    strbuf_deinit(&t.out);
}
