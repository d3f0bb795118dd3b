/* Two threads that take two mutexes, each the other's first. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static pthread_mutex_t upper = PTHREAD_MUTEX_INITIALIZER, lower = PTHREAD_MUTEX_INITIALIZER;

static void take(pthread_mutex_t *first, pthread_mutex_t *second) {
    pthread_mutex_lock(first);
    usleep(300000);
    pthread_mutex_lock(second);
}

static void *climb(void *nothing) {
    take(&lower, &upper);
    return nothing;
}

static void *descend(void *nothing) {
    take(&upper, &lower);
    return nothing;
}

int main(void) {
    pthread_t threads[2];
    pthread_create(&threads[0], NULL, climb, NULL);
    pthread_create(&threads[1], NULL, descend, NULL);
    usleep(900000);
    puts("ready");
    fflush(stdout);
    pthread_join(threads[0], NULL);
    return 0;
}
