// Behind a proxy every connection has the proxy's address, and one client's wrong logins would be everybody's. A proxy says in
// X-Forwarded-For who asked it; of anybody else that header is only a claim, so it is read from its end, as long as proxies wrote it
// that are trusted. The header Forwarded is not looked at: most proxies pass on whatever their client wrote there.
import { BlockList, isIP, SocketAddress } from 'node:net';

/** An address: 4 bytes, or 16, in hexadecimal. One of IPv4 that IPv6 wraps is one of IPv4. */
export type Address = string;

const WRAPPED = /^0{20}f{4}(?<v4>[0-9a-f]{8})$/;
const familyOf = (text: string): 'ipv4' | 'ipv6' => (isIP(text) === 6 ? 'ipv6' : 'ipv4');

/** The address of these bytes. */
export function addressOf(bytes: ArrayBuffer): Address {
  const hex = Buffer.from(bytes).toString('hex');
  return WRAPPED.exec(hex)?.groups?.v4 ?? hex;
}

/** As people write it. */
export function addressText(address: Address): string {
  const bytes = Buffer.from(address, 'hex');
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return '';
  const groups = address.match(/.{4}/g) ?? [];
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
}

function bytesOfIPv6(text: string): Buffer {
  // The last 4 bytes may be written as IPv4 is.
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

/** The address in an item of X-Forwarded-For, some proxies add a port; undefined where it is none. */
function addressIn(item: string): Address | undefined {
  const text = /^\[(?<v6>[^\]]+)\](?::\d+)?$/.exec(item)?.groups?.v6 ?? item.replace(/^([\d.]+):\d+$/, '$1');
  if (isIP(text) === 4) return Buffer.from(text.split('.').map(Number)).toString('hex');
  if (isIP(text) !== 6) return undefined;
  const hex = bytesOfIPv6(text).toString('hex');
  return WRAPPED.exec(hex)?.groups?.v4 ?? hex;
}

/** Tells who asks: `trusted` are the addresses and networks (`10.0.0.0/8`) of proxies that are believed. */
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
