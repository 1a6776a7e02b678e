/* A cable between the host and a sandbox: one end each, two addresses of one small subnet. */
#include "sandbox.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <net/route.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct request {
  struct nlmsghdr header;
  struct ifinfomsg link;
  char rest[512];
};

static void *put(struct request *request, unsigned short type, const void *data, size_t size) {
  struct rtattr *attribute = (struct rtattr *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));
  attribute->rta_type = type;
  attribute->rta_len = (unsigned short)RTA_LENGTH(size);
  if (size > 0) memcpy(RTA_DATA(attribute), data, size);
  request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) + (uint32_t)RTA_ALIGN(attribute->rta_len);
  return attribute;
}

static void end_nest(struct request *request, struct rtattr *nest) {
  nest->rta_len = (unsigned short)((char *)request + request->header.nlmsg_len - (char *)nest);
}

/* Makes the pair; the other end appears in the network namespace of `pid` as eth0. */
static bool make_pair(const char *name, pid_t pid) {
  struct request request = {.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
                                .nlmsg_type = RTM_NEWLINK,
                                .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL}};
  uint32_t target = (uint32_t)pid;
  struct ifinfomsg peer = {0};
  put(&request, IFLA_IFNAME, name, strlen(name) + 1);
  struct rtattr *info = put(&request, IFLA_LINKINFO, NULL, 0);
  put(&request, IFLA_INFO_KIND, "veth", 4);
  struct rtattr *data = put(&request, IFLA_INFO_DATA, NULL, 0);
  struct rtattr *other = put(&request, VETH_INFO_PEER, &peer, sizeof peer);
  put(&request, IFLA_IFNAME, "eth0", 5);
  put(&request, IFLA_NET_NS_PID, &target, sizeof target);
  end_nest(&request, other);
  end_nest(&request, data);
  end_nest(&request, info);
  struct {
    struct nlmsghdr header;
    struct nlmsgerr error;
    char rest[1024];
  } answer;
  int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  bool done = netlink >= 0 && send(netlink, &request, request.header.nlmsg_len, 0) > 0 && recv(netlink, &answer, sizeof answer, 0) > 0;
  close(netlink);
  if (!done) return false;
  errno = -answer.error.error;
  return answer.header.nlmsg_type == NLMSG_ERROR && answer.error.error == 0;
}

static void set_address(struct sockaddr *to, in_addr_t address) {
  struct sockaddr_in value = {.sin_family = AF_INET, .sin_addr.s_addr = address};
  memcpy(to, &value, sizeof value);
}

static bool interface_up(int control, const char *name, in_addr_t address) {
  struct ifreq request = {0};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  set_address(&request.ifr_addr, address);
  if (ioctl(control, SIOCSIFADDR, &request) < 0) return false;
  set_address(&request.ifr_netmask, htonl(0xfffffffc));
  if (ioctl(control, SIOCSIFNETMASK, &request) < 0) return false;
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  return ioctl(control, SIOCSIFFLAGS, &request) == 0;
}

/* The host's end: `first` is the subnet's first address, in host order. */
bool veth_host(const char *name, uint32_t first, pid_t pid, char *error, size_t size) {
  bool done = make_pair(name, pid);
  int control = done ? socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
  done = done && control >= 0 && interface_up(control, name, htonl(first + 1));
  if (!done) snprintf(error, size, "the network interface %s: %s", name, strerror(errno));
  if (control >= 0) close(control);
  return done;
}

/* The sandbox's end, from inside. */
bool veth_inside(uint32_t first) {
  int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (control < 0) return false;
  struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY};
  set_address(&route.rt_dst, 0);
  set_address(&route.rt_genmask, 0);
  set_address(&route.rt_gateway, htonl(first + 1));
  bool done = interface_up(control, "eth0", htonl(first + 2)) && ioctl(control, SIOCADDRT, &route) == 0;
  close(control);
  return done;
}
