/* The same minidump read by others, where they are installed. */
#include "tests/support/minidump_peer.h"
#include "tests/support/mk_minidump.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const char mill[] =
    "header time=1700000100 flags=0x1826\n"
    "system arch=9 major=10 build=22631 csd=\"Service Pack 3\"\n"
    "misc pid=4711 create=1700000000 user=22 kernel=3\n"
    "thread id=0x10 teb=0x40000 stack=0x13000 stack_size=0x100 ip=0x140001024 sp=0x13000\n"
    "thread id=0x24 teb=0x42000 stack=0x23000 stack_size=0x40 ip=0x7ff800000010 sp=0x23010\n"
    "thread id=0xfffffff0 teb=0x44000 ip=0x7ff800000020 sp=0x33018\n"
    "module base=0x140000000 size=0x10000 time=0x5f5e1000 name=\"C:\\app\\Mill.exe\" "
    "version=\"4.3.2.1\" pdb=1\n"
    "module base=0x7ff800000000 size=0x2000 time=0x80000001 name=\"C:\\Windows\\ntdll.dll\"\n"
    "module base=0x7ffa00000000 size=0xfffff000 time=7 name=\"C:\\app\\Flour.dll\"\n"
    "region base=0 size=0x10000 state=0x10000 protect=1 type=0 aprotect=0\n"
    "region base=0x10000 size=0x3000 state=0x2000 protect=0\n"
    "region base=0x13000 alloc=0x10000 size=0x1000\n"
    "region base=0x140000000 size=0x1000 protect=2 type=0x1000000 aprotect=0x80\n"
    "region base=0x7fff00000000 size=0x80000000000 state=0x10000 protect=1 type=0\n"
    "memory at=0x13000 size=256 fill=7\n"
    "memory at=0x23000 size=64 fill=8\n"
    "memory64 at=0x140000000 size=4096 fill=9\n"
    "memory64 at=0x7ff800000000 size=64 fill=3\n";

static void agrees_with(const struct minidump_peer *peer) {
    if (!minidump_peer_is_here(peer))
        skip();
    struct bytes dump = mk_minidump(mill);
    minidump_peer_agrees(peer, dump);
    free((void *)(uintptr_t)dump.data);
}

static void minidump_reads_what_obj2yaml_reads(void **state) {
    (void)state;
    agrees_with(&minidump_obj2yaml);
}

static void minidump_reads_what_breakpad_reads(void **state) {
    (void)state;
    agrees_with(&minidump_breakpad);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minidump_reads_what_obj2yaml_reads),
        cmocka_unit_test(minidump_reads_what_breakpad_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
