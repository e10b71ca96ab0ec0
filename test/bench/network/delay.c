/*
 * delay ONE_WAY_MICROSECONDS SESSION_PORT
 *
 * Makes two network namespaces, `server` (descriptor 10) and `client` (descriptor 11), joins them by a TUN device in
 * each, and hands on every IP packet after the delay: handshakes and data connections are as far away as everything
 * else. Nothing is lost or reordered, and bandwidth is what the machine can do. Without a delay there are no devices.
 *
 * As with netem on a pair of virtual devices, TCP's segments pass in large pieces and without checksums, as network
 * cards do it for real hosts: cutting them is not what client and server have processors for. They are counted one by one.
 *
 * "count" on standard input prints what passed since the last time, as one line of JSON. The end of standard input
 * ends the program, and the namespaces with it, once nobody lives in them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { SERVER, CLIENT, SIDES };
enum { FIRST_NAMESPACE = 10, RING = 1 << 14, BATCH = 1 << 10, GATHER_NS = 100000 };
enum { HEADER = sizeof(struct virtio_net_hdr), PIECE = HEADER + 65536, STORE = 1 << 26 };

/* The device's header, then one IP packet, perhaps of many segments. */
struct piece {
  int64_t due;
  uint32_t at;
  int length;
};

/* What comes from one side and waits to go to the other. */
struct way {
  int from;
  int to;
  struct piece *ring;
  uint32_t head;
  uint32_t tail;
  /* Where the bytes of the pieces lie, one behind the other, and begin again at the end. */
  unsigned char *store;
  uint32_t free;
  uint64_t packets;
  uint64_t bytes;
};

static struct way ways[SIDES];
static uint64_t connections, sessions, lost, late_sum, late_max, handed_on;

static void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static int64_t now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static void enter_new_namespace(int keep_as) {
  if (unshare(CLONE_NEWNET) < 0) fail("no network namespace");
  int namespace = open("/proc/self/ns/net", O_RDONLY);
  if (namespace < 0 || dup2(namespace, keep_as) < 0) fail("no network namespace");
  close(namespace);
}

/* A device belongs to the namespace that its descriptor was opened in. */
static int open_tun(void) {
  int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (tun < 0) fail("/dev/net/tun");
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
  strcpy(request.ifr_name, "far");
  if (ioctl(tun, TUNSETIFF, &request) < 0) fail("no TUN device");
  if (ioctl(tun, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) < 0) fail("no TUN device with offloads");
  return tun;
}

/* A SYN without an ACK opens a connection: to the session port a session, else a data connection. */
static void count_connection(const unsigned char *bytes, int length, int session_port) {
  if (length < 40 || bytes[0] >> 4 != 4 || bytes[9] != 6) return;
  int header = (bytes[0] & 15) * 4;
  if (length < header + 20 || (bytes[header + 13] & 0x12) != 0x02) return;
  connections += 1;
  if ((bytes[header + 2] << 8 | bytes[header + 3]) == session_port) sessions += 1;
}

/* Room for the largest piece, or -1. The pieces that wait lie between the oldest one's place and `free`. */
static int64_t room(const struct way *way) {
  if (way->head - way->tail == RING) return -1;
  if (way->head == way->tail) return 0;
  uint32_t oldest = way->ring[way->tail % RING].at;
  if (way->free <= oldest) return way->free + PIECE <= oldest ? (int64_t)way->free : -1;
  if (way->free + PIECE <= STORE) return way->free;
  return PIECE <= oldest ? 0 : -1;
}

static int full(const struct way *way) { return room(way) < 0; }
static int empty(const struct way *way) { return way->head == way->tail; }

static void count(struct way *way, const unsigned char *bytes, int length, int session_port) {
  const struct virtio_net_hdr *header = (const struct virtio_net_hdr *)bytes;
  int segments = 1;
  int headers = 0;
  if (header->gso_type != VIRTIO_NET_HDR_GSO_NONE && header->gso_size > 0) {
    /* The checksum is TCP's, so it begins where TCP does. */
    headers = header->csum_start + (bytes[HEADER + header->csum_start + 12] >> 4) * 4;
    segments = (length - HEADER - headers + header->gso_size - 1) / header->gso_size;
  }
  way->packets += segments;
  way->bytes += length - HEADER + (segments - 1) * headers;
  if (session_port > 0) count_connection(bytes + HEADER, length - HEADER, session_port);
}

static void take(struct way *way, int64_t delay, int session_port) {
  for (int taken = 0; taken < BATCH; taken += 1) {
    int64_t at = room(way);
    if (at < 0) return;
    int length = read(way->from, way->store + at, PIECE);
    if (length <= HEADER) return;
    way->ring[way->head % RING] = (struct piece){.due = now() + delay, .at = at, .length = length};
    way->head += 1;
    /* The device's header is read where it lies. */
    way->free = (at + length + 7) & ~7u;
    count(way, way->store + at, length, session_port);
  }
}

static void hand_on(struct way *way) {
  for (int64_t at = now(); !empty(way); way->tail += 1, at = now()) {
    const struct piece *piece = &way->ring[way->tail % RING];
    if (piece->due > at) return;
    uint64_t late = at - piece->due;
    late_sum += late;
    if (late > late_max) late_max = late;
    handed_on += 1;
    if (write(way->to, way->store + piece->at, piece->length) != piece->length) lost += 1;
  }
}

static void print_counts(void) {
  printf("{\"toServer\":{\"packets\":%lu,\"bytes\":%lu},\"toClient\":{\"packets\":%lu,\"bytes\":%lu},"
         "\"connections\":%lu,\"sessions\":%lu,\"lost\":%lu,\"lateMeanUs\":%.1f,\"lateMaxUs\":%.1f}\n",
         ways[CLIENT].packets, ways[CLIENT].bytes, ways[SERVER].packets, ways[SERVER].bytes, connections, sessions,
         lost, handed_on == 0 ? 0 : late_sum / 1e3 / handed_on, late_max / 1e3);
  fflush(stdout);
  for (int side = 0; side < SIDES; side += 1) ways[side].packets = ways[side].bytes = 0;
  connections = sessions = lost = late_sum = late_max = handed_on = 0;
}

static void obey(void) {
  char line[256];
  ssize_t length = read(STDIN_FILENO, line, sizeof line);
  if (length <= 0) exit(0);
  for (ssize_t index = 0; index < length; index += 1)
    if (line[index] == '\n') print_counts();
}

int main(int count, char **values) {
  if (count != 3) return 2;
  int64_t delay = atoll(values[1]) * 1000;
  int session_port = atoi(values[2]);
  for (int side = 0; side < SIDES; side += 1) {
    enter_new_namespace(FIRST_NAMESPACE + side);
    ways[side].from = delay == 0 ? -1 : open_tun();
    ways[side].ring = calloc(RING, sizeof(struct piece));
    ways[side].store = calloc(1, STORE);
    if (ways[side].ring == NULL || ways[side].store == NULL) fail("memory");
  }
  ways[SERVER].to = ways[CLIENT].from;
  ways[CLIENT].to = ways[SERVER].from;
  /* Client and server keep all processors busy: without priority, packets would wait for a turn. */
  struct sched_param priority = {.sched_priority = 1};
  sched_setscheduler(0, SCHED_FIFO, &priority);
  prctl(PR_SET_TIMERSLACK, 1);
  printf("ready\n");
  fflush(stdout);
  for (;;) {
    /* What comes in the meantime is taken together, as cards and drivers do. */
    nanosleep(&(struct timespec){.tv_nsec = GATHER_NS}, NULL);
    int64_t wake = INT64_MAX;
    struct pollfd waiting[1 + SIDES] = {{.fd = STDIN_FILENO, .events = POLLIN}};
    for (int side = 0; side < SIDES; side += 1) {
      struct way *way = &ways[side];
      hand_on(way);
      if (!empty(way) && way->ring[way->tail % RING].due < wake) wake = way->ring[way->tail % RING].due;
      waiting[1 + side].fd = full(way) ? -1 : way->from;
      waiting[1 + side].events = POLLIN;
    }
    int64_t wait = wake == INT64_MAX ? 0 : wake - now();
    if (wait < 0) wait = 0;
    struct timespec limit = {.tv_sec = wait / 1000000000LL, .tv_nsec = wait % 1000000000LL};
    if (ppoll(waiting, 1 + SIDES, wake == INT64_MAX ? NULL : &limit, NULL) < 0 && errno != EINTR) fail("poll");
    if (waiting[0].revents != 0) obey();
    for (int side = 0; side < SIDES; side += 1)
      if (waiting[1 + side].revents & POLLIN) take(&ways[side], delay, side == CLIENT ? session_port : 0);
  }
}
