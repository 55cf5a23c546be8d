/*
 * A path between two machines, as long and as narrow as is asked for, within one machine: two network namespaces with a
 * TUN device each, and this program that carries packets from one to the other. It delays each; with a rate packets
 * also wait for each other, in a queue of so many bytes, as in front of a slow link, and what finds no room is lost.
 * Nothing outside of the namespaces changes, and they are gone with the program and what runs in them.
 *
 *     wire DELAY_US [BYTES_A_SECOND QUEUE_BYTES]
 *
 * It prints, a line for each end, its address and the options with which nsenter gets there; ends with its standard
 * input. It takes /dev/net/tun, and the right to make network namespaces, or else user namespaces.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MTU = 1500, PACKETS_MAX = 16384, DEVICE_QUEUE_PACKETS = 10000 };
static const int64_t SECOND = 1000000000;
static const char *const addresses[2] = { "10.0.0.1", "10.0.0.2" };

struct packet {
    int64_t leaves_at; /* when it is at the other end, ns */
    ssize_t length;
    unsigned char bytes[MTU];
};

/* One way: a ring of the packets that are on it, from `first` on. */
struct way {
    int from, to;
    int64_t link_free_at;
    unsigned first, count;
    struct packet *packets;
};

static int64_t delay, rate, queue_bytes;

/* Ends the program, with one line on what was not possible. */
static void
must(int is_so, const char *what)
{
    if (is_so)
        return;
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t
now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}

static int
tell(const char *path, const char *text)
{
    int file = open(path, O_WRONLY);
    int is_told = file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text);
    if (file >= 0)
        close(file);
    return is_told;
}

/* In a user namespace of one's own everybody is root, of what was made there. */
static void
become_root(void)
{
    char users[64], groups[64];
    snprintf(users, sizeof users, "0 %u 1", (unsigned)geteuid());
    snprintf(groups, sizeof groups, "0 %u 1", (unsigned)getegid());
    must(unshare(CLONE_NEWUSER) == 0, "no user namespace");
    must(tell("/proc/self/setgroups", "deny") && tell("/proc/self/uid_map", users)
             && tell("/proc/self/gid_map", groups),
         "no root in a user namespace");
}

static void
set_up(const char *name, const char *address)
{
    struct ifreq request = { 0 };
    int socket_of_it = socket(AF_INET, SOCK_DGRAM, 0);
    must(socket_of_it >= 0, "no socket in a network namespace");
    strcpy(request.ifr_name, name);
    if (address) {
        struct sockaddr_in *value = (struct sockaddr_in *)&request.ifr_addr;
        value->sin_family = AF_INET;
        inet_pton(AF_INET, address, &value->sin_addr);
        must(ioctl(socket_of_it, SIOCSIFADDR, &request) == 0, "no address for a TUN device");
        inet_pton(AF_INET, "255.255.255.0", &value->sin_addr);
        must(ioctl(socket_of_it, SIOCSIFNETMASK, &request) == 0, "no netmask for a TUN device");
    }
    request.ifr_flags = IFF_UP;
    must(ioctl(socket_of_it, SIOCSIFFLAGS, &request) == 0, "a network device does not start");
    close(socket_of_it);
}

/*
 * Gives a device a queue in which nothing is lost where this program is late on a busy machine. The ioctl for it is
 * the machine's root's alone.
 */
static void
lengthen_queue(const char *name)
{
    struct {
        struct nlmsghdr head;
        struct ifinfomsg device;
        struct rtattr attribute;
        uint32_t packets;
    } request = {
        .head = { .nlmsg_len = sizeof request, .nlmsg_type = RTM_SETLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
        .device = { .ifi_family = AF_UNSPEC, .ifi_index = (int)if_nametoindex(name) },
        .attribute = { .rta_len = RTA_LENGTH(sizeof(uint32_t)), .rta_type = IFLA_TXQLEN },
        .packets = DEVICE_QUEUE_PACKETS,
    };
    struct {
        struct nlmsghdr head;
        struct nlmsgerr error;
        char rest[512];
    } answer = { 0 };
    int kernel = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    must(kernel >= 0 && send(kernel, &request, sizeof request, 0) == sizeof request
             && recv(kernel, &answer, sizeof answer, 0) > 0,
         "no netlink");
    errno = -answer.error.error;
    must(errno == 0, "no queue for a TUN device");
    close(kernel);
}

/* Makes a network namespace, which this process is in from now on, with one end of the path. @returns its TUN device */
static int
make_end(const char *address)
{
    struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
    must(unshare(CLONE_NEWNET) == 0, "no network namespace");
    int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    must(device >= 0, "no /dev/net/tun");
    strcpy(request.ifr_name, "path");
    must(ioctl(device, TUNSETIFF, &request) == 0, "no TUN device");
    set_up("lo", NULL);
    set_up("path", address);
    lengthen_queue("path");
    return device;
}

static void
take(struct way *way)
{
    while (way->count < PACKETS_MAX) {
        struct packet *packet = &way->packets[(way->first + way->count) % PACKETS_MAX];
        packet->length = read(way->from, packet->bytes, MTU);
        if (packet->length <= 0)
            return;
        int64_t at = now();
        if (rate) {
            int64_t wait = way->link_free_at > at ? way->link_free_at - at : 0;
            if (wait * rate / SECOND + packet->length > queue_bytes)
                continue;
            at += wait + packet->length * SECOND / rate;
            way->link_free_at = at;
        }
        packet->leaves_at = at + delay;
        way->count++;
    }
}

static void
give(struct way *way)
{
    while (way->count > 0 && way->packets[way->first].leaves_at <= now()) {
        struct packet *packet = &way->packets[way->first];
        if (write(way->to, packet->bytes, packet->length) < 0 && errno == EAGAIN)
            return;
        way->first = (way->first + 1) % PACKETS_MAX;
        way->count--;
    }
}

int
main(int argc, char **argv)
{
    int devices[2], places[2], is_user = 0;
    struct way ways[2] = { 0 };
    if (argc != 2 && argc != 4) {
        fprintf(stderr, "wire DELAY_US [BYTES_A_SECOND QUEUE_BYTES]\n");
        return 2;
    }
    delay = strtoll(argv[1], NULL, 10) * 1000;
    rate = argc == 4 ? strtoll(argv[2], NULL, 10) : 0;
    queue_bytes = argc == 4 ? strtoll(argv[3], NULL, 10) : 0;
    if (unshare(CLONE_NEWNET) != 0 && errno == EPERM) {
        become_root();
        is_user = 1;
    }
    for (int end = 0; end < 2; end++) {
        devices[end] = make_end(addresses[end]);
        places[end] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        must(places[end] >= 0, "no /proc/self/ns/net");
    }
    for (int end = 0; end < 2; end++) {
        ways[end].from = devices[end];
        ways[end].to = devices[!end];
        ways[end].packets = calloc(PACKETS_MAX, sizeof *ways[end].packets);
        must(ways[end].packets != NULL, "no memory");
        printf("%s", addresses[end]);
        if (is_user)
            printf(" --preserve-credentials --user=/proc/%d/ns/user", (int)getpid());
        printf(" --net=/proc/%d/fd/%d\n", (int)getpid(), places[end]);
    }
    fflush(stdout);
    prctl(PR_SET_TIMERSLACK, 1);
    for (;;) {
        struct pollfd polled[] = {
            { .fd = 0, .events = POLLIN },
            { .fd = devices[0], .events = POLLIN },
            { .fd = devices[1], .events = POLLIN },
        };
        int64_t next = INT64_MAX, at = now();
        for (int end = 0; end < 2; end++)
            if (ways[end].count > 0 && ways[end].packets[ways[end].first].leaves_at < next)
                next = ways[end].packets[ways[end].first].leaves_at;
        int64_t span = next > at ? next - at : 0;
        struct timespec wait = { .tv_sec = span / SECOND, .tv_nsec = span % SECOND };
        ppoll(polled, 3, next == INT64_MAX ? NULL : &wait, NULL);
        if (polled[0].revents)
            return 0;
        for (int end = 0; end < 2; end++) {
            take(&ways[end]);
            give(&ways[end]);
        }
    }
}
