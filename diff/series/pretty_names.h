/*
 * Names that compilers make, as people would say them. For printing only: keys and machine formats
 * keep the names as they are.
 *
 * Source: GeneratedNames.cs of Roslyn; ">" closes the name of what it was made for, a character
 * says the kind, "__" and a number follow.
 */
#ifndef DUMPDIFF_SERIES_PRETTY_NAMES_H
#define DUMPDIFF_SERIES_PRETTY_NAMES_H

#include "base/str.h"

/*
 * Appends the name of a type, in which
 *   Box<T, Shop+<Buy>d__3>     is  Box<T, async Shop.Buy>
 *   Shop+<Items>d__4           is  async or iterator Shop.Items: the name alone does not tell
 *   Shop+<>c__DisplayClass5_0  is  Shop closure
 *   Shop+<>c                   is  Shop lambdas
 *   <>f__AnonymousType0<T>     is  anonymous type<T>
 * state_machine: the object is known to be the state machine of an async method.
 */
void pretty_type(const char *type, bool state_machine, struct strbuf *out);

/*
 * Appends the name of a field or of a static root ("static Shop.Program.<Cache>k__BackingField"),
 * in which <Cache>k__BackingField is Cache, <>4__this is this, <order>5__2 is order.
 */
void pretty_field(const char *field, struct strbuf *out);

#endif
