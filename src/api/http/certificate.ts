import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { sentenceOf } from '../../errors.ts';

/** Paths of PEM files. */
export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
}

/** The cipher suites of TLS 1.2 with forward secrecy and without CBC padding. TLS 1.3 has no others. */
export const CIPHERS = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** Minimum length of an RSA key (NIST SP 800-131A). */
const LEAST_RSA_BITS = 2048;
const READABLE_BY_ALL = 0o004;

/**
 * Checks a certificate with its key. Returns warnings, a sentence each. Throws an `Error` with a sentence if
 * the pair cannot be used: uWebSockets.js does not say why.
 */
export function checkCertificate({ certificate, key }: TlsFiles): readonly string[] {
  try {
    const cert = readFileSync(certificate);
    createSecureContext({ cert, key: readFileSync(key) });
    const { publicKey } = new X509Certificate(cert);
    const bits = publicKey.asymmetricKeyDetails?.modulusLength;
    const isWeak = bits !== undefined && bits < LEAST_RSA_BITS;
    const isOpen = (statSync(key).mode & READABLE_BY_ALL) !== 0;
    return [
      ...(isWeak
        ? [`the certificate ${certificate} has an RSA key of ${bits} bits, ${LEAST_RSA_BITS} are the least`]
        : []),
      ...(isOpen ? [`the key ${key} can be read by everybody on this host: chmod o-r it`] : []),
    ];
  } catch (error) {
    throw new Error(
      `the certificate ${certificate} with the key ${key} cannot be used: ${sentenceOf(error)}`,
    );
  }
}
