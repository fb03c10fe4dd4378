// How long a server of sessions takes for one step at a given rate of requests, on this machine. Requests are due at fixed
// times, whether or not those before are answered, and each is counted from when it was due.
//
//   cc -O2 pace.c -o pace -lm
//   ./pace PORT [RATE] [SECONDS] [CONNECTIONS] [poll]      ./pace floor [RATE] [SECONDS] [CONNECTIONS] [poll]
//
// RATE is 1000 a second, SECONDS 10, CONNECTIONS 1, each with a session of the model `lstm`, 128 numbers a step, as bytes.
// Where all connections wait for answers a request that is due waits for the first that is free. The program sleeps until
// something is due or comes; with `poll` it looks all the time, so that it needs a core for itself and its own waking up is
// not counted. `floor` asks a server of its own that answers as many bytes and computes nothing: what the kernel takes.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { width = 128, bodies = 64, room = 16384, most = 1024, warming = 200 };

struct connection {
  int socket;
  char path[80];
  // What has come of the answer.
  char answer[room];
  int length;
  // Which request waits for it; -1 is none.
  long request;
  double sent;
};

static struct connection connections[most];
static float steps[bodies][width];

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec * 1e-9;
}

static void fail(const char *what) {
  fprintf(stderr, "pace: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
  exit(1);
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void report(const char *name, double *times, long count) {
  qsort(times, count, sizeof(double), compare);
  double shares[] = {0.5, 0.9, 0.99, 0.999};
  printf("%s:", name);
  for (int i = 0; i < 4; i++) printf(" p%g %.3f ms,", shares[i] * 100, times[(long)(shares[i] * count)] * 1e3);
  printf(" worst %.3f ms\n", times[count - 1] * 1e3);
}

static int dial(int port) {
  int file = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(file, (struct sockaddr *)&address, sizeof address)) fail("cannot connect");
  setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return file;
}

static void send_request(struct connection *to, const char *path, const char *type, const void *body, int size) {
  char text[2048];
  int head = snprintf(text, sizeof text, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
                      path, type, size);
  memcpy(text + head, body, size);
  if (write(to->socket, text, head + size) != head + size) fail("cannot send");
  to->length = 0;
}

// Reads what has come; true when the answer is whole, and then `body` is where its body begins.
static bool receive(struct connection *from, int flags, char **body) {
  ssize_t count = recv(from->socket, from->answer + from->length, room - 1 - from->length, flags);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (count <= 0) fail("the server closed the connection");
  from->length += count;
  from->answer[from->length] = 0;
  char *end = memmem(from->answer, from->length, "\r\n\r\n", 4);
  if (!end) return false;
  char *field = strcasestr(from->answer, "\r\nContent-Length:");
  if (!field || field > end) fail("an answer without its length");
  *body = end + 4;
  if (*body + atoi(field + 17) > from->answer + from->length) return false;
  if (from->length < 12 || from->answer[9] != '2') {
    fprintf(stderr, "%s\n", from->answer);
    errno = 0;
    fail("the server refused");
  }
  return true;
}

static void ask(struct connection *to, const char *path, const char *type, const void *data, int size, char **body) {
  send_request(to, path, type, data, size);
  while (!receive(to, 0, body)) {}
}

// A server that answers what is asked with as many bytes as a step has, and computes nothing.
static int serve_floor(pid_t *child) {
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, most)) fail("cannot listen");
  getsockname(listener, (struct sockaddr *)&address, &size);
  if ((*child = fork())) {
    close(listener);
    return ntohs(address.sin_port);
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int poll = epoll_create1(0), yes = 1;
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
  static char request[room], answer[1024];
  int head = sprintf(answer, "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n",
                     (int)sizeof steps[0]);
  for (;;) {
    if (epoll_wait(poll, &event, 1, -1) < 1) continue;
    if (event.data.fd == listener) {
      event.data.fd = accept(listener, NULL, NULL);
      setsockopt(event.data.fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      epoll_ctl(poll, EPOLL_CTL_ADD, event.data.fd, &event);
    } else if (read(event.data.fd, request, room) <= 0) {
      close(event.data.fd);
    } else if (write(event.data.fd, answer, head + sizeof steps[0]) < 0) {
      close(event.data.fd);
    }
  }
}

int main(int count, char **arguments) {
  bool polls = count > 1 && !strcmp(arguments[count - 1], "poll");
  count -= polls;
  bool is_floor = count > 1 && !strcmp(arguments[1], "floor");
  int port = count > 1 ? atoi(arguments[1]) : 0;
  double rate = count > 2 ? atof(arguments[2]) : 1000, seconds = count > 3 ? atof(arguments[3]) : 10;
  int open = count > 4 ? atoi(arguments[4]) : 1;
  if ((!is_floor && port < 1) || rate <= 0 || seconds <= 0 || open < 1 || open > most) {
    fprintf(stderr, "usage: pace PORT|floor [RATE] [SECONDS] [CONNECTIONS] [poll]\n");
    return 64;
  }
  setlinebuf(stdout);
  signal(SIGPIPE, SIG_IGN);
  prctl(PR_SET_TIMERSLACK, 1);
  for (int n = 0; n < bodies; n++)
    for (int i = 0; i < width; i++) steps[n][i] = sin(0.1 * n + 0.37 * i);

  pid_t child = 0;
  if (is_floor) port = serve_floor(&child);
  int poll = epoll_create1(0);
  char *body;
  for (int i = 0; i < open; i++) {
    struct connection *own = &connections[i];
    own->socket = dial(port);
    own->request = -1;
    const char *begin = "{\"model\":\"lstm\"}";
    ask(own, "/sessions", "application/json", begin, strlen(begin), &body);
    char *id = is_floor ? NULL : strstr(body, "\"id\":\"");
    if (!id && !is_floor) fail("the server names no session");
    snprintf(own->path, sizeof own->path, "/sessions/%.32s/steps", id ? id + 6 : "");
    for (int n = 0; n < warming; n++)
      ask(own, own->path, "application/octet-stream", steps[n % bodies], sizeof steps[0], &body);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
    epoll_ctl(poll, EPOLL_CTL_ADD, own->socket, &event);
  }

  long total = rate * seconds, sent = 0, answered = 0;
  double *late = calloc(total, sizeof(double)), *own = calloc(total, sizeof(double));
  int next = 0, busy = 0;
  double start = now() + 0.01;
  while (answered < total) {
    double moment = now();
    while (sent < total && busy < open && start + sent / rate <= moment) {
      while (connections[next].request >= 0) next = (next + 1) % open;
      struct connection *to = &connections[next];
      to->request = sent;
      to->sent = now();
      send_request(to, to->path, "application/octet-stream", steps[sent % bodies], sizeof steps[0]);
      sent++, busy++;
      next = (next + 1) % open;
      moment = now();
    }
    struct timespec wait = {0}, *limit = &wait;
    if (busy == open || sent == total) {
      limit = polls ? &wait : NULL;
    } else if (!polls) {
      double rest = fmax(0, start + sent / rate - moment);
      wait.tv_sec = rest;
      wait.tv_nsec = (rest - wait.tv_sec) * 1e9;
    }
    struct epoll_event events[64];
    int found = epoll_pwait2(poll, events, 64, limit, NULL);
    for (int i = 0; i < found; i++) {
      struct connection *from = &connections[events[i].data.u32];
      if (!receive(from, MSG_DONTWAIT, &body)) continue;
      double end = now();
      late[from->request] = end - (start + from->request / rate);
      own[from->request] = end - from->sent;
      from->request = -1;
      busy--, answered++;
    }
  }
  printf("%g requests a second for %g s over %d, one step each%s\n", rate, seconds, open, is_floor ? ", nothing computed" : "");
  report("  from when it was due", late, total);
  report("  from when it was sent", own, total);
  if (child) {
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
  }
  return 0;
}
