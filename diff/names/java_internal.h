/* What the files about Java share; nothing else includes it. */
#ifndef DUMPDIFF_NAMES_JAVA_INTERNAL_H
#define DUMPDIFF_NAMES_JAVA_INTERNAL_H

#include "diff/names/runtimes.h"

extern const struct hint java_hints[];

#endif
