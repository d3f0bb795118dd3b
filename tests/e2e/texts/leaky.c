/* Leaks 12 nodes in a chain and one block of 1000 bytes, keeps 100 bytes, and tells glibc to say how it stands. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

struct node {
    struct node *next;
    char goods[40];
};

static void *kept;

static struct node *chain(int length) {
    struct node *first = NULL;
    for (int i = 0; i < length; i++) {
        struct node *node = malloc(sizeof(*node));
        node->next = first;
        first = node;
    }
    return first;
}

int main(int argc, char **argv) {
    struct node *volatile lost = chain(12);
    void *volatile block = malloc(1000);
    (void)argv;
    lost = NULL;
    block = NULL;
    kept = malloc(100);
    if (argc > 1) {
        malloc_info(0, stdout);
        fflush(stdout);
        malloc_stats();
    }
    return 0;
}
