/*
 * Names of types, methods and fields, whatever runtime they are of: whose they are, what a compiler
 * made of them, and how people would say them. What the words mean is in the tables of runtimes.h.
 */
#ifndef DUMPDIFF_NAMES_NAMES_H
#define DUMPDIFF_NAMES_NAMES_H

#include "base/str.h"

/*
 * A type, or a method with its type, of the framework or runtime (arrays and strings of primitives
 * among them), so seldom what a person can act on. Of the empty name, too.
 */
bool name_is_framework(const char *name);

/* An array, which is the inside of whatever it is in: "Order[]", and what a runtime calls one. */
bool name_is_array(const char *type);

/* Any type that is the inside of a container: an array, or a part of one of the framework's. */
bool name_is_inside(const char *type);

/* Where the arguments of a method begin: "sync.(*Mutex).Lock(0x1)" has its type in brackets. The
 * length of the name when it has none. */
size_t name_arguments(struct str name);

/* A generic type that is known without its arguments: lists, dictionaries. */
bool name_is_known_bare(const char *type);

/*
 * Compiler-made parts of a type or method name without their ordinals ("<>c__DisplayClass12_0" ->
 * "<>c__DisplayClass"), so that releases can be compared. Appends to out.
 */
void name_normal(struct str name, struct strbuf *out);

/* May name_normal() change it? */
bool name_may_be_made(const char *name);

/*
 * The state machine of an async method in the box in which it waits ("Shop.Worker+<RunAsync>d__3"),
 * of the machine itself all of it; empty: neither. Borrows the name.
 */
struct str name_machine(const char *type);
/* The same, but empty of the machine itself. */
struct str name_boxed_machine(const char *type);
/* Is an edge the field of a box in which the state machine lies? NULL: no. */
bool name_edge_is_machine(const char *edge);

/*
 * Names that compilers make, as people would say them. For printing only: keys and machine formats
 * keep the names as they are. Appends the name of a type, in which Box<T, Shop+<Buy>d__3>     is
 * Box<T, async Shop.Buy> Shop+<Items>d__4           is  async or iterator Shop.Items: the name
 * alone does not tell Shop+<>c__DisplayClass5_0  is  Shop closure Shop+<>c                   is
 * Shop lambdas
 *   <>f__AnonymousType0<T>     is  anonymous type<T>
 * state_machine: the object is known to be the state machine of an async method.
 */
void pretty_type(const char *type, bool state_machine, struct strbuf *out);

/* Is an edge that by which a class holds what has loaded it? NULL: no. */
bool name_edge_is_loader(const char *edge);
/* Is it what keeps objects that have a finalizer, one after the other? */
bool name_is_finalizer_chain(const char *type);

/* Is the root of a path a static field, or one of a thread? */
bool name_root_is_field(const char *root);

/*
 * Appends the name of a method with its type, without namespaces where it is of the framework:
 * "Shop+<>c.<Run>b__0_1" is "Shop.Run lambda", "Shop.<Run>g__Check|3_0" is "Shop.Run.Check".
 */
void pretty_method(const char *method, struct strbuf *out);

/*
 * Appends the name of a field or of a static root ("static Shop.Program.<Cache>k__BackingField"),
 * in which <Cache>k__BackingField is Cache, <>4__this is this, <order>5__2 is order.
 */
void pretty_field(const char *field, struct strbuf *out);

#endif
