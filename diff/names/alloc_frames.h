/*
 * The text of one frame of an allocation stack, as builder_frame() writes it: "module!function",
 * "function", "module+0x1f40" or "0x7f31a2b4c5d6".
 */
#ifndef DUMPDIFF_NAMES_ALLOC_FRAMES_H
#define DUMPDIFF_NAMES_ALLOC_FRAMES_H

#include "base/str.h"

struct alloc_frame {
    struct str module;   /* empty: not known */
    struct str function; /* empty: no symbol */
};

/* Borrows the text. "operator!=" and "a<!b>::c" hold no module. */
struct alloc_frame alloc_frame_of(const char *text);

/*
 * A function that only allocates: malloc, operator new, HeapAlloc, and what stands between them;
 * code without symbol of the C library or an allocator's. Who called it is what matters.
 */
bool alloc_frame_is_allocator(const char *text);

/*
 * The function without what compilers add when they copy it: "fill.constprop.0", "fill [clone
 * .cold]".
 */
struct str alloc_function_normal(struct str function);

/* The frame without the arguments of its function: "shop!Cart::Add(int)" -> "shop!Cart::Add". */
struct str alloc_frame_short(const char *text);

/* The function without its arguments: "Cart::Add(int) const" -> "Cart::Add". */
struct str alloc_function_bare(struct str function);

#endif
