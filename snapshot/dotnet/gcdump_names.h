/* Names of types as tools of object graphs write them. */
#ifndef DUMPDIFF_DOTNET_GCDUMP_NAMES_H
#define DUMPDIFF_DOTNET_GCDUMP_NAMES_H

#include "base/str.h"

/*
 * A type without what PerfView and dotnet-gcdump add to the names of large objects and of arrays:
 * "System.Byte[] (Bytes > 100K)", "Entry[] (Bytes > 1K,NoPtrs,ElemSize=24)", "Byte[]
 * (NoPtrs,ElemSize=1)". Any other parenthesis stays.
 */
struct str gcdump_type_name(struct str name);

/* The file name of a path of Windows or Unix. */
struct str gcdump_file_name(struct str path);

#endif
