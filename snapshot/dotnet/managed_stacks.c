#include "dotnet/managed_stacks.h"

#include "base/hash.h"
#include "base/vec.h"

#include "dotnet/code_calls.h"
#include "dotnet/method.h"
#include "memory/pe/pe.h"
#include "model/rows_heap.h"
#include "model/rows_threads.h"

#include <stdlib.h>
#include <string.h>

#define FRAMES_MAX       4096u
#define CHAIN_FRAMES_MAX 100000u
#define STACK_NEAR       65536u
#define HELPER_FRAME     256u  /* [bytes] HelperMethodFrame with its registers */
#define HELPER_FRAME_RBP 0x68u /* m_MachState.m_Capture.Rbp in it, src/coreclr/vm/frames.h */
#define NATIVE_FRAMES    16u   /* functions of the runtime between a helper and its caller */
#define NATIVE_FRAME     8192u /* [bytes] the native part between a frame and its caller */

#define CONTEXT_MAX 1024u

/* Why there is nothing of the stack of a thread that has one. */
enum lost { LOST_NOT, LOST_REGISTERS, LOST_MEMORY, LOST_COUNT };

/* Names already made, by MethodDesc. */
struct stacks {
    struct modules *m;
    struct u64map by_method; /* to number in names */
    struct str *names;
    uint32_t name_count, name_capacity;
    uint32_t cut;              /* stacks that were not followed to their end */
    uint32_t lost[LOST_COUNT]; /* and of which there is nothing at all */
    struct str frames[FRAMES_MAX];
    uint64_t sps[FRAMES_MAX]; /* stack pointers in them */
    uint32_t frame_count;
};

/* -- The runtime's explicit frames ------------------------------------------------------------- */

static const struct arch *arch_of(const struct clr *clr) {
    return clr->space->arch;
}

/* A CONTEXT of Windows, which the runtime uses on every system. */
static bool managed_stacks_read_context(struct clr *clr, uint64_t at, struct arch_frame *f) {
    const struct arch_layout *layout = &arch_of(clr)->context.registers;
    uint8_t raw[CONTEXT_MAX];
    return at && layout->least_bytes <= sizeof(raw) &&
           clr_read(clr, at, raw, layout->least_bytes) &&
           arch_read_registers(layout, (struct bytes){raw, layout->least_bytes}, f->registers);
}

static bool inlined_call(struct clr *clr, uint64_t frame, struct arch_frame *f) {
    const struct arch *arch = arch_of(clr);
    uint64_t ip;
    if (!clr_field_word(clr, frame, F_INLINED_CALL_RETURN, &ip) || ip == 0)
        return false; /* not in a call now */
    f->registers[arch->ip] = ip;
    return clr_field_word(clr, frame, F_INLINED_CALL_SP, &f->registers[arch->sp]) &&
           clr_field_word(clr, frame, F_INLINED_CALL_FP, &f->registers[arch->fp]);
}

/* CalleeSavedRegisters of the runtime. */
static bool callee_saved(struct clr *clr, uint64_t at, struct arch_frame *f) {
    const struct arch_unwinder *u = arch_of(clr)->unwinder;
    const struct arch_saved *saved = clr->windows ? &u->saved_windows : &u->saved;
    for (uint32_t i = 0; i < saved->count; i++)
        if (!at || !clr_word_at(clr, at, i, &f->registers[saved->registers[i]]))
            return false;
    return true;
}

static bool transition_block(struct clr *clr, uint64_t frame, struct arch_frame *f) {
    const struct arch *arch = arch_of(clr);
    uint64_t block;
    if (!clr_field_word(clr, frame, F_METHOD_FRAME_BLOCK, &block) || !block ||
        !callee_saved(clr, clr_field(clr, block, F_BLOCK_REGISTERS), f) ||
        !clr_field_word(clr, block, F_BLOCK_RETURN, &f->registers[arch->ip]))
        return false;
    f->registers[arch->sp] = clr_field(clr, block, F_BLOCK_SIZE);
    return f->registers[arch->sp] != 0;
}

static bool hijack(struct clr *clr, uint64_t frame, struct arch_frame *f) {
    const struct arch *arch = arch_of(clr);
    /* On x86 others lie between the saved ones and the frame pointer. */
    enum contract_field saved = clr_knows(clr, F_HIJACK_ARGS_FP)    ? F_HIJACK_ARGS_FP
                                : clr_knows(clr, F_HIJACK_ARGS_EDI) ? F_HIJACK_ARGS_EDI
                                                                    : F_HIJACK_ARGS_REGISTERS;
    uint64_t arguments;
    if (!clr_field_word(clr, frame, F_HIJACK_RETURN, &f->registers[arch->ip]) ||
        !clr_field_word(clr, frame, F_HIJACK_ARGS, &arguments) || !arguments ||
        !callee_saved(clr, clr_field(clr, arguments, saved), f) ||
        (clr_knows(clr, F_HIJACK_ARGS_EBP) &&
         !clr_field_word(clr, arguments, F_HIJACK_ARGS_EBP, &f->registers[arch->fp])))
        return false;
    f->registers[arch->sp] = clr_field(clr, arguments, F_HIJACK_ARGS_SIZE);
    return f->registers[arch->sp] != 0;
}

/*
 * Before 10.0 a frame begins with a C++ virtual table that nothing describes. An inlined call is
 * one whose return address is managed and whose stack pointer is near. Any other frame lies in
 * the stack frame of the native function that the managed code called, and the runtime is built
 * with frame pointers: the first return address into managed code above it, and the word below
 * that, are the caller's. Old values may lie around, but they do not form a chain.
 */
static bool caller_at(struct clr *clr, uint64_t at, struct arch_frame *frame) {
    const struct arch *arch = arch_of(clr);
    struct code_function f;
    uint64_t ip, fp, up;
    if (!clr_word(clr, at, &ip) || !code_is_return(clr, ip) ||
        !clr_word(clr, at - clr->word, &fp) || fp <= at || fp - at > STACK_NEAR ||
        !clr_word_at(clr, fp, 1, &up) ||
        !(code_find(clr, up - 1, &f) || space_module_at(clr->space, up)))
        return false;
    frame->registers[arch->ip] = ip;
    frame->registers[arch->sp] = at + clr->word;
    frame->registers[arch->fp] = fp;
    return true;
}

/* The word at `at` is the frame pointer of the native function that holds the frame. */
static bool helper_caller(struct clr *clr, uint64_t frame, uint64_t at, struct arch_frame *c) {
    uint64_t fp;
    return clr_word(clr, at, &fp) && fp > frame && fp - frame < NATIVE_FRAME &&
           caller_at(clr, fp + clr->word, c);
}

/*
 * Where Linux has the frame pointer from 6.0 to 9.0. What managed code called may have called the
 * function that holds the frame: then the return addresses in between are the runtime's own.
 */
static bool helper_caller_beyond(struct clr *clr, uint64_t frame, struct arch_frame *c) {
    uint64_t fp, at = frame + HELPER_FRAME_RBP, ip;
    for (uint32_t i = 0; i < NATIVE_FRAMES && clr_spend(clr, 1); i++) {
        if (helper_caller(clr, frame, at, c))
            return true;
        if (!clr_word(clr, at, &fp) || fp <= at || fp - frame >= NATIVE_FRAME ||
            !clr_word_at(clr, fp, 1, &ip) || ip < clr->image->base || ip >= clr->image->end)
            return false;
        at = fp;
    }
    return false;
}

/*
 * Windows: the frame of a helper that the runtime itself is written in (before .NET 9). It has kept
 * the registers of the native function that it is in, from which the tables of coreclr.dll lead to
 * the caller. Where they do not: it has the caller's instruction and stack pointer once it was
 * asked for them, and the function that was called in any case. Both are checked: the return
 * address is below that stack pointer, or the first whose call goes to that function.
 */
enum { /* [words] */
       HELPER_ENTRY = 5,
       HELPER_IP,
       HELPER_SP,
       HELPER_SAVED,
       HELPER_CAPTURED_IP = 25,
       HELPER_CAPTURED_SP
};

/* Out of one function of coreclr.dll. */
static bool native_up(struct clr *clr, const struct pe *pe, struct arch_frame *frame) {
    const struct arch *arch = arch_of(clr);
    const struct peek memory = clr_peek(clr);
    uint64_t rva = frame->registers[arch->ip] - 1 - pe->base;
    struct arch_function function;
    uint32_t count = pe->directories[PE_FUNCTIONS].size / arch->unwinder->entry_bytes;
    return rva < pe->image_size &&
           arch_find_function(arch, &memory, pe->base + pe->directories[PE_FUNCTIONS].rva, count,
                              (uint32_t)rva, &function) == ARCH_FOUND &&
           arch->unwinder->unwind(&memory, pe->base, &function, frame);
}

static bool helper_captured(struct clr *clr, uint64_t frame, struct arch_frame *c) {
    const struct arch *arch = arch_of(clr);
    const struct peek memory = clr_peek(clr);
    struct arch_frame at = *c;
    struct pe pe;
    uint64_t *ip = &at.registers[arch->ip], *sp = &at.registers[arch->sp];
    if (!clr_word_at(clr, frame, HELPER_CAPTURED_IP, ip) ||
        !clr_word_at(clr, frame, HELPER_CAPTURED_SP, sp) || *sp > frame ||
        frame - *sp > NATIVE_FRAME ||
        !callee_saved(clr, frame + HELPER_SAVED * (uint64_t)clr->word, &at) ||
        !pe_read(&pe, &memory, clr->image->base))
        return false;
    *sp += clr->word; /* taken by what the function called for that: its return address */
    for (uint32_t i = 0; i < NATIVE_FRAMES && clr_spend(clr, 8); i++) {
        if (code_is_return(clr, *ip)) {
            *c = at;
            return true;
        }
        if (!native_up(clr, &pe, &at))
            break;
    }
    return false;
}

static bool helper_asked(struct clr *clr, uint64_t frame, uint64_t *ret_ip, uint64_t *ret_sp) {
    uint64_t below;
    return clr_word_at(clr, frame, HELPER_IP, ret_ip) &&
           clr_word_at(clr, frame, HELPER_SP, ret_sp) && *ret_sp > frame &&
           *ret_sp - frame < NATIVE_FRAME && clr_word(clr, *ret_sp - clr->word, &below) &&
           below == *ret_ip && code_is_return(clr, *ret_ip);
}

static bool helper_called(struct clr *clr, uint64_t frame, uint64_t *ret_ip, uint64_t *ret_sp) {
    uint64_t entry;
    if (!clr_word_at(clr, frame, HELPER_ENTRY, &entry))
        return false;
    for (uint64_t at = frame; at < frame + NATIVE_FRAME && clr_spend(clr, 1); at += clr->word) {
        if (!clr_word(clr, at, ret_ip))
            return false;
        *ret_sp = at + clr->word;
        if (code_is_return(clr, *ret_ip) && code_is_call_of(clr, *ret_ip, entry))
            return true;
    }
    return false;
}

static bool helper_of_windows(struct clr *clr, uint64_t frame, struct arch_frame *c) {
    const struct arch *arch = arch_of(clr);
    uint64_t ip, sp;
    if (!clr->windows)
        return false;
    if (helper_captured(clr, frame, c))
        return true;
    if ((!helper_asked(clr, frame, &ip, &sp) && !helper_called(clr, frame, &ip, &sp)) ||
        !callee_saved(clr, frame + HELPER_SAVED * clr->word, c))
        return false;
    c->registers[arch->ip] = ip;
    c->registers[arch->sp] = sp;
    return true;
}

static bool unnamed_frame(struct clr *clr, uint64_t frame, struct arch_frame *c) {
    struct code_function f;
    struct arch_frame inlined = *c;
    if (inlined_call(clr, frame, &inlined) &&
        code_find(clr, inlined.registers[arch_of(clr)->ip] - 1, &f)) {
        uint64_t sp = inlined.registers[arch_of(clr)->sp];
        if ((sp > frame ? sp - frame : frame - sp) < STACK_NEAR) {
            *c = inlined;
            return true;
        }
    }
    if (helper_of_windows(clr, frame, c))
        return true;
    /*
     * A helper's frame has kept the frame pointer of the function it is in: where it lies on Linux
     * from 6.0 to 9.0, else wherever one looks like it. Other registers may hold the frame pointer
     * of the managed caller, or what was on the stack before.
     */
    if (helper_caller_beyond(clr, frame, c))
        return true;
    for (uint64_t at = frame + 2 * clr->word; at < frame + HELPER_FRAME; at += clr->word)
        if (helper_caller(clr, frame, at, c))
            return true;
    for (uint64_t at = frame; at < frame + NATIVE_FRAME; at += clr->word)
        if (caller_at(clr, at, c))
            return true;
    return false;
}

/* The registers that a frame of the runtime has kept of its managed caller; false: none. */
static bool frame_context(struct clr *clr, uint64_t frame, struct arch_frame *c) {
    const uint64_t *g = clr->contract.global;
    uint64_t id, pointer;
    if (!clr_word(clr, frame, &id))
        return false;
    if (g[G_FRAME_INLINED_CALL] == NO_GLOBAL) {
        /* Words that were merely tried are no loss: they may lead anywhere, and the stack ends. */
        uint64_t missing = clr->space->missing_bytes;
        bool found = unnamed_frame(clr, frame, c);
        clr->space->missing_bytes = missing;
        return found;
    }
    if (id == g[G_FRAME_INLINED_CALL])
        return inlined_call(clr, frame, c);
    if (id == g[G_FRAME_SOFTWARE])
        return managed_stacks_read_context(clr, clr_field(clr, frame, F_SOFTWARE_CONTEXT), c);
    if (id == g[G_FRAME_FAULTING])
        return managed_stacks_read_context(clr, clr_field(clr, frame, F_FAULTING_CONTEXT), c);
    if (id == g[G_FRAME_RESUMABLE] || id == g[G_FRAME_REDIRECTED])
        return clr_field_word(clr, frame, F_RESUMABLE_CONTEXT, &pointer) &&
               managed_stacks_read_context(clr, pointer, c);
    if (id == g[G_FRAME_HIJACK])
        return hijack(clr, frame, c);
    if (id == g[G_FRAME_PRESTUB] || id == g[G_FRAME_CALL_COUNTING] ||
        id == g[G_FRAME_STUB_DISPATCH] || id == g[G_FRAME_EXTERNAL_METHOD] ||
        id == g[G_FRAME_DYNAMIC_HELPER] || id == g[G_FRAME_PINVOKE_CALLI])
        return transition_block(clr, frame, c);
    return false;
}

/* -- One stack --------------------------------------------------------------------------------- */

static bool managed_stacks_add_name(struct stacks *s, const struct code_function *f,
                                    struct str *ret_name) {
    uint64_t key = f->method_desc ? f->method_desc : f->module | 1;
    uint32_t at = u64map_get(&s->by_method, key);
    if (at != STRMAP_NONE) {
        *ret_name = s->names[at];
        return true;
    }
    if (!VEC_ROOM(s->names, s->name_count, s->name_capacity, NULL))
        return false;
    struct strbuf name;
    strbuf_init(&name);
    if (f->method_desc) {
        method_name(s->m, f->method_desc, &name);
    } else {
        const struct module *module = f->module ? module_at(s->m, f->module) : NULL;
        strbuf_addf(&name, "%s!<unknown>",
                    module && module->file_name ? module->file_name : "(unknown)");
    }
    const char *kept =
        strbuf_failed(&name) ? NULL : arena_copy(&s->m->clr->arena, strbuf_cstr(&name), name.len);
    *ret_name = (struct str){kept, name.len};
    strbuf_deinit(&name);
    if (!kept || !u64map_put(&s->by_method, key, s->name_count))
        return false;
    s->names[s->name_count++] = *ret_name;
    return true;
}

/* The next explicit frame at or above sp that knows its caller. Frames lie at growing addresses. */
static bool next_frame(struct clr *clr, uint64_t *frame, uint64_t sp, struct arch_frame *c) {
    for (uint32_t i = 0; *frame && *frame != clr_no_frame(clr) && i < CHAIN_FRAMES_MAX; i++) {
        uint64_t at = *frame, next;
        if (!clr_spend(clr, 1) || !clr_field_word(clr, at, F_FRAME_NEXT, &next) || next <= at)
            next = 0;
        *frame = next;
        struct arch_frame found = *c;
        if (at >= sp && frame_context(clr, at, &found) && found.registers[arch_of(clr)->sp] >= sp) {
            *c = found;
            return true;
        }
    }
    return false;
}

/*
 * A thread in managed code may be in a helper of the runtime that has no frame of its own: then
 * its return address is where a function that keeps nothing has it.
 */
static bool leaf_helper(struct clr *clr, struct arch_frame *c, struct code_function *f) {
    const struct arch *arch = arch_of(clr);
    const struct peek memory = clr_peek(clr);
    struct arch_frame caller = *c;
    if (!arch->unwinder->leaf(&memory, &caller) || !code_find(clr, caller.registers[arch->ip], f))
        return false;
    *c = caller;
    return true;
}

/* From the registers outwards; false: out of memory. ret_followed: a frame of the runtime led on.
 */
static bool follow_stack(struct stacks *s, const struct managed_thread *t, uint64_t frame,
                         bool *ret_followed) {
    struct clr *clr = s->m->clr;
    const struct arch *arch = arch_of(clr);
    struct arch_frame c;
    uint64_t *const ip = &c.registers[arch->ip], *const sp = &c.registers[arch->sp];
    struct code_function f;
    bool interrupted = true, first = true;
    memcpy(c.registers, t->os->registers, sizeof(c.registers));
    while (s->frame_count < FRAMES_MAX) {
        bool managed = code_find(clr, *ip - !interrupted, &f);
        if (!managed && first && t->cooperative && leaf_helper(clr, &c, &f))
            managed = true;
        first = false;
        if (!managed) {
            if (!next_frame(clr, &frame, *sp, &c)) {
                /* A stack ends in native code; elsewhere its code is what the dump lacks. */
                s->cut += s->frame_count && !space_module_at(clr->space, *ip);
                return true;
            }
            *ret_followed = true;
            interrupted = false;
            continue;
        }
        uint64_t old_sp = *sp;
        if (!managed_stacks_add_name(s, &f, &s->frames[s->frame_count]))
            return false;
        s->sps[s->frame_count++] = old_sp;
        if (!code_unwind(clr, &f, &c)) {
            /* The runtime's frames may still lead further up. */
            s->cut++;
            if (!next_frame(clr, &frame, old_sp, &c))
                return true;
        }
        interrupted = false;
    }
    s->cut++;
    return true;
}

/* A stack without managed frames is a fact only where all that leads to them could be read. */
static bool walk_stack(struct stacks *s, const struct managed_thread *t, enum lost *ret_lost) {
    struct clr *clr = s->m->clr;
    uint64_t frame, missing = clr->space->missing_bytes;
    bool followed = false;
    s->frame_count = 0;
    *ret_lost =
        t->os_id != ABSENT && (!t->os || !t->os->register_count) ? LOST_REGISTERS : LOST_NOT;
    if (!t->os || *ret_lost)
        return true;
    if (clr_field_word(clr, t->address, F_THREAD_FRAME, &frame) &&
        !follow_stack(s, t, frame, &followed))
        return false;
    if (!s->frame_count && (followed || clr->space->missing_bytes > missing))
        *ret_lost = LOST_MEMORY;
    return true;
}

#define CUT_TEXT "managed stacks could not be followed to their end"

static const char *lost_text(enum lost lost) {
    switch (lost) {
    case LOST_REGISTERS:
        return "registers of threads are not in the dump";
    case LOST_MEMORY:
        return "stacks of threads, or their code, are not in the dump";
    case LOST_NOT:
    case LOST_COUNT:
        break;
    }
    return CUT_TEXT;
}

/*
 * "Shop.Caching.Handle.Finalize": the frame that the runtime's RunFinalizers called, or the first
 * of all.
 * cut: the stack could not be followed, so that what is not on it may yet be there.
 */
static bool report_finalizer(struct stacks *s, bool cut, enum lost lost, struct err *err) {
    struct finalizer_row *row = builder_single(s->m->clr->b, PART_FINALIZER, err);
    if (!row)
        return false;
    row->blocked = cut ? ABSENT : 0;
    if (cut)
        builder_absent(s->m->clr->b, PART_BIT(PART_FINALIZER), ASPECT_STACK, ABSENT, "%s",
                       lost_text(lost));
    for (uint32_t i = 1; i <= s->frame_count; i++) {
        struct str name = s->frames[i - 1];
        size_t open = str_find(name, STR(".Finalize("), 0);
        bool called = i < s->frame_count ? str_starts(s->frames[i], STR("System.GC.RunFinalizers("))
                                         : !cut; /* by native code, before .NET 8 */
        if (!called || open == STR_NOT_FOUND)
            continue;
        row->running = builder_string(s->m->clr->b, str_take(name, open + 9), err);
        /* Called into something that waits: its own code is not what runs. */
        row->blocked = i > 1;
        return row->running != NULL;
    }
    return true;
}

static bool report_stack(struct stacks *s, const struct managed_threads *threads,
                         struct managed_thread *t, struct err *err) {
    uint64_t cut = s->cut;
    enum lost lost;
    if (!walk_stack(s, t, &lost))
        return err_nomem(err);
    s->lost[lost]++;
    if (t->address == threads->finalizer &&
        !report_finalizer(s, lost != LOST_NOT || s->cut > cut, lost, err))
        return false;
    if (!s->frame_count)
        return true;
    uint64_t *sps = arena_array(&s->m->clr->arena, s->frame_count, sizeof(*sps));
    if (!sps)
        return err_nomem(err);
    memcpy(sps, s->sps, s->frame_count * sizeof(*sps));
    t->frame_sps = sps;
    t->frame_count = s->frame_count;
    struct thread_row *row = builder_thread(s->m->clr->b, t->os_id, t->managed_id, err);
    return row && builder_strings(s->m->clr->b, s->frames, s->frame_count, &row->frames, err);
}

static void report_losses(const struct stacks *s) {
    for (int lost = LOST_NOT + 1; lost < LOST_COUNT; lost++)
        if (s->lost[lost]) {
            const char *why = lost_text(lost);
            builder_warn(s->m->clr->b, s->lost[lost], "%s", why);
            builder_absent(s->m->clr->b, PART_BIT(PART_THREADS), ASPECT_FRAMES, s->lost[lost], "%s",
                           why);
        }
    if (s->cut)
        builder_lacks(s->m->clr->b, PART_BIT(PART_THREADS), ASPECT_FRAMES, s->cut, CUT_TEXT);
}

bool stacks_report(struct modules *m, struct managed_threads *threads, struct err *err) {
    struct clr *clr = m->clr;
    if (!clr_knows(clr, F_THREAD_FRAME) ||
        !(clr_knows(clr, F_FRAGMENT_BEGIN) || clr_knows(clr, F_SECTION_NEXT)) ||
        clr->contract.global[G_CODE_RANGE_MAP] == NO_GLOBAL) {
        static const char why[] = "managed stacks of this runtime cannot be read";
        builder_lacks(clr->b, PART_BIT(PART_THREADS), ASPECT_FRAMES, ABSENT, "%s", why);
        builder_absent(clr->b, PART_BIT(PART_FINALIZER), ASPECT_STACK, ABSENT, "%s", why);
        return true;
    }
    if (!arch_of(clr)->unwinder) {
        builder_lacks(clr->b, PART_BIT(PART_THREADS), ASPECT_FRAMES, ABSENT,
                      "managed stacks are not read on this processor (%s)", arch_of(clr)->name);
        builder_absent(clr->b, PART_BIT(PART_FINALIZER), ASPECT_STACK, ABSENT,
                       "managed stacks are not read on this processor (%s)", arch_of(clr)->name);
        return true;
    }
    struct stacks *s = calloc(1, sizeof(*s));
    if (!s)
        return err_nomem(err);
    s->m = m;
    u64map_init(&s->by_method);
    bool ok = true;
    for (uint32_t i = 0; i < threads->count && ok; i++)
        ok = report_stack(s, threads, &threads->items[i], err);
    report_losses(s);
    u64map_deinit(&s->by_method);
    free(s->names);
    free(s);
    return ok;
}
