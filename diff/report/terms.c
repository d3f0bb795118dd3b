#include "diff/report/terms.h"

#include <stddef.h>

#define CAUSE    "cause"
#define VERDICT  "verdict"
#define STATE    "state of a thread"
#define EVIDENCE "evidence"
#define TRUST    "trust"
#define STATUS   "status"

const struct term terms[] = {
    /* -- Causes -------------------------------------------------------------------------------- */
    {CAUSE, "deadlock", "threads, or what they wait for, wait for one another in a circle",
     "Who waits for whom was followed over locks, tasks, events, semaphores and the ends of\n"
     "threads, and came back to where it began. None of them can go on by itself.\n"
     "\n"
     "  Threads 4 and 7 wait for one another: 4 holds an Account and waits for a Ledger, 7 holds\n"
     "  the Ledger and waits for the Account. [deadlock]\n"
     "\n"
     "What to do: take locks in one order everywhere, or make one lock of them.\n"},
    {CAUSE, "finalizer", "objects wait for a finalizer thread that does not come to them",
     "What has a finalizer is freed after it ran only. The thread that runs them is one for the\n"
     "whole process: where it waits or computes, all of them pile up behind it, and what they\n"
     "hold with them.\n"
     "\n"
     "  3,999 objects wait for finalization, 7,999 now; the finalizer thread has not moved: it\n"
     "  waits in NativeThumbnail.Finalize. [finalizer]\n"
     "\n"
     "What to do: no finalizer may wait. Dispose of objects, so that they have none to run.\n"},
    {CAUSE, "blocked", "threads wait for one that sleeps, computes or waits for the outside",
     "A chain of waits that ends, in a thread that holds what the others want, or in something\n"
     "that nobody opens: an event that is not set, a task that nobody completes, a full queue.\n"
     "\n"
     "  Thread 6 holds a lock on OrderExporter that 3 threads wait for; it sleeps in WaitForAck\n"
     "  and has not run. [blocked]\n"
     "\n"
     "What to do: look at the end of the chain, not at who waits.\n"},
    {CAUSE, "starvation", "workers of the thread pool all wait for work that needs a worker",
     "Work is queued, and every worker blocks on a task (Result, Wait, GetResult) that needs one\n"
     "of them. The pool adds threads, a few a second, too slowly.\n"
     "\n"
     "  48 workers wait for tasks, 3,100 work items are queued. [starvation]\n"
     "\n"
     "What to do: await what is waited for, all the way up.\n"},
    {CAUSE, "runaway", "a thread uses a whole core",
     "Its CPU time grew by nearly the time between the dumps. With the same frames on its stack\n"
     "in each, it is a loop around them.\n"
     "\n"
     "  Thread 5 used 1,795 s of CPU in 1,800 s; it is in PriceFeed.NextTick. [runaway]\n"
     "\n"
     "What to do: look for a loop around that call that never ends or never waits. An hour of\n"
     "true work looks the same.\n"},
    {CAUSE, "leak", "something keeps more and more, at every step",
     "Three dumps or more, and what one place holds grew in each, by more than the floor. The\n"
     "place is the deepest holder that did not become more itself: one list, one cache, one\n"
     "event. Below it stands what it gathers.\n"
     "\n"
     "  static ReportArchive.Scopes -> List keeps 63 MiB more. [leak]\n"
     "\n"
     "What to do: take out of it what is done with, or bound it. A load that grows looks the\n"
     "same: take the dumps under a steady one.\n"},
    {CAUSE, "growth", "something keeps more than before",
     "As a leak, but of two dumps, or of more in which it did not grow each time. It takes a\n"
     "third dump to tell a leak from a cache that fills.\n"
     "\n"
     "  Product went from 41,780 to 83,567 objects (+3.8 MiB). [growth]\n"
     "\n"
     "What to do: take one more dump, after as long again.\n"},
    {CAUSE, "filling", "something grows by less each time, like a cache that fills",
     "Each step is smaller than the one before, the last at most half the first.\n"
     "\n"
     "  static Prices.cache keeps 8, then 3, then 1 MiB more. [filling]\n"
     "\n"
     "What to do: nothing, if its bound is what you meant.\n"},
    {CAUSE, "step", "something grew once and stayed so",
     "One jump, then flat: what is loaded once, the size that a table doubled to.\n"
     "\n"
     "  static Rules.All keeps 5.2 MiB more since the second dump. [step]\n"
     "\n"
     "What to do: nothing, unless there is a step for each release, tenant or day.\n"},
    {CAUSE, "native", "memory outside the managed heap grows",
     "The process grew by more than its managed heap did: native heaps, mappings, stacks. Where\n"
     "allocation stacks are at hand, the growing ones are named.\n"
     "\n"
     "  Private memory outside of the GC heap grew by 2.2 GiB. [native]\n"
     "\n"
     "What to do: record who allocates (heaptrack, jemalloc's profile, UMDH), and diff these.\n"},
    {CAUSE, "handles", "handles of the GC or of the system become more",
     "Each keeps something: a strong or pinned handle an object, one of the system a file, a\n"
     "socket, an event.\n"
     "\n"
     "  Pinned handles: 120 -> 9,120, most of Byte[]. [handles]\n"
     "\n"
     "What to do: free or dispose of them where they are made.\n"},
    {CAUSE, "threads", "threads become more",
     "They are begun and do not end; what begins them is named where one place keeps them all.\n"
     "\n"
     "  Threads: 31 -> 431, 400 of which wait in FileWatcher.Loop. [threads]\n"
     "\n"
     "What to do: end them, or use the pool.\n"},
    {CAUSE, "loader", "modules, load contexts or memory of the loader become more",
     "Code is made or loaded again and again: serializers, compiled expressions, plug-ins whose\n"
     "load context something keeps.\n"
     "\n"
     "  Load contexts that are to be unloaded: 2 -> 40; a static event keeps them. [loader]\n"
     "\n"
     "What to do: make the code once and keep it, or let go of what keeps the context.\n"},
    {CAUSE, "exceptions", "exceptions are thrown, or kept, in numbers",
     "Exception objects on the heap, by type and by where they were thrown, or counted by the\n"
     "runtime, become more.\n"
     "\n"
     "  TimeoutException from Db.Query: 12 -> 5,012 objects. [exceptions]\n"
     "\n"
     "What to do: look at where they are thrown; what fails again and again is often why the\n"
     "rest waits.\n"},
    {CAUSE, "fragmentation", "free space between objects grows",
     "The heap grew and its objects did not: pinned objects, or survivors far apart, keep holes\n"
     "between them.\n"
     "\n"
     "  Free space in gen2: 12 -> 410 MiB, 71 % of it. [fragmentation]\n"
     "\n"
     "What to do: pin less, and for shorter; pool large buffers.\n"},
    {CAUSE, "memory", "the collector, or the address space, has more or less than it should",
     "Memory that the GC keeps without objects in it, or an address space that runs out of large\n"
     "free blocks.\n"
     "\n"
     "  The largest free block is 18 MiB, 96 MiB before. [memory]\n"
     "\n"
     "What to do: `dumpdiff explain` of the rule in the evidence says it.\n"},
    /* -- Verdicts ------------------------------------------------------------------------------ */
    {VERDICT, "leak", "grew at every step, each time by more than the floor",
     "Said of three snapshots or more, and only of what a rule judges by the same floors.\n"
     "\n"
     "  1,000 -> 2,000 -> 3,000 -> 4,000 objects\n"},
    {VERDICT, "growing", "more than before",
     "Said where two snapshots are too few for a verdict, and of what no rule judges (garbage,\n"
     "committed memory).\n"
     "\n"
     "  1,000 -> 2,000 objects\n"},
    {VERDICT, "shrinking", "less than before",
     "Said of two snapshots.\n\n  2,000 -> 900 objects\n"},
    {VERDICT, "saturating", "each step smaller, the last at most half the first: a filling cache",
     "Caches look like this on their way to their bound.\n"
     "\n"
     "  1,000 -> 5,000 -> 7,000 -> 7,500 objects\n"},
    {VERDICT, "step", "one jump, then flat",
     "What is loaded once, or a table that doubled.\n\n  1,000 -> 1,000 -> 6,000 -> 6,010 "
     "objects\n"},
    {VERDICT, "stable", "did not change, or goes up and down",
     "What is gathered and let go of again is stable, wherever the last dump fell.\n"
     "\n"
     "  1,000 -> 4,000 -> 900 -> 3,800 objects\n"},
    {VERDICT, "small", "grew by its own measure, but by less than the floor",
     "Twice as many of next to nothing. `dumpdiff list limits` has the floors (0.5 % of what\n"
     "lives, unless set).\n"
     "\n"
     "  3 -> 6 -> 9 objects of 32 bytes, in a heap of 400 MiB\n"},
    {VERDICT, "inconclusive", "no verdict: the values do not allow one",
     "A snapshot lacks the figure, or it rose and fell in a way that is none of the others.\n"
     "\n"
     "  1,000 -> not recorded -> 3,000 objects\n"},
    {VERDICT, "none", "not judged",
     "One snapshot only, or the row `Free`, which is never a leak.\n"},
    /* -- Threads ------------------------------------------------------------------------------- */
    {STATE, "running", "ran between the dumps",
     "Its CPU time or its switches grew, or its registers and stack changed.\n"},
    {STATE, "runaway", "used most of a core between the dumps",
     "Its CPU time grew by nearly the time between them, see the cause of this name.\n"},
    {STATE, "unchanged", "did not run between the dumps",
     "By its evidence: the CPU time is the same, nothing was switched, or registers and stack are\n"
     "(which then means no sign of having run). Waiting is no fault: idle workers and helpers of\n"
     "the runtime are unchanged all their life.\n"},
    {STATE, "not_recorded", "nothing in the dumps tells whether it ran",
     "No CPU times (all zero means that, too), no switches, no stack to compare. Give the times\n"
     "beside the dump: `--threads FILE`, or a live process.\n"},
    {STATE, "new", "the first dump does not have it",
     "Threads are the same by the number that the system gives them, and their start or name.\n"},
    {STATE, "gone", "the last dump does not have it",
     "It ended; where a list of threads may go on, this is not said (not_listed).\n"},
    {STATE, "not_listed", "one of the two lists of threads may go on without it",
     "A pasted stack dump whose end nothing marks, or that lacks rows: whether the thread is new,\n"
     "or gone, cannot be told.\n"},
    {EVIDENCE, "cpu", "by its CPU time", "User and kernel time at both dumps.\n"},
    {EVIDENCE, "switches", "by how often the system switched to it",
     "Context switches at both dumps: a thread that ran was switched to.\n"},
    {EVIDENCE, "memory", "by its registers and the bytes of its stack",
     "A thread that ran and came back to the very same place with the very same stack would be\n"
     "taken for one that did not.\n"},
    {EVIDENCE, "none", "there is none", "See not_recorded.\n"},
    /* -- Dumps and rules ----------------------------------------------------------------------- */
    {TRUST, "exact", "everything that the source holds was read, and adds up",
     "Sums that the source prints agree with its rows, walks ended where they must.\n"},
    {TRUST, "partial", "something was skipped, cut or sampled",
     "The report says what, with a count. What is missing is a bound, never zero: nothing is\n"
     "called gone or new because it was cut.\n"},
    {TRUST, "unusable", "no part of it says anything",
     "Exit status 3: nothing can be compared with it.\n"},
    {STATUS, "hit", "the rule found something",
     "A finding, with its severity: CRITICAL, WARNING, NOTICE, INFO.\n"},
    {STATUS, "clear", "the rule had what it needs, and found nothing",
     "Said only where nothing that it looks at is missing.\n"},
    {STATUS, "skipped", "the rule could not be applied",
     "A part that it needs is absent, or too few snapshots were given; the reason stands beside\n"
     "it (`--all`).\n"},
    {NULL, NULL, NULL, NULL},
};
