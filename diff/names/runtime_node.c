/* JavaScript on V8: Node, Chrome. What is not said here is as the first of the table has it. */
#include "diff/names/runtimes.h"

#include "base/chars.h"

static const struct str runtimes[] = {STR_INIT("Node.js"), STR_INIT("V8")};

/* Groups of what no constructor made, and what the engine and Node keep for themselves. */
static const struct str framework[] = {
    STR_INIT("(array)"),         STR_INIT("(string)"),    STR_INIT("(concatenated string)"),
    STR_INIT("(sliced string)"), STR_INIT("(system)"),    STR_INIT("(compiled code)"),
    STR_INIT("(number)"),        STR_INIT("(bigint)"),    STR_INIT("(symbol)"),
    STR_INIT("(regexp)"),        STR_INIT("(object)"),    STR_INIT("(object shape)"),
    STR_INIT("(native)"),        STR_INIT("(synthetic)"), STR_INIT("(wasm object)"),
    STR_INIT("system / "),       STR_INIT("Node / "),     STR_INIT("node::"),
    STR_INIT("Detached <"),
};

/* Of the language, and what Node makes of timers and events. */
static const struct str framework_whole[] = {
    STR_INIT("(closure)"),
    STR_INIT("Array"),
    STR_INIT("Map"),
    STR_INIT("Set"),
    STR_INIT("WeakMap"),
    STR_INIT("WeakSet"),
    STR_INIT("WeakRef"),
    STR_INIT("Promise"),
    STR_INIT("Function"),
    STR_INIT("Generator"),
    STR_INIT("AsyncGenerator"),
    STR_INIT("ArrayBuffer"),
    STR_INIT("Buffer"),
    STR_INIT("FastBuffer"),
    STR_INIT("Uint8Array"),
    STR_INIT("EventEmitter"),
    STR_INIT("Timeout"),
    STR_INIT("TimersList"),
    STR_INIT("Immediate"),
    STR_INIT("AsyncResource"),
    STR_INIT("global"),
    STR_INIT("Window"),
    STR_INIT("BuiltinModule"),
    STR_INIT("EventTarget"),
    STR_INIT("AbortSignal"),
    STR_INIT("AbortController"),
    STR_INIT("Listener"),
    STR_INIT("Socket"),
    STR_INIT("TLSSocket"),
    STR_INIT("Server"),
    STR_INIT("TCP"),
    STR_INIT("Pipe"),
    STR_INIT("HTTPParser"),
    STR_INIT("IncomingMessage"),
    STR_INIT("ServerResponse"),
    STR_INIT("ClientRequest"),
    STR_INIT("ReadableState"),
    STR_INIT("WritableState"),
    STR_INIT("BufferList"),
};

static const struct str framework_within[] = {STR_INIT(" node:")};

static const struct str scopes[] = {STR_INIT("system / Context")};

static const struct str arrays[] = {STR_INIT("(array)")};

static const struct str made[] = {STR_INIT("(closure) ")};

/*
 * "(closure) onPrice market.js:41": the line goes, since it changes with every release, and of
 * "main.3f2a1b9c.js" the hash that a bundler makes of what is in the file.
 */
#define HASH_MIN 8u
#define HASH_MAX 32u

/* Where the dot or dash before such a hash is; the length of the name: there is none. */
static size_t hash_of_bundler(struct str file, size_t extension) {
    size_t begin = extension, digits = 0;
    while (begin && char_is_hex(file.ptr[begin - 1])) {
        begin--;
        digits += char_is_digit(file.ptr[begin]);
    }
    size_t length = extension - begin;
    bool is_hash = length >= HASH_MIN && length <= HASH_MAX && digits && begin > 1 &&
                   (file.ptr[begin - 1] == '.' || file.ptr[begin - 1] == '-') &&
                   char_is_word(file.ptr[begin - 2]);
    return is_hash ? begin - 1 : file.len;
}

static bool node_normal_name(struct str name, struct strbuf *out) {
    size_t end = name.len;
    if (!str_starts(name, made[0]))
        return false;
    while (end && char_is_digit(name.ptr[end - 1]))
        end--;
    if (end == name.len || end < 2 || name.ptr[end - 1] != ':')
        return false;
    struct str file = str_take(name, end - 1);
    size_t dot = file.len;
    while (dot && file.ptr[dot - 1] != '.' && file.ptr[dot - 1] != ' ')
        dot--;
    size_t extension = dot && file.ptr[dot - 1] == '.' ? dot - 1 : 0;
    size_t hash = hash_of_bundler(file, extension);
    strbuf_add(out, str_take(file, hash));
    if (hash < file.len)
        strbuf_add(out, str_drop(file, extension));
    return true;
}

static const struct hint hints[] = {
    {.id = "listener",
     .summary = "listeners of an EventEmitter that nobody removes",
     .types = {"EventEmitter", "EventTarget", "AbortSignal"},
     .edges = {"_events", "<symbol kEvents>"},
     .next = "Remove the listeners (off, removeListener, an AbortSignal) from %s when what they "
             "serve ends: the emitter keeps them, and all they close over, for as long as it "
             "lives.",
     .names = HINT_NAMES_EMITTER,
     .counted = "listeners",
     .unnamed = "their emitter",
     .explain =
         "An EventEmitter keeps each listener in `_events`, under the name of the event, and the\n"
         "listener keeps what its function closes over. One that is added for each request,\n"
         "connection or object to an emitter that lives longer is a leak of all of that; Node\n"
         "warns once (MaxListenersExceededWarning) unless somebody has raised the limit.\n"
         "\n"
         "What to do: off() with the same function where its owner ends; once() for what comes\n"
         "once; `signal` of an AbortController for many at a time.\n"},
    {.id = "timeout",
     .summary = "timers of Node that nobody clears",
     .types = {"Timeout", "TimersList", "Immediate"},
     .next = "Clear timers with their owner (clearInterval, clearTimeout), or share one: the list "
             "of timers keeps each, its callback and all that closes over.",
     .names = HINT_NAMES_NOTHING,
     .counted = "timers",
     .explain =
         "Node keeps a timer that is started in the list of all that wait as long, and with it\n"
         "its callback and what the callback closes over. setInterval in a constructor or for\n"
         "each request is therefore a leak of that object; setTimeout is one for as long as it\n"
         "lasts.\n"
         "\n"
         "What to do: keep what setInterval returns and clear it where the owner ends; unref()\n"
         "only lets the process end, it frees nothing.\n"},
    {.id = "promise",
     .summary = "promises that never settle",
     .types = {"Promise"},
     .company_of = "(closure)", /* what resolves one has no name */
     .edges = {"reactions_or_result"},
     .next = "See who was to settle these promises: what awaits one, and all it closes over, "
             "stays until it is resolved or rejected; give it a time limit.",
     .names = HINT_NAMES_NOTHING,
     .counted = "promises",
     .explain =
         "An async function that awaits is kept by the promise it waits for (as its reaction),\n"
         "and that by whoever may still resolve it: a function in a map of pending requests, a\n"
         "callback. Where nobody ever does, all of them stay, with their locals.\n"
         "\n"
         "What to do: settle what is pending when its connection ends, and race what may never\n"
         "come with a time limit (AbortSignal.timeout).\n"},
    {.id = "detached",
     .summary = "parts of a page that were taken out of it, and are still referred to",
     .types = {"Detached "},
     .next =
         "Let go of these elements where they are taken out of the page: a variable, a listener "
         "or a cache of the script still refers to them, and one keeps its whole tree.",
     .counted = "elements",
     .explain =
         "An element that was removed from the page lives for as long as script refers to it, and\n"
         "with it the whole tree that it is part of. What refers to it is most often a variable "
         "of\n"
         "a closure, a listener that was never removed, or a map from elements to something.\n"
         "\n"
         "What to do: the path shows who refers to it; use a WeakMap where elements are keys, and\n"
         "remove listeners with the element.\n"},
    {.id = NULL},
};

#define WITH_A_SNAPSHOT \
    "Find what holds them: `Retainers` of a heap snapshot (v8.writeHeapSnapshot(), or node " \
    "--heapsnapshot-signal) in DevTools, or `dumpdiff show --path` of it"

const struct runtime_words words_of_node = {
    .id = "node",
    .runtimes = WORDS(runtimes),
    .framework = WORDS(framework),
    .framework_whole = WORDS(framework_whole),
    .framework_within = WORDS(framework_within),
    .arrays = WORDS(arrays),
    .scopes = WORDS(scopes),
    .made = WORDS(made),
    .normal_name = node_normal_name,
    .hints = hints,
    .advice = {[ADVICE_HOLDERS] = WITH_A_SNAPSHOT, [ADVICE_HOLDERS_OF_SOME] = WITH_A_SNAPSHOT},
};
