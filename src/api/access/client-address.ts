// Behind a proxy every connection has the address of the proxy, and the wrong logins of one client would
// count for all. A proxy appends its client to X-Forwarded-For. From anybody else that header is only a
// claim, so it is read from its end, as far as trusted proxies wrote it. The header Forwarded (RFC 7239) is
// ignored: most proxies pass on what their client wrote there.
import { BlockList, isIP, SocketAddress } from 'node:net';

/** An address in hexadecimal, 4 or 16 bytes. An IPv4-mapped IPv6 address is in its IPv4 form. */
export type Address = string;

const IPV4_MAPPED = /^0{20}f{4}(?<v4>[0-9a-f]{8})$/;
const familyOf = (text: string): 'ipv4' | 'ipv6' => (isIP(text) === 6 ? 'ipv6' : 'ipv4');

/** The address in these bytes, 4 or 16 in network order. */
export function addressOf(bytes: ArrayBuffer): Address {
  const hex = Buffer.from(bytes).toString('hex');
  return IPV4_MAPPED.exec(hex)?.groups?.v4 ?? hex;
}

/** An address in its usual notation; empty if it is none. */
export function addressText(address: Address): string {
  const bytes = Buffer.from(address, 'hex');
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return '';
  const groups = address.match(/.{4}/g) ?? [];
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
}

function bytesOfIPv6(text: string): Buffer {
  // The last 4 bytes may be in the notation of IPv4.
  const plain = text.replace(/%.*$/, '').replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = parts.slice(0, 4).map(Number);
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
  const [head = '', tail] = plain.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const last = groups(tail ?? '');
  const zeros = tail === undefined ? 0 : 8 - groups(head).length - last.length;
  const all = [...groups(head), ...Array.from({ length: zeros }, () => '0'), ...last];
  return Buffer.from(all.map(group => group.padStart(4, '0')).join(''), 'hex');
}

/** The address in an item of X-Forwarded-For, without the port that some proxies add. */
function addressIn(item: string): Address | undefined {
  const text = /^\[(?<v6>[^\]]+)\](?::\d+)?$/.exec(item)?.groups?.v6 ?? item.replace(/^([\d.]+):\d+$/, '$1');
  if (isIP(text) === 4) return Buffer.from(text.split('.').map(Number)).toString('hex');
  if (isIP(text) !== 6) return undefined;
  const hex = bytesOfIPv6(text).toString('hex');
  return IPV4_MAPPED.exec(hex)?.groups?.v4 ?? hex;
}

/** Returns a function that finds the address of a client. `trusted`: addresses and networks of proxies. */
export function createClientAddress(
  trusted: readonly string[],
): (peer: Address, forwardedFor: string | undefined) => Address {
  const proxies = new BlockList();
  for (const place of trusted) {
    const [network = '', bits] = place.split('/');
    if (bits === undefined) proxies.addAddress(network, familyOf(network));
    else proxies.addSubnet(network, Number(bits), familyOf(network));
  }
  const isProxy = (address: Address): boolean => {
    const text = addressText(address);
    return proxies.check(text, familyOf(text));
  };

  return (peer, forwardedFor) => {
    if (trusted.length === 0 || forwardedFor === undefined) return peer;
    let client = peer;
    for (const item of forwardedFor.split(',').reverse()) {
      if (!isProxy(client)) break;
      const before = addressIn(item.trim());
      if (before === undefined) break;
      client = before;
    }
    return client;
  };
}
