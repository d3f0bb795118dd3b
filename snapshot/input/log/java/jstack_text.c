#include "input/log/java/jstack_text.h"

#include "base/chars.h"
#include "input/log/scan.h"
#include "model/known_names.h"

/* -- Threads ----------------------------------------------------------------------------------- */

/* Digits at the start of *s, which loses them. false: there are none. */
static bool take_number(struct str *s, uint64_t *ret_value) {
    size_t n = 0;
    while (n < s->len && char_is_digit(s->ptr[n]))
        n++;
    if (!num_dec(str_take(*s, n), ret_value))
        return false;
    *s = str_drop(*s, n);
    return true;
}

static uint64_t id_of(struct str text) {
    uint64_t id;
    bool known = str_starts(text, STR("0x")) ? num_hex(text, &id) : num_dec(text, &id);
    return known && id && id < UINT32_MAX ? id : ABSENT;
}

/* "cpu=12.34ms", "elapsed=5.67s" */
static uint64_t time_of(struct str text) {
    uint64_t ns;
    uint64_t unit = str_ends(text, STR("ms")) ? 1000000u : 1000000000u;
    text = str_take(text, text.len - (unit == 1000000u ? 2 : 1));
    return num_scaled(text, unit, &ns) ? ns : ABSENT;
}

/* One word behind the name; false: it is none that a thread has. */
static bool take_attribute(struct str word, struct jstack_thread *thread) {
    static const char *const plain[] = {"daemon", "virtual"};
    static const char *const states[] = {"NEW",     "RUNNABLE",      "BLOCKED",
                                         "WAITING", "TIMED_WAITING", "TERMINATED"};
    struct str rest = str_drop(word, 1);
    if (str_starts(word, STR("#")))
        return take_number(&rest, &thread->java_id);
    if (str_starts(word, STR("[")) && str_ends(word, STR("]"))) {
        thread->os_id = id_of(str_take(rest, rest.len - 1));
        return thread->os_id != ABSENT;
    }
    if (str_starts(word, STR("nid=")))
        thread->os_id = id_of(str_drop(word, 4));
    else if (str_starts(word, STR("Id=")))
        return num_dec(str_drop(word, 3), &thread->java_id);
    else if (str_starts(word, STR("cpu=")) && word.len > 6)
        thread->cpu_ns = time_of(str_drop(word, 4));
    else if (str_starts(word, STR("elapsed=")) && word.len > 9)
        thread->elapsed_ns = time_of(str_drop(word, 8));
    else if (STR_IS_ONE_OF(word, states))
        thread->state = word;
    else
        return STR_IS_ONE_OF(word, plain) || str_starts(word, STR("prio=")) ||
               str_starts(word, STR("os_prio=")) || str_starts(word, STR("tid=")) ||
               str_starts(word, STR("allocated=")) || str_starts(word, STR("defined_classes="));
    return true;
}

/* "on X@1 owned by "y" Id=3" behind the state of a ThreadInfo. */
static void take_info(struct str rest, struct jstack_thread *thread) {
    if (str_starts(rest, STR("on "))) {
        rest = str_drop(rest, 3);
        thread->lock = str_next_field(&rest);
        rest = str_trim(rest);
    }
    size_t id = str_find(rest, STR("\" Id="), 0);
    if (!str_starts(rest, STR("owned by \"")) || id == STR_NOT_FOUND)
        return;
    thread->owner = str_drop(str_take(rest, id), 10);
    rest = str_drop(rest, id + 5);
    if (!take_number(&rest, &thread->owner_id))
        thread->owner_id = ABSENT;
}

/* What stands behind the name; false: it is no thread. */
static bool take_attributes(struct str rest, struct jstack_thread *thread) {
    bool any = false;
    if (str_eq(rest, STR(":"))) {
        thread->bare = true;
        return true;
    }
    for (;;) {
        struct str behind = rest, word = str_next_field(&behind);
        if (!word.len || !take_attribute(word, thread))
            break;
        any = true;
        rest = str_trim(behind);
        if (thread->state.len) {
            take_info(rest, thread);
            break;
        }
    }
    /* A name, and nothing that says what of, is prose. */
    return any && (thread->os_id != ABSENT || thread->java_id != ABSENT ||
                   str_contains(str_take(rest, 64), STR("runnable")) ||
                   str_contains(str_take(rest, 64), STR("waiting")) || rest.len == 0);
}

/* `Thread 123: (state = BLOCKED)` of jstack -F */
static bool parse_forced(struct str text, struct jstack_thread *thread) {
    text = str_drop(text, 7);
    if (!take_number(&text, &thread->os_id) || !str_starts(text, STR(": (state = ")) ||
        !str_ends(text, STR(")")) || !thread->os_id || thread->os_id >= UINT32_MAX)
        return false;
    thread->state = str_drop(str_take(text, text.len - 1), 11);
    return true;
}

bool jstack_parse_thread(struct str text, struct jstack_thread *ret_thread) {
    const struct jstack_thread none = {.os_id = ABSENT,
                                       .java_id = ABSENT,
                                       .cpu_ns = ABSENT,
                                       .elapsed_ns = ABSENT,
                                       .owner_id = ABSENT};
    struct jstack_thread thread = none;
    uint64_t id = ABSENT;
    if (str_starts(text, STR("Mounted virtual thread ")))
        text = str_drop(text, 23);
    if (str_starts(text, STR("Thread ")) && parse_forced(text, &thread)) {
        *ret_thread = thread;
        return true;
    }
    if (str_starts(text, STR("#"))) { /* the id in front of the name */
        text = str_drop(text, 1);
        if (!take_number(&text, &id))
            return false;
        text = str_trim(text);
    }
    /* Names may hold quotes: the first behind which the words of a thread stand ends it. */
    for (size_t i = 1; text.len > 1 && str_first(text) == '"' && i < text.len; i++) {
        if (text.ptr[i] != '"')
            continue;
        struct str rest = str_trim(str_drop(text, i + 1));
        thread = none;
        thread.java_id = id;
        if (!take_attributes(rest, &thread) && !(id != ABSENT && rest.len == 0))
            continue;
        thread.name = str_drop(str_take(text, i), 1);
        thread.listed = id != ABSENT;
        *ret_thread = thread;
        return true;
    }
    return false;
}

/* -- Locks ------------------------------------------------------------------------------------- */

bool jstack_parse_identity(struct str text, struct str *ret_type, uint64_t *ret_hash) {
    size_t at = str_find(text, STR("@"), 0);
    if (at == STR_NOT_FOUND || at == 0 || !num_hex(str_drop(text, at + 1), ret_hash))
        return false;
    *ret_type = str_take(text, at);
    return true;
}

/* "<0x..> (a T)", "<T@1b>, owner #12", "T@1b" */
static void take_object(struct str text, struct jstack_lock *lock) {
    struct str object = text, rest = STR("");
    size_t close = str_find(text, STR(">"), 0);
    /* Types have angle brackets of their own only in names that no JVM prints here. */
    if (str_starts(text, STR("<")) && close != STR_NOT_FOUND) {
        object = str_drop(str_take(text, close), 1);
        rest = str_trim(str_drop(text, close + 1));
    }
    uint64_t address;
    if (scan_address(object, &address) && address)
        lock->address = address;
    else if (jstack_parse_identity(object, &lock->type, &address))
        lock->address = address;
    size_t a = str_find(rest, STR("(a "), 0), owner = str_find(rest, STR("owner #"), 0);
    if (a != STR_NOT_FOUND && str_ends(rest, STR(")")))
        lock->type = str_drop(str_take(rest, rest.len - 1), a + 3);
    if (owner != STR_NOT_FOUND) {
        rest = str_drop(rest, owner + 7);
        if (!take_number(&rest, &lock->owner_id))
            lock->owner_id = ABSENT;
    }
}

bool jstack_parse_lock(struct str text, struct jstack_lock *ret_lock) {
    static const struct {
        struct str words;
        enum jstack_lock_kind kind;
    } kinds[] = {
        {STR_INIT("locked "), JSTACK_HELD},
        {STR_INIT("waiting to lock "), JSTACK_BLOCKED},
        {STR_INIT("blocked on "), JSTACK_BLOCKED},
        {STR_INIT("waiting to re-lock in wait() "), JSTACK_NOTIFIED},
        {STR_INIT("waiting on the Class initialization monitor "), JSTACK_NOTHING},
        {STR_INIT("waiting on "), JSTACK_WAITS},
        {STR_INIT("parking to wait for "), JSTACK_PARKED},
        {STR_INIT("eliminated "), JSTACK_NOTHING},
        {STR_INIT("lock is eliminated"), JSTACK_NOTHING},
    };
    if (!str_starts(text, STR("- ")))
        return false;
    text = str_trim(str_drop(text, 2));
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (!str_starts(text, kinds[i].words))
            continue;
        *ret_lock = (struct jstack_lock){kinds[i].kind, ABSENT, {NULL, 0}, ABSENT};
        if (kinds[i].kind != JSTACK_NOTHING)
            take_object(str_trim(str_drop(text, kinds[i].words.len)), ret_lock);
        return true;
    }
    return false;
}

/* -- Frames ------------------------------------------------------------------------------------ */

/* "ns.Type.method(...", with at least one dot and no blank in the name. */
static bool is_method(struct str text) {
    size_t paren = str_find(str_take(text, 4096), STR("("), 0);
    if (paren == STR_NOT_FOUND || paren == 0)
        return false;
    struct str name = str_take(text, paren);
    return str_contains(name, STR(".")) && !str_contains(name, STR(" "));
}

bool jstack_is_frame(struct str text, bool listed) {
    if (str_starts(text, STR("at ")))
        return is_method(str_trim(str_drop(text, 3)));
    if (str_starts(text, STR("- ")))
        return str_contains(text, STR(" @bci=")) && is_method(str_trim(str_drop(text, 2)));
    return listed && str_ends(text, STR(")")) && is_method(text);
}

/* "java.base@17.0.1/Native Method" without what stands before the slash. */
static struct str jstack_without_module(struct str text) {
    size_t end = text.len;
    for (size_t i = 0; i < text.len && text.ptr[i] != '('; i++)
        if (text.ptr[i] == '/')
            end = i;
    bool hidden = end < text.len && str_contains(str_take(text, end), STR("$$"));
    return end == text.len || hidden ? text : str_drop(text, end + 1);
}

/* "Shop$$Lambda$12/0x0000000800c03000.run": the address, and the number, are of this run alone. */
static void jstack_add_method(struct str name, struct strbuf *out) {
    size_t lambda = str_find(name, STR("$$Lambda"), 0);
    if (lambda == STR_NOT_FOUND) {
        strbuf_add(out, name);
        return;
    }
    struct str rest = str_drop(name, lambda + 8);
    strbuf_add(out, str_take(name, lambda + 8));
    while (rest.len && str_first(rest) != '.')
        rest = str_drop(rest, 1);
    strbuf_add(out, rest);
}

struct str jstack_frame(struct builder *b, struct str text, struct err *err) {
    struct strbuf out;
    strbuf_init(&out);
    if (str_starts(text, STR("at ")) || str_starts(text, STR("- ")))
        text = str_trim(str_drop(text, str_first(text) == 'a' ? 3 : 2));
    size_t bci = str_find(text, STR(" @bci="), 0);
    text = jstack_without_module(str_take(text, bci));
    size_t paren = str_find(text, STR("("), 0);
    struct str name = str_take(text, paren), place = str_drop(text, name.len);
    size_t end = str_find(place, STR(")"), 0);
    jstack_add_method(name, &out);
    if (end != STR_NOT_FOUND && place.len > 2) {
        strbuf_addc(&out, '(');
        strbuf_add(&out, jstack_without_module(str_drop(str_take(place, end), 1)));
        strbuf_addc(&out, ')');
    }
    const char *copy = strbuf_ok(&out, err) ? builder_string(b, strbuf_str(&out), err) : NULL;
    strbuf_deinit(&out);
    return copy ? str_of(copy) : (struct str){NULL, 0};
}

/* -- What they mean ---------------------------------------------------------------------------- */

bool jstack_is_lock_type(struct str type) {
    return str_starts(type, STR("java.util.concurrent.locks.ReentrantLock")) ||
           str_starts(type, STR("java.util.concurrent.locks.ReentrantReadWriteLock"));
}

/* Do threads of the library wait in it, rather than begin? */
static bool leads_to_wait(struct str method) {
    static const struct str waits[] = {
        STR_INIT("java.util.concurrent."),
        STR_INIT("java.lang.Object.wait"),
        STR_INIT("java.lang.Thread.sleep"),
        STR_INIT("java.lang.Thread.join"),
        STR_INIT("java.lang.ref.Reference"),
        STR_INIT("jdk.internal.misc.Unsafe.park"),
        STR_INIT("sun.misc.Unsafe.park"),
        STR_INIT("java.lang.Thread.parkOnCurrentCarrierThread"),
        STR_INIT("java.lang.VirtualThread.park"),
        STR_INIT("java.lang.VirtualThread.yieldContinuation"),
        STR_INIT("java.lang.System$2.parkVirtualThread"),
    };
    static const struct str begins[] = {
        STR_INIT("java.util.concurrent.ThreadPoolExecutor"),
        STR_INIT("java.util.concurrent.ForkJoinPool.runWorker"),
        STR_INIT("java.util.concurrent.ForkJoinWorkerThread"),
        STR_INIT("java.lang.ref.Reference$ReferenceHandler"),
        STR_INIT("java.util.concurrent.Executors$"),
        STR_INIT("java.util.concurrent.FutureTask.run"),
        STR_INIT("java.util.concurrent.CompletableFuture$Async"),
    };
    for (size_t i = 0; i < sizeof(begins) / sizeof(*begins); i++)
        if (str_starts(method, begins[i]))
            return false;
    for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++)
        if (str_starts(method, waits[i]))
            return true;
    return false;
}

static struct str method_of(const char *frame) {
    struct str s = str_of(frame);
    return str_take(s, str_find(s, STR("("), 0));
}

struct str jstack_wait(const struct strings *frames) {
    static const struct str at[] = {STR_INIT("java.lang.Object.wait"),
                                    STR_INIT("java.lang.Thread.sleep"),
                                    STR_INIT("jdk.internal.misc.Unsafe.park"),
                                    STR_INIT("sun.misc.Unsafe.park"),
                                    STR_INIT("java.lang.VirtualThread.park"),
                                    STR_INIT("java.lang.VirtualThread.yieldContinuation"),
                                    STR_INIT("java.lang.ref.Reference.waitForReference")};
    struct str wait = {NULL, 0}, first = method_of(frames->count ? frames->items[0] : "");
    bool waits = false;
    for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++)
        waits = waits || str_starts(first, at[i]);
    for (uint32_t i = 0; waits && i < frames->count; i++) {
        struct str method = method_of(frames->items[i]);
        if (!leads_to_wait(method))
            break;
        wait = method;
    }
    size_t dots = 0, cut = wait.len;
    while (cut && (wait.ptr[cut - 1] != '.' || ++dots < 2))
        cut--;
    return str_drop(wait, cut);
}

const char *jstack_role(struct str name) {
    static const struct {
        struct str prefix;
        const char *role;
    } roles[] = {
        {STR_INIT("GC task thread#"), ROLE_GC},
        {STR_INIT("GC Thread#"), ROLE_GC},
        {STR_INIT("Gang worker#"), ROLE_GC},
        {STR_INIT("ParGC Thread#"), ROLE_GC},
        {STR_INIT("G1 "), ROLE_GC},
        {STR_INIT("Concurrent Mark-Sweep GC Thread"), ROLE_GC},
        {STR_INIT("ZWorker"), ROLE_GC},
        {STR_INIT("ZDirector"), ROLE_GC},
        {STR_INIT("ZDriver"), ROLE_GC},
        {STR_INIT("Shenandoah"), ROLE_GC},
        {STR_INIT("C1 CompilerThread"), "compiler"},
        {STR_INIT("C2 CompilerThread"), "compiler"},
        {STR_INIT("CompilerThread"), "compiler"},
    };
    static const char *const machine[] = {
        "VM Thread",          "VM Periodic Task Thread", "Signal Dispatcher",
        "Attach Listener",    "Service Thread",          "Reference Handler",
        "Sweeper thread",     "Common-Cleaner",          "Notification Thread",
        "DestroyJavaVM",      "Surrogate Locker Thread", "Monitor Deflation Thread",
        "Monitor Ctrl-Break", "Low Memory Detector",
    };
    if (str_eq(name, STR("Finalizer")))
        return ROLE_FINALIZER;
    for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++)
        if (str_starts(name, roles[i].prefix))
            return roles[i].role;
    return STR_IS_ONE_OF(name, machine) ? "jvm" : NULL;
}
