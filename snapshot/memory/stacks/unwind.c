#include "memory/stacks/unwind.h"

#include "base/search.h"
#include "memory/arch/arch.h"
#include "memory/stacks/dw_api.h"
#include "base/forked.h"
#include "memory/elf/elf.h"
#include "memory/stacks/native_stacks.h"
#include "memory/stacks/same_build.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An image taken out of memory may be this large; libraries with larger ones hold data. */
#define IMAGE_MAX      ((uint64_t)96 << 20)
#define FRAME_NAME_MAX 512u

struct unwinding {
    struct dw_api dw;
    struct space *space;
    const struct stack_copies *copies;
    Dwfl *dwfl;
    uint8_t **images; /* made of memory; freed when libdwfl is done with them */
    uint32_t image_count;
    struct strbuf out;
    uint32_t frames, next; /* of this thread; thread to come */
    int fd;
};

/* -- Images ------------------------------------------------------------------------------------ */

static int open_file_of(const struct space *s, const struct space_module *m) {
    if (!m->build_id)
        return -1; /* nothing says that a file is the one that was mapped */
    const char *slash = strrchr(m->path, '/');
    int fd =
        s->symbols && slash ? same_build_open(s->symbols, DOOR_OUTSIDE, slash, m->build_id) : -1;
    if (fd < 0 && m->path[0] == '/')
        fd = same_build_open(s->sysroot, DOOR_INSIDE, m->path, m->build_id);
    return fd;
}

static const struct space_module *unwind_module_of(const struct unwinding *u, Dwarf_Addr base) {
    for (uint32_t i = 0; u && i < u->space->module_count; i++)
        if (u->space->modules[i].base == base)
            return &u->space->modules[i];
    return NULL;
}

/* What of a file is in memory, as a file; NULL: nothing. */
static Elf *image_from_memory(struct unwinding *u, const struct space_module *m) {
    const struct peek memory = peek_of_space(u->space);
    struct elf elf;
    if (u->image_count == u->space->module_count ||
        !elf_open_mapped(&elf, &memory, m->base, u->space->page_bytes))
        return NULL;
    struct bytes image = elf_rebuild(&elf, IMAGE_MAX);
    if (!image.data)
        return NULL;
    u->images[u->image_count++] = (uint8_t *)(uintptr_t)image.data;
    return u->dw.elf_memory((char *)(uintptr_t)image.data, image.size);
}

/* libdwfl asks for the file of a module when it first needs it. */
static int find_elf(Dwfl_Module *module, void **user_data, const char *name, Dwarf_Addr base,
                    char **file_name, Elf **elf) {
    (void)module;
    (void)name;
    struct unwinding *u = *user_data;
    const struct space_module *m = unwind_module_of(u, base);
    int fd = m ? open_file_of(u->space, m) : -1;
    if (fd >= 0)
        *file_name = strdup(m->path);
    else if (m)
        *elf = image_from_memory(u, m);
    return fd;
}

/* Debug files of a module: where distributions put them, and where symbols are downloaded to. */
static int open_debug_file(const struct space *s, const struct space_module *m) {
    if (!m->build_id || strlen(m->build_id) < 3)
        return -1;
    char by_id[ELF_BUILD_ID_HEX + 48], by_name[1024];
    int fd = -1;
    snprintf(by_id, sizeof(by_id), "/usr/lib/debug/.build-id/%.2s/%s.debug", m->build_id,
             m->build_id + 2);
    const char *slash = strrchr(m->path, '/');
    static const char *const endings[] = {".dbg", ".debug"};
    for (size_t i = 0; s->symbols && slash && fd < 0 && i < 2; i++) {
        snprintf(by_name, sizeof(by_name), "%s%s", slash, endings[i]);
        fd = same_build_open(s->symbols, DOOR_OUTSIDE, by_name, m->build_id);
    }
    if (fd < 0 && s->symbols)
        fd = same_build_open(s->symbols, DOOR_OUTSIDE, by_id + strlen("/usr/lib/debug"),
                             m->build_id);
    if (fd < 0)
        fd = same_build_open(s->sysroot, DOOR_INSIDE, by_id, m->build_id);
    return fd;
}

/* In place of the standard one, which would ask debuginfod servers. */
static int unwind_find_debuginfo(Dwfl_Module *module, void **user_data, const char *name,
                                 Dwarf_Addr base, const char *file_name, const char *link,
                                 GElf_Word crc, char **debug_file_name) {
    (void)module, (void)name, (void)file_name, (void)link, (void)crc;
    const struct unwinding *u = *user_data;
    const struct space_module *m = unwind_module_of(u, base);
    int fd = m ? open_debug_file(u->space, m) : -1;
    if (fd >= 0)
        *debug_file_name = strdup(m->path);
    return fd;
}

static bool unwind_report_modules(struct unwinding *u) {
    u->dw.dwfl_report_begin(u->dwfl);
    uint64_t end = 0;
    for (uint32_t i = 0; i < u->space->module_count; i++) {
        const struct space_module *m = &u->space->modules[i];
        if (m->base < end || m->image_size)
            continue; /* PE files have nothing for libdwfl */
        end = m->end;
        Dwfl_Module *module = u->dw.dwfl_report_module(u->dwfl, m->path, m->base, m->end);
        void **user_data;
        if (!module ||
            !u->dw.dwfl_module_info(module, &user_data, NULL, NULL, NULL, NULL, NULL, NULL))
            return false;
        *user_data = u;
    }
    return u->dw.dwfl_report_end(u->dwfl, NULL, NULL) == 0;
}

/* -- State ------------------------------------------------------------------------------------- */

static bool unwind_read_word(struct unwinding *u, uint64_t address, uint64_t *ret_word) {
    const struct stack_copies *c = u->copies;
    uint32_t i;
    SEARCH_LEADING(i, c ? c->count : 0, at, c->items[at].start <= address);
    if (i && address - c->items[i - 1].start < c->items[i - 1].size) {
        const struct stack_copy *copy = &c->items[i - 1];
        if (copy->size - (address - copy->start) < 8)
            return false;
        *ret_word = load_u64(copy->data + (address - copy->start));
        return true;
    }
    return space_u64(u->space, address, ret_word);
}

static bool memory_read(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *result, void *arg) {
    (void)dwfl;
    uint64_t word;
    if (!unwind_read_word(arg, address, &word))
        return false;
    *result = word;
    return true;
}

static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread_arg) {
    (void)dwfl;
    struct unwinding *u = arg;
    if (u->next >= u->space->thread_count)
        return 0;
    *thread_arg = u;
    return (pid_t)++u->next; /* its number will do */
}

static bool set_registers(Dwfl_Thread *thread, void *arg) {
    struct unwinding *u = arg;
    const struct space_thread *t = &u->space->threads[u->next - 1];
    if (t->register_count == 0)
        return false;
    const struct arch_dwarf *dwarf = &u->space->arch->dwarf;
    Dwarf_Word values[SPACE_REGISTERS];
    for (uint32_t i = 0; i < dwarf->count; i++)
        values[i] = t->registers[dwarf->registers[i]];
    if (dwarf->pc_apart)
        u->dw.dwfl_thread_state_register_pc(thread, t->ip);
    return u->dw.dwfl_thread_state_registers(thread, 0, dwarf->count, values);
}

/* -- Frames ------------------------------------------------------------------------------------ */

/*
 * pc is where the frame goes on; what is called may be the last of its function, so that this
 * stands behind its end, and a byte less is looked up unless the frame was interrupted. Without a
 * symbol a frame says where in its image it is, which tells it from others and finds it elsewhere.
 */
static void unwind_add_frame(struct unwinding *u, uint64_t pc, bool interrupted) {
    const uint64_t return_to = pc;
    pc -= !interrupted;
    const struct space_module *m = space_module_at(u->space, pc);
    if (!m) {
        strbuf_adds(&u->out, "F [anonymous]\n");
        return;
    }
    strbuf_addf(&u->out, "F %.*s", (int)FRAME_NAME_MAX, str_behind_last(str_of(m->path), '/').ptr);
    Dwfl_Module *module = u->dw.dwfl_addrmodule(u->dwfl, pc);
    GElf_Off offset = 0;
    GElf_Sym symbol = {0};
    const char *name =
        module ? u->dw.dwfl_module_addrinfo(module, pc, &offset, &symbol, NULL, NULL, NULL) : NULL;
    /* The next symbol below may be far away: only what contains the address is its function. */
    if (name && (offset < symbol.st_size || (offset == 0 && symbol.st_size == 0)))
        strbuf_addf(&u->out, "!%.*s", (int)FRAME_NAME_MAX, name);
    else if (return_to >= m->base)
        strbuf_addf(&u->out, "+0x%" PRIx64, return_to - m->base);
    strbuf_addc(&u->out, '\n');
}

static int on_frame(Dwfl_Frame *state, void *arg) {
    struct unwinding *u = arg;
    Dwarf_Addr pc;
    bool interrupted;
    if (u->frames == NATIVE_FRAMES_MAX || !u->dw.dwfl_frame_pc(state, &pc, &interrupted) || !pc)
        return DWARF_CB_ABORT;
    const struct space_mapping *m = space_mapping_at(u->space, pc - !interrupted);
    if (!m || (m->flags && !(m->flags & MAP_EXEC) && !m->file))
        return DWARF_CB_ABORT; /* led astray */
    unwind_add_frame(u, pc, interrupted);
    u->frames++;
    return DWARF_CB_OK;
}

static void unwind_flush(struct unwinding *u) {
    forked_write(u->fd, strbuf_str(&u->out));
    strbuf_clear(&u->out);
}

static int on_thread(Dwfl_Thread *thread, void *arg) {
    struct unwinding *u = arg;
    u->frames = 0;
    strbuf_addf(&u->out, "T %u\n", u->next - 1);
    u->dw.dwfl_thread_getframes(thread, on_frame, u);
    strbuf_adds(&u->out, "E\n");
    unwind_flush(u);
    return DWARF_CB_OK;
}

/* -- All of it --------------------------------------------------------------------------------- */

static Elf *machine_elf(struct unwinding *u) {
    static uint8_t header[ELF_HEADER_BYTES];
    elf_header_of(u->space->arch->elf_machine, header);
    return u->dw.elf_memory((char *)header, sizeof(header));
}

static void unwind_threads(struct unwinding *u) {
    static const Dwfl_Thread_Callbacks threads = {.next_thread = next_thread,
                                                  .memory_read = memory_read,
                                                  .set_initial_registers = set_registers};
    Elf *elf = machine_elf(u);
    if (elf && u->dw.dwfl_attach_state(u->dwfl, elf, 1, &threads, u))
        u->dw.dwfl_getthreads(u->dwfl, on_thread, u);
    u->dw.elf_end(elf);
}

void unwind_all(struct space *s, const struct stack_copies *copies, int fd) {
    static const Dwfl_Callbacks callbacks = {.find_elf = find_elf,
                                             .find_debuginfo = unwind_find_debuginfo};
    struct unwinding u = {.space = s, .copies = copies, .fd = fd};
    strbuf_init(&u.out);
    u.images = calloc(s->module_count + 1u, sizeof(*u.images));
    if (u.images && dw_api_load(&u.dw) && u.dw.elf_version(EV_CURRENT) != EV_NONE &&
        (u.dwfl = u.dw.dwfl_begin(&callbacks)) && unwind_report_modules(&u))
        unwind_threads(&u);
    if (u.dwfl)
        u.dw.dwfl_end(u.dwfl);
    for (uint32_t i = 0; u.images && i < u.image_count; i++)
        free(u.images[i]);
    free(u.images);
    strbuf_deinit(&u.out);
}
