#include "memory/stacks/native_stacks.h"

#include "base/search.h"

#include "memory/arch/arch.h"
#include "memory/pe/pe.h"
#include "model/rows_threads.h"

#include <inttypes.h>
#include <string.h>

/* A function without unwind data is a leaf, so small: system call stubs have 0x18 bytes. */
#define LEAF_BYTES 64u

struct win_image {
    uint64_t functions; /* address of .pdata */
    uint32_t function_count;
    struct pe_symbol *symbols; /* by RVA */
    uint32_t symbol_count;
};

bool win_stacks_init(struct win_stacks *w, struct space *s, struct err *err) {
    *w = (struct win_stacks){.space = s};
    w->images = arena_array(&s->arena, s->module_count, sizeof(struct win_image *));
    return w->images || s->module_count == 0 || err_nomem(err);
}

/* What is known of a module; empty where its image is not in the dump. NULL: out of memory. */
static struct win_image *image_of(struct win_stacks *w, const struct space_module *module,
                                  struct err *err) {
    struct win_image **image = &w->images[module - w->space->modules];
    struct pe pe;
    if (*image)
        return *image;
    *image = arena_alloc(&w->space->arena, sizeof(**image));
    if (!*image) {
        err_nomem(err);
        return NULL;
    }
    const struct peek memory = peek_of_space(w->space);
    if (!pe_read(&pe, &memory, module->base))
        return *image;
    (*image)->functions = module->base + pe.directories[PE_FUNCTIONS].rva;
    const struct arch *arch = w->space->arch;
    if (arch->unwinder && pe.machine == arch->pe_machine && pe.directories[PE_FUNCTIONS].rva)
        (*image)->function_count = pe.directories[PE_FUNCTIONS].size / arch->unwinder->entry_bytes;
    return pe_symbols(w->space, &pe, &(*image)->symbols, &(*image)->symbol_count, err) ? *image
                                                                                       : NULL;
}

/* The last export at or before rva; NULL: none. */
static const struct pe_symbol *symbol_before(const struct win_image *image, uint32_t rva) {
    uint32_t low;
    SEARCH_LEADING(low, image->symbol_count, middle, image->symbols[middle].rva <= rva);
    if (low == 0)
        return NULL;
    /* Of several names of one function the first: NtClose, not ZwClose. */
    while (low > 1 && image->symbols[low - 2].rva == image->symbols[low - 1].rva)
        low--;
    return &image->symbols[low - 1];
}

/* "C:\Windows\System32\ntdll.dll" is written "ntdll", as WinDbg does. */
static struct str win_stack_short_name(const char *path) {
    struct str name = str_file_name(str_of(path));
    size_t dot;
    for (dot = name.len; dot > 0 && name.ptr[dot - 1] != '.';)
        dot--;
    return dot > 1 ? str_take(name, dot - 1) : name;
}

static void write_frame(struct strbuf *out, const struct space_module *module,
                        const struct pe_symbol *symbol, uint64_t ip) {
    if (out->len)
        strbuf_addc(out, '\n');
    if (!module) {
        strbuf_adds(out, "[code outside modules]");
        return;
    }
    struct str name = win_stack_short_name(module->path);
    strbuf_add(out, name);
    uint64_t offset = ip - module->base;
    if (!symbol) {
        strbuf_addf(out, "+0x%" PRIx64, offset);
        return;
    }
    strbuf_addf(out, "!%s", symbol->name);
    if (offset > symbol->rva)
        strbuf_addf(out, "+0x%" PRIx64, offset - symbol->rva);
}

/* One frame: writes it, and goes to its caller. false: there is no way on. */
static bool win_stack_step(struct win_stacks *w, struct arch_frame *frame, bool innermost,
                           struct strbuf *out, struct err *err, bool *ret_ok) {
    const struct arch *arch = w->space->arch;
    const struct peek memory = peek_of_space(w->space);
    uint64_t ip = frame->registers[arch->ip];
    *ret_ok = true;
    const struct space_module *module = space_module_at(w->space, ip - !innermost);
    if (!module) {
        write_frame(out, NULL, NULL, ip);
        return false;
    }
    const struct win_image *image = image_of(w, module, err);
    if (!image) {
        *ret_ok = false;
        return false;
    }
    /* A call may be the last instruction of its function: look for the byte before. */
    uint32_t rva = (uint32_t)(ip - module->base - !innermost);
    struct arch_function function = {0};
    enum arch_found found = ARCH_FOUND_UNKNOWN;
    if (image->function_count)
        found = arch_find_function(arch, &memory, image->functions, image->function_count, rva,
                                   &function);
    const struct pe_symbol *symbol = symbol_before(image, rva);
    if (symbol && (found == ARCH_FOUND       ? symbol->rva != function.begin
                   : found == ARCH_FOUND_NOT ? rva - symbol->rva >= LEAF_BYTES
                                             : true))
        symbol = NULL;
    write_frame(out, module, symbol, ip);
    if (found == ARCH_FOUND)
        return arch->unwinder->unwind(&memory, module->base, &function, frame);
    /* Only the innermost frame can be a leaf: it has called nobody. */
    return found == ARCH_FOUND_NOT && innermost && arch->unwinder->leaf(&memory, frame);
}

static bool read_by_tables(struct win_stacks *w, const struct space_thread *thread,
                           struct strbuf *frames, bool *ret_cut, struct err *err) {
    struct arch_frame frame;
    const uint64_t *ip = &frame.registers[w->space->arch->ip];
    memcpy(frame.registers, thread->registers, sizeof(frame.registers));
    bool ok = true, on = true;
    uint32_t count = 0;
    for (; on && ok && *ip && count < WIN_STACK_FRAMES_MAX; count++)
        on = win_stack_step(w, &frame, count == 0, frames, err, &ok);
    *ret_cut = !on || *ip;
    return ok;
}

/* A chain of frame pointers that leaves the stack, goes down it or returns to no module ends. */
static void read_chain(struct win_stacks *w, const struct space_thread *thread,
                       struct strbuf *frames) {
    struct space *s = w->space;
    const struct peek memory = peek_of_space(s);
    unsigned word = s->arch->pointer_bytes;
    uint64_t fp = thread->fp, low = thread->sp, up, ip;
    write_frame(frames, space_module_at(s, thread->ip), NULL, thread->ip);
    for (uint32_t count = 1; count < WIN_STACK_FRAMES_MAX; count++) {
        if (fp < low || fp >= thread->stack_top || fp % word ||
            !arch_frame_up(s->arch, &memory, fp, &up, &ip))
            return;
        const struct space_module *module = space_module_at(s, ip);
        if (!module)
            return;
        write_frame(frames, module, NULL, ip);
        low = fp + 2 * (uint64_t)word;
        fp = up;
    }
}

bool win_stack_read(struct win_stacks *w, const struct space_thread *thread, struct strbuf *frames,
                    bool *ret_cut, struct err *err) {
    strbuf_clear(frames);
    *ret_cut = false;
    if (thread->register_count == 0 || thread->ip == 0)
        return true;
    uint64_t missing = w->space->missing_bytes;
    bool ok = true;
    if (w->space->arch->unwinder && !w->space->arch->windows_chain) {
        ok = read_by_tables(w, thread, frames, ret_cut, err);
    } else {
        read_chain(w, thread, frames);
        *ret_cut = true;
    }
    w->space->missing_bytes = missing; /* that images are not there is told in other words */
    if (!ok)
        return false;
    if (*ret_cut)
        strbuf_adds(frames, "\n" FRAME_CUT);
    return strbuf_ok(frames, err);
}
