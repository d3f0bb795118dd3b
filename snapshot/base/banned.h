/*
 * Functions that this project does not use, because their bounds are not in the call or their
 * errors cannot be seen. The Makefile includes this file first everywhere.
 *
 * The headers that declare them come before the poison, since they would not compile after it.
 */
#ifndef DUMPDIFF_BASE_BANNED_H
#define DUMPDIFF_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wchar.h>

#undef alloca
#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol atoll atof gets alloca

#endif
