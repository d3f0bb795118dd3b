/* Python. What is not said here is as the first of the table has it. */
#include "diff/names/runtimes.h"

static const struct str runtimes[] = {STR_INIT("Python")};

/* Modules of the library with the function behind them, as the reader of stacks writes them. */
static const struct str framework[] = {
    STR_INIT("threading."),       STR_INIT("queue."),
    STR_INIT("selectors."),       STR_INIT("socket."),
    STR_INIT("socketserver."),    STR_INIT("ssl."),
    STR_INIT("asyncio."),         STR_INIT("concurrent.futures."),
    STR_INIT("multiprocessing."), STR_INIT("subprocess."),
    STR_INIT("http.client."),     STR_INIT("http.server."),
    STR_INIT("urllib."),          STR_INIT("logging."),
    STR_INIT("runpy."),           STR_INIT("importlib."),
    STR_INIT("contextlib."),      STR_INIT("codecs."),
    STR_INIT("libc.so"),          STR_INIT("libpthread"),
};

static const struct str idle[] = {
    STR_INIT("queue.get"),
    STR_INIT("selectors.select"),
    STR_INIT("socket.accept"),
    STR_INIT("socketserver.serve_forever"),
    STR_INIT("concurrent.futures.thread._worker"),
    STR_INIT("asyncio.base_events.run_forever"),
    STR_INIT("threading._shutdown"),
};

static const struct str locks[] = {STR_INIT("threading.acquire"), STR_INIT("threading.__enter__")};
static const struct str tasks[] = {STR_INIT("concurrent.futures._base.result")};
static const struct str events[] = {STR_INIT("threading.wait"), STR_INIT("threading.join"),
                                    STR_INIT("threading._wait_for_tstate_lock"),
                                    STR_INIT("subprocess.wait")};
static const struct str io[] = {STR_INIT("socket.readinto"), STR_INIT("ssl.read"),
                                STR_INIT("http.client."), STR_INIT("multiprocessing.connection.")};

const struct runtime_words words_of_python = {
    .id = "python",
    .runtimes = WORDS(runtimes),
    .framework = WORDS(framework),
    .waits = {[WAIT_IDLE] = WORDS(idle),
              [WAIT_LOCK] = WORDS(locks),
              [WAIT_TASK] = WORDS(tasks),
              [WAIT_EVENT] = WORDS(events),
              [WAIT_IO] = WORDS(io)},
    .advice = {[ADVICE_STACK] = "Look at its stack again: `py-spy dump`, thread %s."},
};
