/*
 * Names of methods, as SOS and ClrMD print them:
 * "Ns.Type`1[[System.__Canon, System.Private.CoreLib]].Method(System.Object, Int32 ByRef)".
 */
#ifndef DUMPDIFF_DOTNET_METHOD_H
#define DUMPDIFF_DOTNET_METHOD_H

#include "dotnet/type_names.h"

/*
 * Appends the name of a MethodDesc, with its parameters. Without metadata: "module!0x06000012".
 */
void method_name(struct modules *m, uint64_t method_desc, struct strbuf *out);

/* Appends "Ns.Type.Method" without parameters and arguments; nothing where it is not known. */
void method_short_name(struct modules *m, uint64_t method_desc, struct strbuf *out);

#endif
