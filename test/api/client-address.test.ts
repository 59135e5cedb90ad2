import test from 'ava';
import { addressOf, addressText, createClientAddress } from '../../src/api/access/client-address.ts';

const bytes = (hex: string): ArrayBuffer => Uint8Array.from(Buffer.from(hex, 'hex')).buffer;
const LOOPBACK = '7f000001';

test('an address is normalised: an IPv4 address mapped into IPv6 is shown as IPv4', t => {
  for (const [hex, text] of [
    ['7f000001', '127.0.0.1'],
    ['00000000000000000000ffffc0000201', '192.0.2.1'],
    ['20010db8000000000000000000000001', '2001:db8::1'],
    ['00000000000000000000000000000001', '::1'],
  ] as const)
    t.is(addressText(addressOf(bytes(hex))), text);
});

test('the client is the last address that is not a trusted proxy', t => {
  const clientOf = createClientAddress(['127.0.0.1', '10.0.0.0/8', 'fd00::/8']);
  const told = (header: string | undefined, peer = LOOPBACK) => addressText(clientOf(peer, header));
  t.is(told(undefined), '127.0.0.1');
  t.is(told('192.0.2.7'), '192.0.2.7');
  t.is(told('198.51.100.1, 192.0.2.7'), '192.0.2.7', 'what stands before it is the claim of a client');
  t.is(told('192.0.2.7, 10.1.2.3'), '192.0.2.7');
  t.is(told('192.0.2.7,10.1.2.3 , 127.0.0.1'), '192.0.2.7');
  t.is(told('10.0.0.1'), '10.0.0.1');
  t.is(told('2001:db8::7, fd00::1'), '2001:db8::7');
  t.is(told('::ffff:192.0.2.7'), '192.0.2.7');
  for (const item of ['192.0.2.7:1234', '[2001:db8::7]:1234', '[2001:db8::7]'])
    t.is(told(item), item.includes('db8') ? '2001:db8::7' : '192.0.2.7');
  for (const nobody of ['unknown', '', '1.2.3', '_hidden', 'a:b'])
    t.is(told(`192.0.2.7, ${nobody}`), '127.0.0.1', nobody);
  t.is(told('192.0.2.7', 'c0000201'), '192.0.2.1', 'a stranger is not believed');
});

test('without trusted proxies X-Forwarded-For is ignored', t => {
  t.is(createClientAddress([])(LOOPBACK, '192.0.2.7'), LOOPBACK);
});
