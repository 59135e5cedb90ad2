// Read with ltx: a service that plugs a disk now and then parses with code that is not compiled yet, and there it is five times as
// fast as parsers that do more.

import { type Element, parse } from 'ltx';
import { UUID } from '../lib/uuid.ts';
import { aliasOf, serialOf } from './disk-xml.ts';
import type { LiveDisk } from './hypervisor.ts';

/** A `<disk>` of a domain, of whatever bus and kind; what the XML does not say is an empty text. */
export interface DomainDisk {
  readonly target: string;
  readonly alias: string;
  readonly serial: string;
  /** Path of the file or block device that it writes to. */
  readonly source: string;
  /** Every path in it: the source, what that lies upon, and what a block copy writes to. */
  readonly paths: readonly string[];
}

export interface DomainXml {
  /** Whether this is the XML of a running domain: only then does it have an id. */
  readonly active: boolean;
  /** libvirt's id of the running domain; -1 where it does not run. */
  readonly id: number;
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

/** What a `<source>` says of where its bytes are; of one on the network its name there. */
const placeOf = ({ attrs }: Element): string => {
  const place: unknown = attrs.file ?? attrs.dev ?? attrs.name;
  return typeof place === 'string' ? place : '';
};

/** Every `<source>` in a disk, however deep: backing chains lie in each other. */
const sourcesIn = (element: Element): Element[] =>
  element
    .getChildElements()
    .flatMap(child => (child.name === 'source' ? [child, ...sourcesIn(child)] : sourcesIn(child)));

/** Reads a domain's XML as libvirt writes it. Throws where it is no domain's XML. */
export function parseDomainXml(xml: string): DomainXml {
  const domain = read(xml);
  if (domain?.name !== 'domain') throw new Error('libvirt sent something that is not the XML of a domain');
  const disks = domain.getChild('devices')?.getChildren('disk') ?? [];
  const id = Number(domain.attrs.id ?? -1);
  return {
    active: Boolean(domain.attrs.id),
    id,
    disks: disks.map(disk => ({
      target: attributeOf(disk, 'target', 'dev'),
      alias: attributeOf(disk, 'alias', 'name'),
      serial: disk.getChildText('serial') ?? '',
      source: attributeOf(disk, 'source', 'file') || attributeOf(disk, 'source', 'dev'),
      paths: sourcesIn(disk).map(placeOf),
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

const ALIAS = new RegExp(`^${aliasOf(`(${UUID})`)}$`);
const SERIAL = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/;
/** A UUID in a path; device-mapper doubles the dashes of a logical volume's name. */
const IN_PATH = /[0-9a-f]{8}(?:--?[0-9a-f]{4}){3}--?[0-9a-f]{12}/g;

/** The UUID of the disk of ours that an alias names, if it is one. */
export const diskOfAlias = (alias: string): string | undefined => ALIAS.exec(alias)?.[1];

const diskOfSerial = (serial: string): string | undefined => SERIAL.exec(serial)?.slice(1).join('-');

function uuidsIn(paths: readonly string[]): string[] {
  return paths.flatMap(path => [...path.matchAll(IN_PATH)].map(([uuid]) => uuid.replaceAll('--', '-')));
}

/**
 * What in a live domain may be a disk of ours. A path that holds a UUID need not mean a disk of ours: only who knows all disks and
 * volumes can tell.
 */
export function liveDisksIn(domain: DomainXml): LiveDisk[] {
  return domain.disks.flatMap(({ alias, serial, target, source, paths }): LiveDisk[] => {
    const place = { alias, target, source };
    const byAlias = diskOfAlias(alias);
    if (byAlias !== undefined) return [{ disk: byAlias, by: 'alias', ...place }];
    const bySerial = diskOfSerial(serial);
    if (bySerial !== undefined) return [{ disk: bySerial, by: 'serial', ...place }];
    return [...new Set(uuidsIn(paths))].map(disk => ({ disk, by: 'path', ...place }));
  });
}

/** The UUIDs of the disks in the XML of a domain that bear our alias: all that we plugged, or gave out an element for. */
export function aliasedIn(xml: string): string[] {
  // Most domains have none of ours.
  if (!xml.includes('ua-')) return [];
  return parseDomainXml(xml).disks.flatMap(({ alias }) => diskOfAlias(alias) ?? []);
}

/** The UUIDs of all disks that bear an alias or a serial as ours do. */
export function ourDisks(domain: DomainXml): string[] {
  const ours = liveDisksIn(domain).filter(({ by }) => by !== 'path');
  return [...new Set(ours.map(({ disk }) => disk))];
}

/** The host UUID in a host's capabilities. Throws where there is none. */
export function hostUuidOf(capabilities: string): string {
  const uuid = read(capabilities).getChild('host')?.getChildText('uuid');
  if (!uuid) throw new Error('libvirt sent no host UUID in its capabilities');
  return uuid.toLowerCase();
}
