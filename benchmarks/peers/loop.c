/* Workloads W and S by hand: the node as a recursion, so that a request costs one entry on the
   heap of responses; the next arrival and the queue's first deadline are kept beside it. */

#include <stdint.h>
#include <stdlib.h>

typedef struct { double at; int32_t request, connection; } response;

static void push(response *heap, int64_t *size, response entry)
{
    int64_t hole = (*size)++;
    while (hole > 0) {
        int64_t above = (hole - 1) >> 1;
        if (heap[above].at <= entry.at)
            break;
        heap[hole] = heap[above];
        hole = above;
    }
    heap[hole] = entry;
}

static response pop(response *heap, int64_t *size)
{
    response first = heap[0], last = heap[--*size];
    int64_t hole = 0, child = 1;
    while (child < *size) {
        if (child + 1 < *size && heap[child + 1].at < heap[child].at)
            child++;
        if (last.at <= heap[child].at)
            break;
        heap[hole] = heap[child];
        hole = child;
        child = 2 * hole + 1;
    }
    heap[hole] = last;
    return first;
}

static void send(response *heap, int64_t *size, double *free_at, int64_t workers, double now,
                 double network, double service, int32_t request, int32_t connection)
{
    int64_t earliest = 0;
    for (int64_t k = 1; k < workers; k++)
        if (free_at[k] < free_at[earliest])
            earliest = k;
    double start = now + network;
    if (free_at[earliest] > start)
        start = free_at[earliest];
    free_at[earliest] = start + service;
    push(heap, size, (response){start + service + network, request, connection});
}

/* latency_s of a request that was not served is -1 (rejected) or -2 (timed out). */
int64_t simulate(int64_t count, const double *gap_s, const double *service_s, double *latency_s,
                 int64_t connections, int64_t streams, int64_t max_queue, double timeout_s,
                 int64_t workers, double network_s)
{
    response *heap = malloc(sizeof(response) * (connections * streams + 1));
    double *free_at = calloc(workers, sizeof(double));
    int64_t *in_flight = calloc(connections, sizeof(int64_t));
    double *arrived_s = malloc(sizeof(double) * count);
    int32_t *queue = malloc(sizeof(int32_t) * count);
    if (!heap || !free_at || !in_flight || !arrived_s || !queue)
        return -1;
    int64_t size = 0, head = 0, tail = 0, next = 0;
    double arrival = count ? gap_s[0] : 0;
    while (next < count || size > 0 || head < tail) {
        int arrives = next < count;
        double soonest = arrives ? arrival : 1e300;
        int expires = head < tail && arrived_s[queue[head]] + timeout_s <= soonest;
        if (expires)
            soonest = arrived_s[queue[head]] + timeout_s;
        if (size > 0 && heap[0].at < soonest) {
            response done = pop(heap, &size);
            latency_s[done.request] = done.at - arrived_s[done.request];
            if (head < tail) {
                int32_t waiter = queue[head++];
                send(heap, &size, free_at, workers, done.at, network_s, service_s[waiter], waiter,
                     done.connection);
            } else {
                in_flight[done.connection]--;
            }
        } else if (expires) {
            latency_s[queue[head++]] = -2;
        } else {
            int32_t request = (int32_t)next++;
            arrived_s[request] = soonest;
            arrival = next < count ? soonest + gap_s[next] : 0;
            int64_t least = 0;
            for (int64_t c = 1; c < connections; c++)
                if (in_flight[c] < in_flight[least])
                    least = c;
            if (in_flight[least] < streams) {
                in_flight[least]++;
                send(heap, &size, free_at, workers, soonest, network_s, service_s[request],
                     request, (int32_t)least);
            } else if (tail - head >= max_queue) {
                latency_s[request] = -1;
            } else {
                queue[tail++] = request;
            }
        }
    }
    free(heap), free(free_at), free(in_flight), free(arrived_s), free(queue);
    return 0;
}
