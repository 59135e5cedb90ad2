// Domain XML is parsed rarely, so the code runs before V8 has optimised it. There ltx is five times as fast
// as parsers with more features.

import { type Element, parse } from 'ltx';
import { UUID } from '../lib/uuid.ts';
import { aliasOf, serialOf } from './disk-xml.ts';
import type { LiveDisk } from './hypervisor.ts';

/** A `<disk>` of a domain, of any bus and kind. A value that the XML does not have is an empty string. */
export interface DomainDisk {
  readonly target: string;
  readonly alias: string;
  readonly serial: string;
  /** Path of the file or block device that the VM writes to. */
  readonly source: string;
  /** Every path in the element: the source, its backing chain, and the target of a block copy. */
  readonly paths: readonly string[];
}

/** The parts of a domain's XML that pdisk reads. */
export interface DomainXml {
  /** Whether this is the XML of a running domain: only then does it have an id. */
  readonly active: boolean;
  /** libvirt's id of the running domain; -1 if it is not running. */
  readonly id: number;
  readonly disks: readonly DomainDisk[];
}

/**
 * Comments, CDATA sections and processing instructions. Only in these can well-formed XML have a `<` that
 * begins no tag.
 */
const ASIDES = /<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>/gs;

/**
 * Parses XML without its comments. ltx reads `<!-->` as a whole comment, but in XML it only begins one.
 * libvirt returns a domain's metadata unchanged, so the owner of a VM could hide elements in such a comment,
 * and ltx would read them as devices.
 */
const read = (xml: string): Element => parse(xml.replaceAll(ASIDES, ''));

/** An attribute of an element's child. */
const attributeOf = (element: Element, child: string, name: string): string => {
  const value: unknown = element.getChild(child)?.attrs[name];
  return typeof value === 'string' ? value : '';
};

/** The path in a `<source>`; for a network disk, its name on the server. */
const placeOf = ({ attrs }: Element): string => {
  const place: unknown = attrs.file ?? attrs.dev ?? attrs.name;
  return typeof place === 'string' ? place : '';
};

/** Every `<source>` in a disk, at any depth: the elements of a backing chain are nested. */
const sourcesIn = (element: Element): Element[] =>
  element
    .getChildElements()
    .flatMap(child => (child.name === 'source' ? [child, ...sourcesIn(child)] : sourcesIn(child)));

/** Reads a domain's XML as libvirt writes it. Throws an Error if it is not the XML of a domain. */
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

/** Our disk with this UUID: by its alias, else by its serial, for a disk that another tool has plugged. */
export function findDisk(domain: DomainXml, disk: string): DomainDisk | undefined {
  return (
    domain.disks.find(found => found.alias === aliasOf(disk)) ??
    domain.disks.find(found => found.serial === serialOf(disk))
  );
}

const ALIAS = new RegExp(`^${aliasOf(`(${UUID})`)}$`);
const SERIAL = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/;
/** A UUID in a path. device-mapper doubles the dashes in the name of a logical volume. */
const IN_PATH = /[0-9a-f]{8}(?:--?[0-9a-f]{4}){3}--?[0-9a-f]{12}/g;

/** The UUID in an alias of ours; undefined for any other alias. */
export const diskOfAlias = (alias: string): string | undefined => ALIAS.exec(alias)?.[1];

const diskOfSerial = (serial: string): string | undefined => SERIAL.exec(serial)?.slice(1).join('-');

function uuidsIn(paths: readonly string[]): string[] {
  return paths.flatMap(path => [...path.matchAll(IN_PATH)].map(([uuid]) => uuid.replaceAll('--', '-')));
}

/**
 * The devices in a live domain that may be disks of ours. A UUID in a path need not be that of a disk: the
 * caller must compare it with the records and the volumes.
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

/**
 * The UUIDs of the disks in the XML of a domain that have our alias: those that pdisk plugged, and those
 * whose element a client took from pdisk.
 */
export function aliasedIn(xml: string): string[] {
  // Most domains have no disk of ours, and then the XML need not be parsed.
  if (!xml.includes('ua-')) return [];
  return parseDomainXml(xml).disks.flatMap(({ alias }) => diskOfAlias(alias) ?? []);
}

/** The UUIDs of all disks whose alias or serial has the form of ours. */
export function ourDisks(domain: DomainXml): string[] {
  const ours = liveDisksIn(domain).filter(({ by }) => by !== 'path');
  return [...new Set(ours.map(({ disk }) => disk))];
}

/** The host UUID in a host's capabilities, in lower case. Throws an Error if there is none. */
export function hostUuidOf(capabilities: string): string {
  const uuid = read(capabilities).getChild('host')?.getChildText('uuid');
  if (!uuid) throw new Error('libvirt sent no host UUID in its capabilities');
  return uuid.toLowerCase();
}
