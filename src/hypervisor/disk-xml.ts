import { Element, stringify } from 'ltx';
import type { DiskSpec } from './hypervisor.ts';

/** A disk's name within a domain. libvirt keeps an alias of the user's choice only if it begins with `ua-`. */
export function aliasOf(disk: string): string {
  return `ua-${disk}`;
}

/** 32 hex digits, by which a guest finds the disk: it sees the first 20 of them. */
export function serialOf(disk: string): string {
  return disk.replaceAll('-', '');
}

/** The `<disk>` element of libvirt's domain XML (https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms). */
export function diskElement({ disk, source, target, shareable }: DiskSpec): string {
  const isFile = source.type === 'file';
  const element = new Element('disk', { type: source.type, device: 'disk' });
  element.c('driver', {
    name: 'qemu',
    type: 'raw',
    cache: 'none',
    // With native asynchronous I/O, QEMU's event loop would wait while a sparse file's blocks are allocated.
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

/** A logical volume's device node of device-mapper, where dashes within a name are doubled. */
const MAPPER = /^\/dev\/mapper\/((?:[^-/]|--)+)-((?:[^-/]|--)+)$/;

function canonical(path: string): string {
  const [, group, volume] = MAPPER.exec(path) ?? [];
  return group && volume ? `/dev/${group.replaceAll('--', '-')}/${volume.replaceAll('--', '-')}` : path;
}

/** Whether two paths name one volume. */
export const sameSource = (a: string, b: string): boolean => canonical(a) === canonical(b);
