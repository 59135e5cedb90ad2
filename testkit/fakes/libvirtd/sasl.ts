// The server's side of SCRAM-SHA-256, with one account.
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { LibvirtError } from '../../../src/libvirt/errors.ts';

/** The only account of a fake that asks for SASL. */
export const SASL_LOGIN = { user: 'pdisk', password: 'pencil' } as const;

const ROUNDS = 4096;
const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const refuse = (): never => {
  throw new LibvirtError('authentication failed: authentication failed', { code: 45, domain: 7 });
};

/** One exchange; both methods throw libvirt's error 45 for what is wrong. */
export function saslServer(): { start(message: string): string; step(message: string): string } {
  const salt = randomBytes(16);
  let bare = '';
  let first = '';
  return {
    start(message) {
      bare = message.replace(/^n,,/, '');
      const [, user, nonce] = /^n=([^,]*),r=(.*)$/.exec(bare) ?? [];
      if (user !== SASL_LOGIN.user) return refuse();
      first = `r=${nonce}${randomBytes(9).toString('base64')},s=${salt.toString('base64')},i=${ROUNDS}`;
      return first;
    },
    step(message) {
      const [, final = '', proof = ''] = /^(.*),p=(.*)$/.exec(message) ?? [];
      const salted = pbkdf2Sync(SASL_LOGIN.password, salt, ROUNDS, 32, 'sha256');
      const messages = `${bare},${first},${final}`;
      const key = hmac(salted, 'Client Key');
      const signature = hmac(createHash('sha256').update(key).digest(), messages);
      const right = Buffer.from(key.map((byte, index) => byte ^ (signature[index] ?? 0)));
      if (proof !== right.toString('base64')) return refuse();
      return `v=${hmac(hmac(salted, 'Server Key'), messages).toString('base64')}`;
    },
  };
}
