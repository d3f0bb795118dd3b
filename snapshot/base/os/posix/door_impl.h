/* What a test asks of the door beside its front. */
#ifndef DUMPDIFF_BASE_OS_POSIX_DOOR_IMPL_H
#define DUMPDIFF_BASE_OS_POSIX_DOOR_IMPL_H

/*
 * What RESOLVE_IN_ROOT does, for kernels before 5.6: step by step, following links by hand.
 * Gives a descriptor with O_PATH, -1 if there is nothing.
 */
int door_walk(int root, const char *path);

#endif
