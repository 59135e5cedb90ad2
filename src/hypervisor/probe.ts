// A try of a node by itself, for those who check a configuration: a connection is opened and closed again.
import { reasonOf } from '../errors.ts';
import { type ClientCertificate, clientCertificate } from '../libvirt/certificate.ts';
import { openClient } from '../libvirt/client.ts';
import { parseUri } from '../libvirt/uri.ts';
import { hostUuidOf } from './domain-xml.ts';
import { configuredNodes } from './nodes.ts';
import { versionText } from './version-text.ts';

/** How long a node may take, in milliseconds. */
const TRY_MS = 10_000;
/** How many nodes are tried at once. */
const AT_ONCE = 8;
const DAY_MS = 86_400_000;
/** A certificate that expires sooner is worth a warning, in days. */
const SOON_DAYS = 14;

/** What was seen of a node. */
export interface Sight {
  readonly sentence: string;
  /** It cannot be reached, or something is to be done. */
  readonly isWarning: boolean;
}

const daysLeft = ({ expiresAt }: ClientCertificate): number => Math.floor((expiresAt - Date.now()) / DAY_MS);

function certificateSights(node: string, certificate: ClientCertificate): Sight[] {
  const { file, keyFile, isKeyOpen } = certificate;
  const days = daysLeft(certificate);
  const expiry = `node ${node}: the client certificate ${file} expires in ${days} days`;
  const open = `node ${node}: the key ${keyFile} can be read by everybody on this host: chmod o-r it`;
  return [
    { sentence: expiry, isWarning: days < SOON_DAYS },
    ...(isKeyOpen ? [{ sentence: open, isWarning: true }] : []),
  ];
}

async function look(node: string, uri: string): Promise<Sight> {
  try {
    const client = await openClient(uri, { connectTimeoutMs: TRY_MS, callTimeoutMs: TRY_MS });
    try {
      const [libvirt, qemu, capabilities] = await Promise.all([
        client.libVersion(),
        client.hypervisorVersion(),
        client.capabilities(),
      ]);
      const versions = `libvirt ${versionText(libvirt)}, QEMU ${versionText(qemu)}`;
      return {
        sentence: `node ${node} (${uri}) answers: ${versions}, host UUID ${hostUuidOf(capabilities)}`,
        isWarning: false,
      };
    } finally {
      await client.close();
    }
  } catch (error) {
    return { sentence: `node ${node} (${uri}) cannot be reached: ${reasonOf(error)}`, isWarning: true };
  }
}

async function tryNode(node: string, uri: string): Promise<readonly Sight[]> {
  const certificate = await clientCertificate(uri).catch(() => undefined);
  return [await look(node, uri), ...(certificate ? certificateSights(node, certificate) : [])];
}

/**
 * Tries every node that is configured by name, and the certificates for it; each node has a deadline of 10 s.
 * `only`: those that are reached by this transport. Never rejects for a setting that was checked.
 */
export async function tryNodes(
  setting: ReadonlyMap<string, string>,
  only?: 'tls',
): Promise<readonly Sight[]> {
  const nodes = configuredNodes(setting);
  const isWanted = (key: string): boolean =>
    only === undefined || parseUri(nodes.node(key)?.uri ?? '').transport === only;
  const waiting = [...nodes.named().filter(isWanted).entries()];
  const sights: (readonly Sight[])[] = [];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [index, key] = next;
      const uri = nodes.node(key)?.uri ?? '';
      sights[index] = await tryNode(nodes.namesOf(key).join(', '), uri);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const others =
    setting.has('*') && only === undefined
      ? [{ sentence: "nodes under '*' were not tried", isWarning: false }]
      : [];
  return [...sights.flat(), ...others];
}
