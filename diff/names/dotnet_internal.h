/* What the files about .NET share; nothing else includes it. */
#ifndef DUMPDIFF_NAMES_DOTNET_INTERNAL_H
#define DUMPDIFF_NAMES_DOTNET_INTERNAL_H

#include "diff/names/runtimes.h"

/* See struct runtime_words. */
bool dotnet_normal_name(struct str name, struct strbuf *out);
bool dotnet_pretty_type(const char *type, bool is_machine, struct strbuf *out);
bool dotnet_pretty_field(const char *field, struct strbuf *out);
bool dotnet_pretty_method(const char *method, struct strbuf *out);
struct str dotnet_state_machine(const char *type, bool boxed_only);

extern const struct hint dotnet_hints[];

#endif
