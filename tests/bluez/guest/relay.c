// The guest's doors to the host, one TCP port each:
//   relay hci PORT            a new virtual adapter per connection, H4 packets; closing unplugs it
//   relay bus PORT UID PATH   the unix socket PATH, connected to as user UID
//   relay sh PORT             a shell
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int put(int fd, const unsigned char *from, int n) {
  while (n > 0) {
    int done = write(fd, from, n);
    if (done <= 0) return -1;
    from += done;
    n -= done;
  }
  return 0;
}

// Bytes of the H4 packet at `b`, 0 while its head is not whole, -1 for an unknown type.
static int packet_bytes(const unsigned char *b, int have) {
  if (have < 3 || (b[0] != 4 && have < 5)) return 0;
  switch (b[0]) {
    case 2: return 5 + b[3] + (b[4] << 8);
    case 3: return 4 + b[3];
    case 4: return 3 + b[2];
    case 5: return 5 + b[3] + ((b[4] & 0x3f) << 8);
  }
  return -1;
}

// /dev/vhci takes one packet per write, TCP keeps no borders.
static void adapter(int tcp) {
  static unsigned char in[1 << 17], out[8192];
  int have = 0, vhci = open("/dev/vhci", O_RDWR);
  if (vhci < 0 || write(vhci, "\xff\x00", 2) != 2) return;
  struct pollfd both[2] = {{tcp, POLLIN, 0}, {vhci, POLLIN, 0}};
  while (poll(both, 2, -1) > 0) {
    if (both[1].revents) {
      int n = read(vhci, out, sizeof out);
      if (n <= 0 || (out[0] != 0xff && put(tcp, out, n))) return;
    }
    if (both[0].revents) {
      int n = read(tcp, in + have, sizeof in - have), at = 0, size;
      if (n <= 0) return;
      for (have += n; (size = packet_bytes(in + at, have - at)) > 0 && at + size <= have; at += size)
        if (write(vhci, in + at, size) != size) perror("/dev/vhci");
      if (size < 0) return;
      memmove(in, in + at, have -= at);
    }
  }
}

static void bus(int tcp, int user, const char *path) {
  static unsigned char some[65536];
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  strncpy(name.sun_path, path, sizeof name.sun_path - 1);
  if (user && (setgroups(0, 0) || setgid(user) || setuid(user))) return;
  int unix_ = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(unix_, (void *)&name, sizeof name)) return;
  struct pollfd both[2] = {{tcp, POLLIN, 0}, {unix_, POLLIN, 0}};
  while (poll(both, 2, -1) > 0)
    for (int i = 0; i < 2; i++)
      if (both[i].revents) {
        int n = read(both[i].fd, some, sizeof some);
        if (n <= 0 || put(both[1 - i].fd, some, n)) return;
      }
}

int main(int count, char **words) {
  int one = 1, door = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(atoi(words[2]))};
  signal(SIGCHLD, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (count < 3 || bind(door, (void *)&any, sizeof any) || listen(door, 32)) return perror(words[1]), 1;
  for (;;) {
    int tcp = accept(door, 0, 0);
    if (tcp < 0) continue;
    if (fork()) {
      close(tcp);
      continue;
    }
    close(door);
    setsockopt(tcp, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (!strcmp(words[1], "hci")) adapter(tcp);
    else if (!strcmp(words[1], "bus")) bus(tcp, atoi(words[3]), words[4]);
    else {
      signal(SIGCHLD, SIG_DFL);
      signal(SIGPIPE, SIG_DFL);
      for (int fd = 0; fd < 3; fd++) dup2(tcp, fd);
      execl("/bin/sh", "sh", "-s", (char *)0);
    }
    _exit(0);
  }
}
