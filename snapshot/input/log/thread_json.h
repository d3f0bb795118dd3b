/*
 * The JSON of jcmd Thread.dump_to_file -format=json, which is printed a key a line, put as the same
 * command prints it as text:
 *
 *     "tid": "35",                          #35 "crane-a" virtual BLOCKED
 *     "name": "crane-a",                        at quay.Crane.lift(Crane.java:12)
 *     "virtual": true,                          - waiting to lock <java.lang.Object@1b28cdfa>
 *     "state": "BLOCKED",
 *     "blockedOn": "java.lang.Object@1b28cdfa",
 *     "stack": [
 *        "quay.Crane.lift(Crane.java:12)"
 *     ],
 *
 * Source: jdk.internal.vm.ThreadDumper of OpenJDK 21 and 25.
 */
#ifndef DUMPDIFF_INPUT_LOG_THREAD_JSON_H
#define DUMPDIFF_INPUT_LOG_THREAD_JSON_H

#include "base/str.h"

bool thread_json_probe(struct str text);

/* Appends the text; at most twice as long. Lack of memory sticks in out. */
void thread_json_add(struct strbuf *out, struct str text);

#endif
