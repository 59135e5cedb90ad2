// Reads and writes the XML of a fake VM in libvirt's layout, as far as clients that plug disks use it.
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { ERROR } from '../../../src/libvirt/constants.ts';
import { LibvirtError } from '../../../src/libvirt/errors.ts';

/** Error domain of libvirt's own XML checks (VIR_FROM_DOMAIN). */
export const FROM_DOMAIN = 20;
/** VIR_FROM_QEMU. */
export const FROM_QEMU = 10;

/** A `<disk>` element. */
export interface FakeDisk {
  alias: string;
  target: string;
  bus: string;
  /** `file`, `block` or `network`. */
  type: string;
  source: string;
  serial: string;
  shareable: boolean;
  readonly: boolean;
  /** The driver element's attributes. */
  driver: Record<string, string>;
}

/** A `<domain>` element. */
export interface ParsedDomain {
  name: string;
  uuid: string | undefined;
  /** Free slots for hot-plugged PCI devices. */
  ports: number;
  disks: FakeDisk[];
}

type Node = Record<string, unknown>;

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  parseTagValue: false,
  parseAttributeValue: false,
  isArray: name => name === 'disk' || name === 'controller',
});

function refuse(code: number, message: string): LibvirtError {
  return new LibvirtError(message, { code, domain: FROM_DOMAIN });
}

function node(value: unknown): Node {
  return typeof value === 'object' && value !== null ? (value as Node) : {};
}

function nodes(value: unknown): Node[] {
  return Array.isArray(value) ? value.map(node) : [];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function parse(xml: string): Node {
  const valid = XMLValidator.validate(xml);
  if (valid !== true) throw refuse(ERROR.XML_DETAIL, `(definition): ${valid.err.msg}`);
  return node(parser.parse(xml));
}

function diskOf(disk: Node): FakeDisk {
  const target = textOf(node(disk.target)['@dev']);
  if (target === '') throw refuse(ERROR.XML, 'XML error: target dev missing for disk');
  const source = node(disk.source);
  const driver = Object.entries(node(disk.driver)).filter(([key]) => key.startsWith('@'));
  // libvirt ignores an alias that does not begin with ua- and creates its own.
  const alias = textOf(node(disk.alias)['@name']);
  const bus = textOf(node(disk.target)['@bus']) || (target.startsWith('vd') ? 'virtio' : 'scsi');
  return {
    alias: alias.startsWith('ua-') ? alias : `${bus}-disk-${target}`,
    target,
    bus,
    type: textOf(disk['@type']) || 'file',
    source: textOf(source['@file']) || textOf(source['@dev']) || textOf(source['@name']),
    serial: textOf(disk.serial).slice(0, 36),
    shareable: 'shareable' in disk,
    readonly: 'readonly' in disk,
    driver: Object.fromEntries(driver.map(([key, value]) => [key.slice(1), textOf(value)])),
  };
}

/** The disk that a `<disk>` element describes; throws libvirt's errors. */
export function parseDisk(xml: string): FakeDisk {
  const [disk] = nodes(parse(xml).disk);
  if (disk === undefined) throw refuse(ERROR.XML, 'XML error: unknown device type');
  return diskOf(disk);
}

/** The VM that a `<domain>` element describes; throws libvirt's errors. */
export function parseDomain(xml: string): ParsedDomain {
  const domain = node(parse(xml).domain);
  const name = textOf(domain.name);
  if (name === '') throw refuse(ERROR.NO_NAME, 'missing name information');
  const devices = node(domain.devices);
  const models = nodes(devices.controller).map(({ '@model': model }) => model);
  const count = (wanted: string) => models.filter(model => model === wanted).length;
  return {
    name,
    uuid: textOf(domain.uuid) || undefined,
    ports: count('pcie-root-port') - count('virtio-scsi'),
    disks: nodes(devices.disk).map(diskOf),
  };
}

function escaped(value: string): string {
  return value
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll("'", '&apos;');
}

const SOURCE_ATTRIBUTE: Record<string, string> = { file: 'file', block: 'dev', network: 'name' };

function diskXml(disk: FakeDisk, live: boolean): string {
  const driver = Object.entries(disk.driver).map(([key, value]) => ` ${key}='${escaped(value)}'`);
  const lines = [
    `<disk type='${disk.type}' device='disk'>`,
    `  <driver${driver.join('')}/>`,
    `  <source ${SOURCE_ATTRIBUTE[disk.type]}='${escaped(disk.source)}'${live ? " index='1'" : ''}/>`,
    ...(live ? ['  <backingStore/>'] : []),
    `  <target dev='${escaped(disk.target)}' bus='${escaped(disk.bus)}'/>`,
    ...(disk.readonly ? ['  <readonly/>'] : []),
    ...(disk.shareable ? ['  <shareable/>'] : []),
    ...(disk.serial === '' ? [] : [`  <serial>${escaped(disk.serial)}</serial>`]),
    ...(live || disk.alias.startsWith('ua-') ? [`  <alias name='${escaped(disk.alias)}'/>`] : []),
    '</disk>',
  ];
  return lines.map(line => `    ${line}\n`).join('');
}

function portXml(index: number): string {
  return `    <controller type='pci' index='${index}' model='pcie-root-port'>
      <model name='pcie-root-port'/>
      <target chassis='${index}' port='0x${(index + 7).toString(16)}'/>
      <alias name='pci.${index}'/>
    </controller>\n`;
}

/** The XML of a VM; `id` undefined: its definition, else its live XML. */
export function domainXml(vm: {
  name: string;
  uuid: string;
  id: number | undefined;
  ports: number;
  disks: FakeDisk[];
}): string {
  const { name, uuid, id, ports, disks } = vm;
  return `<domain type='qemu'${id === undefined ? '' : ` id='${id}'`}>
  <name>${escaped(name)}</name>
  <uuid>${uuid}</uuid>
  <memory unit='KiB'>131072</memory>
  <currentMemory unit='KiB'>131072</currentMemory>
  <vcpu placement='static'>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
    <boot dev='hd'/>
  </os>
  <features>
    <acpi/>
  </features>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
${disks.map(disk => diskXml(disk, id !== undefined)).join('')}    <controller type='pci' index='0' model='pcie-root'>
      <alias name='pcie.0'/>
    </controller>
${Array.from({ length: ports }, (_, index) => portXml(index + 1)).join('')}    <memballoon model='none'/>
  </devices>
</domain>
`;
}

/** The answer to CONNECT_GET_CAPABILITIES. */
export function capabilitiesXml(hostUuid: string): string {
  return `<capabilities>

  <host>
    <uuid>${hostUuid}</uuid>
    <cpu>
      <arch>x86_64</arch>
    </cpu>
  </host>

  <guest>
    <os_type>hvm</os_type>
    <arch name='x86_64'>
      <domain type='qemu'/>
    </arch>
  </guest>

</capabilities>
`;
}
