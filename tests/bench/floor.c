/*
 * The least that a camera's server can cost: accepts viewers, and sends each of them the same bytes as a part of a
 * stream, 30 times a second, with one send. It reads nothing but a request's first bytes, and checks nothing.
 *
 *     floor BYTES [ADDRESS]        prints its port (of 127.0.0.1, or this address); ends with its standard input
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { VIEWERS_MAX = 1024 };
static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n";

int
main(int argc, char **argv)
{
    size_t body = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    char *part = calloc(1, body + 256);
    int one = 1, viewers[VIEWERS_MAX], count = 0, listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t length = sizeof address;
    if (!part || listener < 0 || inet_pton(AF_INET, argc > 2 ? argv[2] : "127.0.0.1", &address.sin_addr) != 1
        || bind(listener, (struct sockaddr *)&address, length) != 0
        || listen(listener, VIEWERS_MAX) != 0 || getsockname(listener, (struct sockaddr *)&address, &length) != 0)
        return 1;
    fcntl(listener, F_SETFL, O_NONBLOCK);
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    int text = sprintf(part, "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %zu\r\n\r\n", body);
    size_t bytes = (size_t)text + body + (size_t)sprintf(part + text + body, "\r\n");
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (;;) {
        struct pollfd input = { .fd = 0, .events = POLLIN };
        if (poll(&input, 1, 0) > 0)
            return 0;
        for (int viewer; count < VIEWERS_MAX && (viewer = accept(listener, NULL, NULL)) >= 0;) {
            send(viewer, head, sizeof head - 1, MSG_NOSIGNAL);
            viewers[count++] = viewer;
        }
        for (int i = 0; i < count; i++) {
            if (send(viewers[i], part, bytes, MSG_NOSIGNAL) < 0) {
                close(viewers[i]);
                viewers[i--] = viewers[--count];
            }
        }
        next.tv_nsec += 1000000000 / 30;
        next.tv_sec += next.tv_nsec / 1000000000;
        next.tv_nsec %= 1000000000;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
}
