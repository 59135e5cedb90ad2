import { isIP } from 'node:net';

/** Whether an address or a host name means this computer alone. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
