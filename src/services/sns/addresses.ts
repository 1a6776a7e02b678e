/**
 * Which addresses messages are posted to. Two rules, both asked of the address that is connected to, so that
 * no name can stand for one address when it is looked at and for another afterwards:
 *
 *   - Addresses of the link are nobody's web server: clouds hand out a machine's credentials there.
 *   - What a function subscribed from inside its sandbox reaches public addresses alone, as everything on AWS.
 *     It must not reach through the server what its sandbox closes (the machine itself, other sandboxes), nor
 *     ask around in the network of the machine. Whoever subscribes from outside reaches both.
 */
import { BlockList, isIP } from "node:net";
import { networkInterfaces } from "node:os";

const LINK = new BlockList();
LINK.addSubnet("169.254.0.0", 16, "ipv4");
LINK.addSubnet("fe80::", 10, "ipv6");
LINK.addAddress("fd00:ec2::254", "ipv6");

/** https://www.iana.org/assignments/iana-ipv4-special-registry */
const PRIVATE = new BlockList();
for (const [net, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  // Sandboxes.
  ["198.18.0.0", 15],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
] as const) {
  PRIVATE.addSubnet(net, bits, "ipv4");
}

/** Of IPv6 all but 2000::/3 is not public; two parts of that carry addresses of IPv4 inside. */
const GLOBAL = new BlockList();
GLOBAL.addSubnet("2000::", 3, "ipv6");
const CARRIERS = new BlockList();
CARRIERS.addSubnet("2001::", 32, "ipv6");
CARRIERS.addSubnet("2002::", 16, "ipv6");

/** @param own addresses of this machine: public ones, too, are closed to its sandboxes */
export function isPublic(address: string, own: ReadonlySet<string>): boolean {
  if (own.has(address)) return false;
  if (isIP(address) === 4) return !PRIVATE.check(address, "ipv4");
  return GLOBAL.check(address, "ipv6") && !CARRIERS.check(address, "ipv6");
}

export function isOfTheLink(address: string): boolean {
  return LINK.check(address, isIP(address) === 4 ? "ipv4" : "ipv6");
}

export function ownAddresses(): ReadonlySet<string> {
  const found = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return new Set(found.map(({ address }) => address));
}
