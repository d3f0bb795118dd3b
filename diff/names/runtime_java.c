/* Java on HotSpot. What is not said here is as the first of the table has it. */
#include "diff/names/runtimes.h"

static const struct str runtimes[] = {STR_INIT("HotSpot")};

static const struct str framework[] = {
    STR_INIT("java."),
    STR_INIT("javax."),
    STR_INIT("jdk."),
    STR_INIT("sun."),
    STR_INIT("com.sun."),
    /* Arrays as the virtual machine writes them. */
    STR_INIT("[B"),
    STR_INIT("[C"),
    STR_INIT("[I"),
    STR_INIT("[J"),
    STR_INIT("[S"),
    STR_INIT("[Z"),
    STR_INIT("[F"),
    STR_INIT("[D"),
    STR_INIT("[["),
    STR_INIT("[Ljava."),
    STR_INIT("[Ljdk."),
    STR_INIT("[Lsun."),
    STR_INIT("<constMethodKlass>"),
    STR_INIT("<methodKlass>"),
};

#define WITH_A_HEAP_DUMP \
    "Find what holds them: \"Path to GC Roots\" of a heap dump (`jcmd PID GC.heap_dump FILE`) in " \
    "Eclipse MAT or VisualVM"

const struct runtime_words words_of_java = {
    .id = "java",
    .runtimes = WORDS(runtimes),
    .framework = WORDS(framework),
    .advice = {[ADVICE_HOLDERS] = WITH_A_HEAP_DUMP, [ADVICE_HOLDERS_OF_SOME] = WITH_A_HEAP_DUMP},
};
