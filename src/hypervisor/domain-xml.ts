// Read with ltx: a service that plugs a disk now and then parses with code that is not compiled yet, and there it is five times as
// fast as parsers that do more.
import { type Element, parse } from 'ltx';
import { aliasOf, serialOf } from './disk-xml.ts';

/** A `<disk>` of a domain, of whatever bus and kind; what the XML does not say is an empty text. */
export interface DomainDisk {
  readonly target: string;
  readonly alias: string;
  readonly serial: string;
  /** Path of the file or block device. */
  readonly source: string;
}

export interface DomainXml {
  /** Whether this is the XML of a running domain: only then does it have an id. */
  readonly active: boolean;
  readonly disks: readonly DomainDisk[];
}

/** What is no element and has nothing to say. Only there does well-formed XML have a bare `<` that begins no tag. */
const ASIDES = /<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>/gs;

/**
 * ltx takes `<!-->` for a whole comment, but it only begins one: what a machine's owner hides behind it in the metadata, which libvirt
 * gives back as it got them, would count as devices. So ltx gets to see no comments.
 */
const read = (xml: string): Element => parse(xml.replaceAll(ASIDES, ''));

/** An attribute of an element's child. */
const attributeOf = (element: Element, child: string, name: string): string => {
  const value: unknown = element.getChild(child)?.attrs[name];
  return typeof value === 'string' ? value : '';
};

/** Reads a domain's XML as libvirt writes it. Throws where it is no domain's XML. */
export function parseDomainXml(xml: string): DomainXml {
  const domain = read(xml);
  if (domain?.name !== 'domain') throw new Error('libvirt sent something that is not the XML of a domain');
  const disks = domain.getChild('devices')?.getChildren('disk') ?? [];
  return {
    active: Boolean(domain.attrs.id),
    disks: disks.map(disk => ({
      target: attributeOf(disk, 'target', 'dev'),
      alias: attributeOf(disk, 'alias', 'name'),
      serial: disk.getChildText('serial') ?? '',
      source: attributeOf(disk, 'source', 'file') || attributeOf(disk, 'source', 'dev'),
    })),
  };
}

/** The disk of ours with this UUID, by its alias or, where somebody else plugged it, by its serial. */
export function findDisk(domain: DomainXml, disk: string): DomainDisk | undefined {
  return (
    domain.disks.find(found => found.alias === aliasOf(disk)) ??
    domain.disks.find(found => found.serial === serialOf(disk))
  );
}

const ALIAS = /^ua-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
const SERIAL = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/;

/** The UUIDs of all disks that bear an alias or a serial as ours do. */
export function ourDisks(domain: DomainXml): string[] {
  const uuids = domain.disks.flatMap(
    ({ alias, serial }) => ALIAS.exec(alias)?.[1] ?? SERIAL.exec(serial)?.slice(1).join('-') ?? [],
  );
  return [...new Set(uuids)];
}

/** The host UUID in a host's capabilities. Throws where there is none. */
export function hostUuidOf(capabilities: string): string {
  const uuid = read(capabilities).getChild('host')?.getChildText('uuid');
  if (!uuid) throw new Error('libvirt sent no host UUID in its capabilities');
  return uuid.toLowerCase();
}
