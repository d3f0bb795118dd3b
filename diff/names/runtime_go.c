/* Go. What is not said here is as the first of the table has it. */
#include "diff/names/runtimes.h"

static const struct str runtimes[] = {STR_INIT("Go")};

/* Packages of the library; short names only with what nothing but Go has behind them. */
static const struct str framework[] = {
    STR_INIT("runtime."),
    STR_INIT("runtime/"),
    STR_INIT("internal/"),
    STR_INIT("sync.runtime_"),
    STR_INIT("sync.(*"),
    STR_INIT("sync/atomic."),
    STR_INIT("syscall."),
    STR_INIT("net/http."),
    STR_INIT("net/http/"),
    STR_INIT("net/textproto."),
    STR_INIT("net/rpc."),
    STR_INIT("net.(*"),
    STR_INIT("net.Dial"),
    STR_INIT("net.Listen"),
    STR_INIT("io.(*"),
    STR_INIT("io.Read"),
    STR_INIT("io.Copy"),
    STR_INIT("io.copyBuffer"),
    STR_INIT("bufio.(*"),
    STR_INIT("os.(*"),
    STR_INIT("os/exec."),
    STR_INIT("os/signal."),
    STR_INIT("time.Sleep"),
    STR_INIT("time.(*"),
    STR_INIT("context.(*"),
    STR_INIT("database/sql."),
    STR_INIT("crypto/"),
    STR_INIT("encoding/"),
    STR_INIT("compress/"),
    STR_INIT("reflect.Value."),
    STR_INIT("golang.org/x/net/"),
    STR_INIT("golang.org/x/sync/"),
};

/* These come back only when there is work. */
static const struct str idle[] = {
    STR_INIT("internal/poll.(*FD).Accept"), STR_INIT("net.(*TCPListener).Accept"),
    STR_INIT("os/signal.signal_recv"),      STR_INIT("net/http.(*connReader).backgroundRead"),
    STR_INIT("net/http.(*persistConn)."),   STR_INIT("database/sql.(*DB).connectionOpener"),
};

static const struct str locks[] = {
    STR_INIT("sync.(*Mutex).Lock"),
    STR_INIT("sync.(*Mutex).lockSlow"),
    STR_INIT("sync.(*RWMutex).RLock"),
    STR_INIT("sync.(*RWMutex).Lock"),
};

static const struct str tasks[] = {STR_INIT("sync.(*WaitGroup).Wait"),
                                   STR_INIT("errgroup.(*Group).Wait")};

static const struct str events[] = {STR_INIT("sync.(*Cond).Wait"), STR_INIT("os.(*Process).Wait"),
                                    STR_INIT("os/exec.(*Cmd).Wait")};

static const struct str sleeps[] = {STR_INIT("time.Sleep")};

static const struct str io[] = {STR_INIT("internal/poll.(*FD)."), STR_INIT("net.(*netFD)."),
                                STR_INIT("syscall.Read"), STR_INIT("syscall.Write")};

/* Waits for all that it started. */
static const struct str mains[] = {STR_INIT("main.main")};

const struct runtime_words words_of_go = {
    .id = "go",
    .runtimes = WORDS(runtimes),
    .framework = WORDS(framework),
    .waits = {[WAIT_IDLE] = WORDS(idle),
              [WAIT_LOCK] = WORDS(locks),
              [WAIT_TASK] = WORDS(tasks),
              [WAIT_EVENT] = WORDS(events),
              [WAIT_SLEEP] = WORDS(sleeps),
              [WAIT_IO] = WORDS(io)},
    .waits_for_all = WORDS(mains),
    .advice = {[ADVICE_STACK] =
                   "Look at its stack in a second dump, or in a CPU profile: goroutine "
                   "%s."},
};
