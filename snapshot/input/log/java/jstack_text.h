/* Lines of a Java thread dump, taken apart. */
#ifndef DUMPDIFF_INPUT_LOG_JSTACK_TEXT_H
#define DUMPDIFF_INPUT_LOG_JSTACK_TEXT_H

#include "model/builder.h"

/* The line that begins a thread. What it does not say is ABSENT or empty. */
struct jstack_thread {
    struct str name;
    uint64_t os_id, java_id;
    uint64_t cpu_ns, elapsed_ns;
    struct str state;  /* of ThreadInfo and Thread.dump_to_file: "BLOCKED" */
    struct str lock;   /* of ThreadInfo: "java.lang.Object@1b2c3d" that it waits for */
    struct str owner;  /* ... and who holds it */
    uint64_t owner_id; /* ... his Java id */
    bool bare;         /* a name and a colon, as among deadlocks */
    bool listed;       /* its frames stand without "at": Thread.dump_to_file */
};

/*
 * `"name" #12 [345] daemon prio=5 ... tid=0x.. nid=0x.. waiting on condition`, `"name":`,
 * `"name" Id=12 BLOCKED on X@1 owned by "y" Id=3`, `#12 "name" virtual WAITING 2025-..`,
 * `Thread 123: (state = BLOCKED)`. false: none of these.
 */
bool jstack_parse_thread(struct str text, struct jstack_thread *ret_thread);

enum jstack_lock_kind {
    JSTACK_HELD,     /* locked <..> */
    JSTACK_BLOCKED,  /* waiting to lock <..> */
    JSTACK_NOTIFIED, /* waiting to re-lock in wait() <..>: not held while that is so */
    JSTACK_WAITS,    /* waiting on <..>: Object.wait */
    JSTACK_PARKED,   /* parking to wait for <..> */
    JSTACK_NOTHING,  /* a line of this kind that says nothing: eliminated locks */
};

struct jstack_lock {
    enum jstack_lock_kind kind;
    uint64_t address; /* ABSENT: not said */
    struct str type;
    uint64_t owner_id; /* Java id of who holds it, of JDK 25; ABSENT: not said */
};

/* "- locked <0x..> (a T)", "- parking to wait for  <T@1b>, owner #12"; false: none of these. */
bool jstack_parse_lock(struct str text, struct jstack_lock *ret_lock);

/* "java.lang.Object@1b2c3d": type and hash. false: it is none. */
bool jstack_parse_identity(struct str text, struct str *ret_type, uint64_t *ret_hash);

/* "at ns.Type.method(File.java:12)", or " - ns.Type.method(int) @bci=3" of jstack -F. */
bool jstack_is_frame(struct str text, bool listed);

/*
 * A frame without what differs from run to run: "at ", loader and module, addresses of lambdas.
 * The copy is the snapshot's. Errors: ERR_NOMEM; ptr is NULL then.
 */
struct str jstack_frame(struct builder *b, struct str text, struct err *err) MUST_CHECK;

/* A lock of java.util.concurrent that one thread holds, told by the type of its synchronizer. */
bool jstack_is_lock_type(struct str type);

/*
 * What the stack waits for: "LinkedBlockingQueue.take", "Object.wait", "Thread.sleep": the
 * library's outermost method of those that lead to the wait. Empty: it does not wait.
 */
struct str jstack_wait(const struct strings *frames);

/* What the virtual machine's own threads are there for; NULL: none of them. Static. */
const char *jstack_role(struct str name);

#endif
