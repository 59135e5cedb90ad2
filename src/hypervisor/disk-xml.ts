import { Element, stringify } from 'ltx';
import type { DiskSpec } from './hypervisor.ts';

/** The alias of a disk in a domain. libvirt accepts a user's alias only if it begins with `ua-`. */
export function aliasOf(disk: string): string {
  return `ua-${disk}`;
}

/** The serial by which a guest finds the disk: 32 hex digits, of which the guest sees the first 20. */
export function serialOf(disk: string): string {
  return disk.replaceAll('-', '');
}

/**
 * A `<disk>` element of domain XML (https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms).
 */
export function diskElement({ disk, source, target, shareable }: DiskSpec): string {
  const isFile = source.type === 'file';
  const element = new Element('disk', { type: source.type, device: 'disk' });
  element.c('driver', {
    name: 'qemu',
    type: 'raw',
    cache: 'none',
    // Native asynchronous I/O blocks QEMU's event loop while blocks of a sparse file are allocated.
    io: isFile ? 'threads' : 'native',
    discard: 'unmap',
  });
  element.c('source', isFile ? { file: source.path } : { dev: source.path });
  element.c('target', { dev: target, bus: 'virtio' });
  if (shareable) element.c('shareable');
  element.c('serial').t(serialOf(disk));
  element.c('alias', { name: aliasOf(disk) });
  return `${stringify(element, 2)}\n`;
}

/** The path of a logical volume under /dev/mapper, where device-mapper doubles the dashes within a name. */
const MAPPER = /^\/dev\/mapper\/((?:[^-/]|--)+)-((?:[^-/]|--)+)$/;

function canonical(path: string): string {
  const [, group, volume] = MAPPER.exec(path) ?? [];
  return group && volume ? `/dev/${group.replaceAll('--', '-')}/${volume.replaceAll('--', '-')}` : path;
}

/** Whether two paths mean the same volume. */
export const sameSource = (a: string, b: string): boolean => canonical(a) === canonical(b);
