#include "memory/stacks/win_stack.h"

#include <inttypes.h>

#define FUNCTION_BYTES 12u
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
    if (pe.machine == PE_MACHINE_X64 && pe.directories[PE_FUNCTIONS].rva)
        (*image)->function_count = pe.directories[PE_FUNCTIONS].size / FUNCTION_BYTES;
    return pe_symbols(w->space, &pe, &(*image)->symbols, &(*image)->symbol_count, err) ? *image
                                                                                       : NULL;
}

/* The last export at or before rva; NULL: none. */
static const struct pe_symbol *symbol_before(const struct win_image *image, uint32_t rva) {
    uint32_t low = 0, high = image->symbol_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (image->symbols[middle].rva <= rva)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    /* Of several names of one function the first: NtClose, not ZwClose. */
    while (low > 1 && image->symbols[low - 2].rva == image->symbols[low - 1].rva)
        low--;
    return &image->symbols[low - 1];
}

/* "C:\Windows\System32\ntdll.dll" is written "ntdll", as WinDbg does. */
static struct str win_stack_short_name(const char *path) {
    struct str name = str_of(path);
    size_t start = name.len, dot;
    while (start > 0 && name.ptr[start - 1] != '\\' && name.ptr[start - 1] != '/')
        start--;
    name = str_drop(name, start);
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
static bool win_stack_step(struct win_stacks *w, struct x64_context *c, bool innermost,
                           struct strbuf *out, struct err *err, bool *ret_ok) {
    *ret_ok = true;
    const struct space_module *module = space_module_at(w->space, c->rip - !innermost);
    if (!module) {
        write_frame(out, NULL, NULL, c->rip);
        return false;
    }
    const struct win_image *image = image_of(w, module, err);
    if (!image) {
        *ret_ok = false;
        return false;
    }
    /* A call may be the last instruction of its function: look for the byte before. */
    uint32_t rva = (uint32_t)(c->rip - module->base - !innermost);
    struct x64_function function = {0};
    enum x64_found found = X64_FOUND_UNKNOWN;
    if (image->function_count)
        found =
            x64_find_function(w->space, image->functions, image->function_count, rva, &function);
    const struct pe_symbol *symbol = symbol_before(image, rva);
    if (symbol && (found == X64_FOUND       ? symbol->rva != function.begin
                   : found == X64_FOUND_NOT ? rva - symbol->rva >= LEAF_BYTES
                                            : true))
        symbol = NULL;
    write_frame(out, module, symbol, c->rip);
    if (found == X64_FOUND)
        return x64_unwind(w->space, module->base, &function, c);
    /* Only the innermost frame can be a leaf: it has called nobody. */
    return found == X64_FOUND_NOT && innermost && x64_unwind_leaf(w->space, c);
}

static bool read_x64(struct win_stacks *w, const struct space_thread *thread, struct strbuf *frames,
                     bool *ret_cut, struct err *err) {
    struct x64_context c;
    x64_context_of(thread, &c);
    bool ok = true, on = true;
    uint32_t count = 0;
    for (; on && ok && c.rip && count < WIN_STACK_FRAMES_MAX; count++)
        on = win_stack_step(w, &c, count == 0, frames, err, &ok);
    *ret_cut = !on || c.rip;
    return ok;
}

/*
 * x86 and ARM64: each function keeps its caller's frame pointer, and above it the return address.
 * A chain that leaves the stack, goes down it or returns to no module ends there.
 */
static void read_chain(struct win_stacks *w, const struct space_thread *thread,
                       struct strbuf *frames) {
    struct space *s = w->space;
    unsigned word = s->arch == ARCH_X86 ? 4 : 8;
    uint64_t fp = thread->fp, low = thread->sp, pair[2] = {0};
    write_frame(frames, space_module_at(s, thread->ip), NULL, thread->ip);
    for (uint32_t count = 1; count < WIN_STACK_FRAMES_MAX; count++) {
        uint32_t narrow[2];
        if (fp < low || fp >= thread->stack_top || fp % word)
            return;
        if (word == 8 ? !space_read(s, fp, pair, sizeof(pair))
                      : !space_read(s, fp, narrow, sizeof(narrow)))
            return;
        if (word == 4) {
            pair[0] = narrow[0];
            pair[1] = narrow[1];
        }
        const struct space_module *module = space_module_at(s, pair[1]);
        if (!module)
            return;
        write_frame(frames, module, NULL, pair[1]);
        low = fp + 2 * (uint64_t)word;
        fp = pair[0];
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
    if (w->space->arch == ARCH_X64) {
        ok = read_x64(w, thread, frames, ret_cut, err);
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
