// A switch with links of a given rate and delay, for kernels without netem: a TAP device in each namespace, and this
// process between them, which holds each frame until it would have come through.
//
//   cc -O2 delay.c -o delay && ./delay 1gbit 0.1ms NAMESPACE…
//
// Makes eth0 in each namespace, prints "ready", and ends with its parent, on a signal, or when a namespace has gone. It
// has no socket, and writes to nothing but these devices. What a frame takes is what two queues of netem give it: RATE
// and DELAY at the machine's end, RATE at the switch's. Frames are as long as the kernel makes them (TSO), since this
// takes a fifth of the time, and count as the packets of the MTU into which a network card cuts them.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 64, SLOTS = 8192, HEADER = sizeof(struct virtio_net_hdr), LONGEST = 65536 + 64 };
static const int64_t second = 1000000000, bound = 16 << 20;
// In nanoseconds: how long before a frame is due sleep ends, what it takes to be woken by one (measured in a virtual
// machine), and how far ahead a link may be taken before its machine is read no further.
static const int64_t spin = 30000, woken = 20000, ahead = 100000;

// A frame with its header; how many bytes its first packet and all its packets have on the wire.
struct frame {
  int users, length;
  int64_t first, whole;
  unsigned char bytes[];
};

// One direction of a link: what is on its way, when each has passed, when the link is free again, and bytes held.
struct queue {
  struct { struct frame *frame; int64_t time; } slots[SLOTS];
  unsigned head, tail;
  int64_t free, bytes;
};

static struct machine {
  int device;
  char path[256];
  unsigned char address[6];
  struct queue up, down;
} machines[MOST];
static int count;
static double rate, delay;  // nanoseconds a byte, and nanoseconds

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * second + time.tv_nsec;
}

static void fail(const char *what) {
  fprintf(stderr, "delay: %s: %s\n", what, strerror(errno));
  exit(1);
}

// A number with a unit as tc has them.
static double number(const char *text, double least, const char *const *units, const double *factors) {
  char *end;
  double value = strtod(text, &end);
  for (int i = 0; end != text && units[i]; i++)
    if (strcasecmp(end, units[i]) == 0 && value >= least && value < INFINITY) return value * factors[i];
  fprintf(stderr, "delay: %s is neither a rate nor a delay (1gbit, 0.1ms)\n", text);
  exit(64);
}

static int full(const struct queue *queue) {
  return queue->head - queue->tail == SLOTS || queue->bytes > bound;
}

static void put(struct queue *queue, struct frame *frame, int64_t time) {
  queue->slots[queue->head % SLOTS].frame = frame;
  queue->slots[queue->head++ % SLOTS].time = time;
  queue->bytes += frame->whole;
  frame->users++;
}

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }

// When the first frame of a queue has passed.
static int64_t first(const struct queue *queue) {
  return queue->head == queue->tail ? INT64_MAX : queue->slots[queue->tail % SLOTS].time;
}

// The first frame that has passed by then, which the queue no longer uses, and its time.
static struct frame *take(struct queue *queue, int64_t *time) {
  if (first(queue) > *time) return NULL;
  struct frame *frame = queue->slots[queue->tail % SLOTS].frame;
  *time = queue->slots[queue->tail++ % SLOTS].time;
  queue->bytes -= frame->whole;
  frame->users--;
  return frame;
}

// Adds one frame of the machine's, which was sent by that time, to its link; 0 if there is none.
static int receive(struct machine *machine, int64_t time) {
  static unsigned char buffer[LONGEST];
  ssize_t length = read(machine->device, buffer, sizeof buffer);
  if (length < HEADER + 14) return 0;
  struct frame *frame = malloc(sizeof *frame + length);
  if (!frame) fail("memory");
  memcpy(frame->bytes, buffer, length);
  memcpy(machine->address, buffer + HEADER + 6, 6);
  frame->users = 0;
  frame->length = length;
  frame->first = frame->whole = length - HEADER;
  struct virtio_net_hdr header;
  memcpy(&header, buffer, HEADER);
  if (header.gso_type != VIRTIO_NET_HDR_GSO_NONE && header.gso_size > 0 && header.csum_start + 12 < frame->whole) {
    int64_t headers = header.csum_start + (buffer[HEADER + header.csum_start + 12] >> 4) * 4;
    int64_t packets = (frame->whole - headers + header.gso_size - 1) / header.gso_size;
    frame->first = headers + header.gso_size;
    frame->whole += (packets - 1) * headers;
  }
  struct queue *up = &machine->up;
  up->free = (up->free > time ? up->free : time) + frame->whole * rate;
  put(up, frame, up->free + delay);
  return 1;
}

// What has come to the switch goes on by the links it is for: all others' if none has that address. Its first packet
// goes on as soon as it is there, so that only that one's time is added where the link is free.
static void pass(struct machine *from, struct frame *frame, int64_t time) {
  struct machine *only = NULL;
  for (int i = 0; i < count; i++)
    if (memcmp(machines[i].address, frame->bytes + HEADER, 6) == 0) only = &machines[i];
  for (int i = 0; i < count; i++) {
    struct machine *to = &machines[i];
    if (to == from || (only && to != only) || full(&to->down)) continue;
    int64_t alone = time + frame->first * rate, after = to->down.free + frame->whole * rate;
    to->down.free = alone > after ? alone : after;
    put(&to->down, frame, to->down.free);
  }
  if (frame->users == 0) free(frame);
}

int main(int argc, char **argv) {
  if (argc < 4 || argc - 3 > MOST) {
    fputs("usage: delay RATE DELAY NAMESPACE…\n", stderr);
    return 64;
  }
  // Ctrl-C is for the programs, which need their links until they have ended; then the parent ends this one.
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  rate = 8e9 / number(argv[1], 1, (const char *[]){"bit", "kbit", "mbit", "gbit", NULL}, (double[]){1, 1e3, 1e6, 1e9});
  delay = number(argv[2], 0, (const char *[]){"us", "ms", "s", NULL}, (double[]){1e3, 1e6, 1e9});
  for (count = 0; count < argc - 3; count++) {
    struct machine *machine = &machines[count];
    snprintf(machine->path, sizeof machine->path, "/run/netns/%s", argv[count + 3]);
    int space = open(machine->path, O_RDONLY | O_CLOEXEC);
    if (space < 0 || setns(space, CLONE_NEWNET) < 0) fail(machine->path);
    close(space);
    struct ifreq request = {.ifr_name = "eth0", .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    machine->device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (machine->device < 0 || ioctl(machine->device, TUNSETIFF, &request) < 0) fail("/dev/net/tun");
    if (ioctl(machine->device, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) < 0) fail("TUNSETOFFLOAD");
  }
  // Before other processes, so that a frame does not wait for one that computes; without the right to, as they.
  struct sched_param priority = {.sched_priority = 1};
  if (sched_setscheduler(0, SCHED_FIFO, &priority) < 0) prctl(PR_SET_TIMERSLACK, 1UL);
  if (puts("ready") < 0 || fflush(stdout) != 0) fail("standard output");

  for (int64_t sent = 0, time;;) {
    struct frame *frame;
    struct pollfd polls[MOST];
    // What has woken this process was sent a little before. A link that is taken for a while is not read: what is there
    // would only wait here instead.
    for (int i = 0; i < count; i++) {
      struct queue *up = &machines[i].up;
      while (!full(up) && up->free < now() + ahead && receive(&machines[i], sent ? sent : now())) {}
    }
    for (int i = 0; i < count; i++)
      while (time = now(), (frame = take(&machines[i].up, &time))) pass(&machines[i], frame, time);
    // A device that is down or full loses a frame, as a network card does.
    for (int i = 0; i < count; i++)
      while (time = now(), (frame = take(&machines[i].down, &time))) {
        if (write(machines[i].device, frame->bytes, frame->length) < 0 && errno == EBADFD) return 0;
        if (frame->users == 0) free(frame);
      }

    sent = 0;
    int64_t start = now(), next = start + second;
    for (int i = 0; i < count; i++) {
      struct queue *up = &machines[i].up, *down = &machines[i].down;
      int reads = !full(up) && up->free < start + ahead;
      polls[i] = (struct pollfd){.fd = reads ? machines[i].device : -1, .events = POLLIN};
      next = earlier(next, earlier(first(up), first(down)));
      if (up->free >= start + ahead) next = earlier(next, up->free - ahead);
    }
    int idle = next == start + second;
    if (next - start < spin) continue;
    int64_t wait = next - start - spin;
    int events = ppoll(polls, count, &(struct timespec){.tv_sec = wait / second, .tv_nsec = wait % second}, NULL);
    if (events > 0) sent = now() - woken > start ? now() - woken : start;
    for (int i = 0; i < count; i++)
      if ((polls[i].revents & POLLERR) || (events == 0 && idle && access(machines[i].path, F_OK) != 0)) return 0;
  }
}
