import { XMLParser } from 'fast-xml-parser';
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

/** What of libvirt's XML is looked at; text and attributes stay text. */
interface Element {
  readonly [name: string]: Element | readonly Element[] | string | undefined;
}

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  isArray: (_name, path) => path === 'domain.devices.disk',
  // Big, of no use here, and free text of others.
  stopNodes: ['domain.metadata', 'domain.description', 'domain.title'],
});

function child(element: Element | undefined, name: string): Element | undefined {
  const found = element?.[name];
  return typeof found === 'object' && !Array.isArray(found) ? (found as Element) : undefined;
}

function text(element: Element | undefined, name: string): string {
  const found = element?.[name];
  return typeof found === 'string' ? found : '';
}

/** Reads a domain's XML as libvirt writes it. Throws where it is no domain's XML. */
export function parseDomainXml(xml: string): DomainXml {
  const domain = child(parser.parse(xml) as Element, 'domain');
  if (!domain) throw new Error('libvirt sent something that is not the XML of a domain');
  const disks = child(domain, 'devices')?.disk;
  return {
    active: text(domain, '@id') !== '',
    disks: (Array.isArray(disks) ? (disks as readonly Element[]) : []).map(disk => ({
      target: text(child(disk, 'target'), '@dev'),
      alias: text(child(disk, 'alias'), '@name'),
      serial: text(disk, 'serial'),
      source: text(child(disk, 'source'), '@file') || text(child(disk, 'source'), '@dev'),
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
  const uuid = text(child(child(parser.parse(capabilities) as Element, 'capabilities'), 'host'), 'uuid');
  if (uuid === '') throw new Error('libvirt sent no host UUID in its capabilities');
  return uuid.toLowerCase();
}
