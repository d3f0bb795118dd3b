/*
 * Command lines inside a transcript, and the marks that people leave when they shorten one.
 *
 * A command is known by its prompt or its '!'. dotnet-dump's prompt is a bare ">", which is also
 * how mail quotes: behind it (and without any prompt) only names of commands count.
 */
#include "input/log/transcript.h"

#include "base/chars.h"

/* Length of a prompt at the start of s ("0:000>", ":009>", "0:000:x86>", "(lldb)", "kd>"), 0 when
 * there is none. */
static size_t prompt_length(struct str s) {
    if (str_starts(s, STR("(lldb)")) || str_starts(s, STR("(gdb)")))
        return s.ptr[1] == 'l' ? 6 : 5;
    size_t i = 0;
    while (i < s.len && i < 16 && (char_is_digit(s.ptr[i]) || s.ptr[i] == ':'))
        i++;
    struct str end = str_drop(s, i);
    if (i && str_starts(end, STR("x86")))
        i += 3;
    if (i == 0 && str_starts(end, STR("kd")))
        i = 2;
    return i && i < s.len && s.ptr[i] == '>' ? i + 1 : 0;
}

/* Names that are no English words: these are commands wherever they begin a line. */
static const char *const plain_commands[] = {
    "clrmodules",     "clrstack",       "clrthreads",     "dumpasync",  "dumpgen",
    "dumpheap",       "dumpmt",         "dumpobj",        "eeheap",     "eestack",
    "eeversion",      "finalizequeue",  "gchandles",      "gcheapstat", "gcroot",
    "heapstat",       "maddress",       "objsize",        "pstacks",    "syncblk",
    "threadpool",     "vmstat",         "parallelstacks", "dumphttp",   "dumprequests",
    "dumpexceptions", "threadpoolqueue"};

/* Behind a bare ">" these are commands, too. */
static const char *const prompted_commands[] = {
    "address",
    "analyzeoom",
    "bpmd",
    "clru",
    "crashinfo",
    "do",
    "dso",
    "dumpalc",
    "dumparray",
    "dumpassembly",
    "dumpclass",
    "dumpconcurrentdictionary",
    "dumpconcurrentqueue",
    "dumpdelegate",
    "dumpdomain",
    "dumpexceptions",
    "dumphttp",
    "dumpil",
    "dumplog",
    "dumpmd",
    "dumpmodule",
    "dumprequests",
    "dumpruntimetypes",
    "dumpsig",
    "dumpstack",
    "dumpstackobjects",
    "dumpvc",
    "ehinfo",
    "ephrefs",
    "exit",
    "findappdomain",
    "fq",
    "gcheapdiff",
    "gcinfo",
    "gcwhere",
    "heap",
    "help",
    "histinit",
    "histobj",
    "histobjfind",
    "histroot",
    "histstats",
    "ip2md",
    "k",
    "lm",
    "listnearobj",
    "logopen",
    "modules",
    "name2ee",
    "notreachableinrange",
    "pathto",
    "pe",
    "printexception",
    "q",
    "quit",
    "rcwcleanuplist",
    "readmemory",
    "registers",
    "runaway",
    "runtimes",
    "setclrpath",
    "setsymbolserver",
    "setthread",
    "sizestats",
    "sos",
    "soshelp",
    "sosstatus",
    "stacktrace",
    "strings",
    "systeminfo",
    "taskstate",
    "threadpoolqueue",
    "threads",
    "threadstate",
    "thinlock",
    "timerinfo",
    "tks",
    "token2ee",
    "traverseheap",
    "verifyheap",
    "verifyobj",
};

/* As typed: "> Heap 0" is a quoted line, "> heap" a command. */
static bool is_prompted_command(struct str name) {
    return STR_IS_ONE_OF(name, prompted_commands);
}

/* "**!dumpheap -stat**", "`dumpheap`", "- !dumpheap": without what Markdown puts around. */
static struct str without_markup(struct str s) {
    while (s.len && (str_first(s) == '`' || str_starts(s, STR("**"))))
        s = str_drop(s, str_first(s) == '`' ? 1 : 2);
    while (s.len && (str_last(s) == '`' || str_ends(s, STR("**"))))
        s = str_take(s, s.len - (str_last(s) == '`' ? 1 : 2));
    return str_trim(s);
}

/* Nothing but options and addresses behind the name: no sentence. */
static bool has_only_arguments(struct str rest) {
    for (struct str word; (word = str_next_field(&rest)).len;)
        if (!transcript_option(word).len && !char_is_digit(str_first(word)))
            return false;
    return true;
}

static struct str without_module(struct str s) {
    static const struct str modules[] = {
        STR_INIT("sos."),     STR_INIT("sos "),     STR_INIT("ext."),
        STR_INIT("psscor2."), STR_INIT("psscor4."), STR_INIT("sosex."),
    };
    for (size_t i = 0; i < sizeof(modules) / sizeof(*modules); i++)
        if (str_starts_nocase(s, modules[i]))
            return str_trim(str_drop(s, modules[i].len));
    return s;
}

/* What stands behind the prompt, and which kind of prompt it was. */
enum prompt { PROMPT_NONE, PROMPT_BARE, PROMPT_SURE };

static struct str without_prompt(struct str s, enum prompt *ret_prompt) {
    *ret_prompt = PROMPT_NONE;
    for (;;) {
        size_t n = prompt_length(s);
        if (n) {
            *ret_prompt = PROMPT_SURE;
        } else if (str_first(s) == '>') {
            n = 1;
            if (*ret_prompt == PROMPT_NONE)
                *ret_prompt = PROMPT_BARE;
        } else if (str_starts(s, STR("# "))) {
            n = 2; /* "# 0:000> ~*k": a whole log as a comment */
        } else {
            return s;
        }
        s = str_trim(str_drop(s, n));
    }
}

bool transcript_is_command(const struct line *line, struct str *ret_command) {
    enum prompt prompt;
    if (line->text.len == 0 || line->raw.len > 4096)
        return false;
    struct str s = without_prompt(without_markup(str_trim(line->raw)), &prompt);
    /* "~*e !clrstack", "~* e !clrstack": the command is what comes behind. */
    if (str_starts(s, STR("~")) && !str_starts(s, STR("~~"))) {
        size_t bang = str_find(str_take(s, 12), STR("!"), 0);
        if (bang == STR_NOT_FOUND) {
            *ret_command = s;
            return prompt != PROMPT_NONE;
        }
        s = str_drop(s, bang);
    }
    bool bang = s.len > 1 && str_first(s) == '!';
    s = without_module(str_drop(s, bang ? 1 : 0));
    if (s.len == 0 ||
        !(char_is_word(str_first(s)) || (str_first(s) == '.' && prompt == PROMPT_SURE)))
        return false;
    if (!bang && prompt != PROMPT_SURE) {
        struct str rest = s, name = str_next_field(&rest);
        bool plain = STR_IS_ONE_OF_NOCASE(name, plain_commands) &&
                     (prompt == PROMPT_BARE || has_only_arguments(rest));
        if (!plain && (prompt == PROMPT_NONE || !is_prompted_command(name)))
            return false;
    }
    *ret_command = s;
    return true;
}

struct str transcript_option(struct str word) {
    static const struct str dashes[] = {STR_INIT("-"), STR_INIT("\xe2\x80\x93"),
                                        STR_INIT("\xe2\x80\x94")};
    for (size_t i = 0; i < sizeof(dashes) / sizeof(*dashes); i++)
        if (word.len > dashes[i].len && str_starts(word, dashes[i]))
            return str_drop(word, dashes[i].len);
    return (struct str){word.ptr, 0};
}

void transcript_command_done(struct transcript *t) {
    t->command = (struct str){NULL, 0};
    t->command_line = 0;
}

bool transcript_last_command_is(const struct transcript *t, const char *name) {
    struct str rest = t->command;
    return str_eq_nocase(str_next_field(&rest), str_of(name));
}

bool transcript_last_command_has(const struct transcript *t, const char *option) {
    struct str rest = t->command, wanted = transcript_option(str_of(option));
    str_next_field(&rest);
    for (struct str word; (word = str_next_field(&rest)).len;)
        if (wanted.len && str_eq_nocase(transcript_option(word), wanted))
            return true;
    return false;
}

/* -- Marks ------------------------------------------------------------------------------------- */

bool transcript_is_rule(struct str text) {
    static const struct str marks[] = {STR_INIT("-"), STR_INIT("="), STR_INIT("~"),
                                       STR_INIT("\xe2\x80\x94"), STR_INIT("\xe2\x80\x93")};
    size_t count = 0;
    while (text.len) {
        size_t n = 0;
        for (size_t i = 0; i < sizeof(marks) / sizeof(*marks) && !n; i++)
            n = str_starts(text, marks[i]) ? marks[i].len : 0;
        if (!n)
            return false;
        text = str_drop(text, n);
        count++;
    }
    return count >= 4;
}

bool transcript_is_elision(const struct line *line) {
    static const struct str marks[] = {
        STR_INIT("..."),           STR_INIT("\xe2\x80\xa6"),  STR_INIT("//"),
        STR_INIT("[..."),          STR_INIT("[\xe2\x80\xa6"), STR_INIT("<..."),
        STR_INIT("<\xe2\x80\xa6"), STR_INIT("(..."),          STR_INIT("\xe7\x9c\x81\xe7\x95\xa5"),
    };
    for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
        if (str_starts(line->text, marks[i]))
            return true;
    return str_eq_nocase(line->text, STR("abbreviated")) ||
           str_contains(str_take(line->text, 256), STR("[omitted]"));
}
