import test from 'ava';
import fc from 'fast-check';
import { classifyPlugRefusal } from '../../src/hypervisor/classify.ts';
import { diskElement } from '../../src/hypervisor/disk-xml.ts';
import {
  findDisk,
  hostUuidOf,
  liveDisksIn,
  ourDisks,
  parseDomainXml,
} from '../../src/hypervisor/domain-xml.ts';
import { LibvirtError } from '../../src/libvirt/errors.ts';

const disk = 'a00539f7-d40d-4d8d-95c0-5b0c9713c92e';
const spec = {
  disk,
  source: { type: 'file', path: '/pool/a.raw' },
  target: 'vdb',
  shareable: false,
} as const;

const domain = (devices: string, attributes = "id='7'"): string =>
  `<domain type='kvm' ${attributes}><name>a</name>
   <title>&lt;disk&gt;</title>
   <metadata><x:devices xmlns:x='urn:x'><disk><alias name='ua-${disk}'/></disk></x:devices></metadata>
   <devices><emulator>/usr/bin/qemu</emulator>${devices}</devices></domain>`;

test('the disk element has the settings that QEMU needs', t => {
  t.is(
    diskElement(spec).replaceAll(/\n */g, ''),
    '<disk type="file" device="disk"><driver name="qemu" type="raw" cache="none" io="threads" discard="unmap"/>' +
      '<source file="/pool/a.raw"/><target dev="vdb" bus="virtio"/>' +
      '<serial>a00539f7d40d4d8d95c05b0c9713c92e</serial>' +
      '<alias name="ua-a00539f7-d40d-4d8d-95c0-5b0c9713c92e"/></disk>',
  );
});

test('a disk of several users is shareable, and a block device has type block', t => {
  const xml = diskElement({ ...spec, shareable: true, source: { type: 'block', path: '/dev/vg/a' } });
  t.regex(xml, /<shareable\/>/);
  t.regex(xml, /<disk type="block"/);
  t.regex(xml, /<source dev="\/dev\/vg\/a"\/>/);
});

test('any path is read back unchanged from the XML of a domain with the disk', t => {
  const path = fc.string({ unit: 'grapheme', minLength: 1 }).filter(text => !/[\p{Cc}\p{Cs}]/u.test(text));
  fc.assert(
    fc.property(path, text => {
      const source = { type: 'file', path: `/${text}` } as const;
      const live = parseDomainXml(domain(diskElement({ ...spec, source })));
      t.is(findDisk(live, disk)?.source, `/${text}`);
    }),
  );
});

test('only disks in the element devices are read', t => {
  t.deepEqual(parseDomainXml(domain('')), { active: true, id: 7, disks: [] });
});

const hidden = `</x></metadata><devices><disk><alias name='ua-${disk}'/></disk></devices><metadata><x>`;

for (const [what, text] of [
  ['a comment', `<!-- ${hidden} -->`],
  ['a comment that begins with >', `<!-->${hidden}-->`],
  ['a comment that begins with ->', `<!--->${hidden}-->`],
  ['a processing instruction', `<?x ${hidden}?>`],
  ['a CDATA section', `<![CDATA[<!-->${hidden}]]>`],
  ['a CDATA section with the beginning of a comment', `<![CDATA[<!--]]><!-->${hidden}-->`],
] as const) {
  test(`devices in ${what} in the metadata are ignored`, t => {
    const xml = `<domain id='7'><metadata><x>${text}</x></metadata><devices><disk><target dev='vda'/></disk></devices></domain>`;
    t.deepEqual(
      parseDomainXml(xml).disks.map(({ target }) => target),
      ['vda'],
    );
  });
}

test('a domain without an id is not running', t => {
  t.like(parseDomainXml(domain('', '')), { active: false, id: -1 });
});

test('our disks are found by alias or by serial', t => {
  const other = '1b198dec-3560-4a9a-b3b4-5f043410a3dd';
  const live = parseDomainXml(
    domain(
      `<disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>
       <disk type='file'><source file='/x'/><target dev='vda'/><serial>NOT-OURS</serial><alias name='virtio-disk0'/></disk>
       <disk type='file'><source file='/y'/><target dev='vdb'/><serial>${other.replaceAll('-', '')}</serial>
         <alias name='virtio-disk1'/></disk>
       ${diskElement({ ...spec, target: 'vdc' })}`,
    ),
  );
  t.deepEqual(
    live.disks.map(({ target }) => target),
    ['sda', 'vda', 'vdb', 'vdc'],
  );
  t.deepEqual(ourDisks(live), [other, disk]);
  t.is(findDisk(live, other)?.alias, 'virtio-disk1');
  t.is(findDisk(live, disk)?.target, 'vdc');
});

const [U1, U2, U3] = [
  '1b198dec-3560-4a9a-b3b4-5f043410a3d1',
  '1b198dec-3560-4a9a-b3b4-5f043410a3d2',
  '1b198dec-3560-4a9a-b3b4-5f043410a3d3',
];

/** The UUIDs found in one disk, each with where it was found. */
const found = (inside: string): string[][] =>
  liveDisksIn(
    parseDomainXml(domain(`<disk type='file'><target dev='vda' bus='virtio'/>${inside}</disk>`)),
  ).map(one => [one.by, one.disk, one.source]);

test('a disk is identified by its alias, else by its serial, else by its paths', t => {
  const source = `<source file='/pool/${U3}.raw'/>`;
  const serial = `<serial>${U2.replaceAll('-', '')}</serial>`;
  t.deepEqual(found(`${source}${serial}<alias name='ua-${U1}'/>`), [['alias', U1, `/pool/${U3}.raw`]]);
  t.deepEqual(found(`${source}${serial}<alias name='ua-mine'/>`), [['serial', U2, `/pool/${U3}.raw`]]);
  t.deepEqual(found(`${source}<alias name='virtio-disk0'/>`), [['path', U3, `/pool/${U3}.raw`]]);
});

test('in a disk with a foreign alias, every path that it reads from or writes to is searched', t => {
  const overlay = `<source file='/tmp/overlay.qcow2' index='3'/>
    <backingStore type='file' index='2'><format type='qcow2'/><source file='/pool/${U1}.raw.snap'/>
      <backingStore type='block' index='1'><source dev='/dev/vg/${U2}'/><backingStore/></backingStore>
    </backingStore>`;
  t.deepEqual(found(overlay), [
    ['path', U1, '/tmp/overlay.qcow2'],
    ['path', U2, '/tmp/overlay.qcow2'],
  ]);
  const copied = `<source file='/pool/${U1}.raw'/>
    <mirror type='block' job='copy'><format type='raw'/><source dev='/dev/vg/${U3}'/></mirror>`;
  t.deepEqual(
    found(copied).map(([, uuid]) => uuid),
    [U1, U3],
  );
  t.deepEqual(found(`<source protocol='rbd' name='pool/${U2}'/>`), [['path', U2, '']]);
  t.deepEqual(found(`<source dev='/dev/mapper/vg-${U3.replaceAll('-', '--')}'/>`), [
    ['path', U3, `/dev/mapper/vg-${U3.replaceAll('-', '--')}`],
  ]);
});

test('a UUID in several paths is found once, and one outside alias, serial and paths is not found', t => {
  const twice = `<source file='/pool/${U1}.snap'/><backingStore><source file='/pool/${U1}.raw'/></backingStore>`;
  t.deepEqual(found(twice), [['path', U1, `/pool/${U1}.snap`]]);
  t.deepEqual(
    found(`<source file='/images/os.qcow2'/><serial>${U1}</serial><alias name='virtio-disk0'/>`),
    [],
  );
  t.deepEqual(found(`<auth username='${U1}'/>`), []);
});

test('XML that is not that of a domain is refused', t => {
  t.throws(() => parseDomainXml('<html/>'));
  t.throws(() => hostUuidOf('<capabilities><host/></capabilities>'));
  t.is(hostUuidOf('<capabilities><host><uuid>ABC</uuid></host></capabilities>'), 'abc');
});

const refusals: readonly [string, number, string][] = [
  ['VM_UNKNOWN', 42, "Domain not found: no domain with matching uuid 'x'"],
  ['VM_NOT_RUNNING', 55, 'Requested operation is not valid: domain is not running'],
  ['TARGET_TAKEN', 27, "XML error: target 'vdb' duplicated for disk sources '/a' and '/b'"],
  ['NO_PCI_SLOT', 1, 'internal error: No more available PCI slots'],
  [
    'NO_PCI_SLOT',
    1,
    "internal error: unable to execute QEMU command 'device_add': Bus 'pci.0' does not support hotplugging",
  ],
  [
    'IMAGE_LOCKED',
    1,
    'internal error: unable to execute QEMU command \'blockdev-add\': Failed to get "write" lock',
  ],
  ['IMAGE_LOCKED', 1, 'internal error: Failed to get shared "write" lock'],
  ['PLUG_REFUSED', 27, "XML error: missing element 'x'"],
  ['PLUG_REFUSED', 38, "Cannot access storage file '/pool/a.raw': No such file or directory"],
];
for (const [reason, code, message] of refusals) {
  test(`libvirt's ${code} "${message}" means ${reason}`, t => {
    t.is(classifyPlugRefusal(new LibvirtError(message, { code, domain: 10 })), reason as 'PLUG_REFUSED');
  });
}
