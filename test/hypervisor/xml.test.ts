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

test('the disk element says what QEMU needs to know', t => {
  t.is(
    diskElement(spec).replaceAll(/\n */g, ''),
    '<disk type="file" device="disk"><driver name="qemu" type="raw" cache="none" io="threads" discard="unmap"/>' +
      '<source file="/pool/a.raw"/><target dev="vdb" bus="virtio"/>' +
      '<serial>a00539f7d40d4d8d95c05b0c9713c92e</serial>' +
      '<alias name="ua-a00539f7-d40d-4d8d-95c0-5b0c9713c92e"/></disk>',
  );
});

test('a disk of several users is shareable, a block device is named as one', t => {
  const xml = diskElement({ ...spec, shareable: true, source: { type: 'block', path: '/dev/vg/a' } });
  t.regex(xml, /<shareable\/>/);
  t.regex(xml, /<disk type="block"/);
  t.regex(xml, /<source dev="\/dev\/vg\/a"\/>/);
});

test('whatever a path contains, a domain with this disk shows that path', t => {
  const path = fc.string({ unit: 'grapheme', minLength: 1 }).filter(text => !/[\p{Cc}\p{Cs}]/u.test(text));
  fc.assert(
    fc.property(path, text => {
      const source = { type: 'file', path: `/${text}` } as const;
      const live = parseDomainXml(domain(diskElement({ ...spec, source })));
      t.is(findDisk(live, disk)?.source, `/${text}`);
    }),
  );
});

test('only disks of the devices count, not what looks like one elsewhere', t => {
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
  test(`devices that stand in ${what} in the metadata are none`, t => {
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

test('disks are ours by alias or by serial; a CD drive is not', t => {
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

/** What of this one disk may be ours, and by what. */
const found = (inside: string): string[][] =>
  liveDisksIn(
    parseDomainXml(domain(`<disk type='file'><target dev='vda' bus='virtio'/>${inside}</disk>`)),
  ).map(one => [one.by, one.disk, one.source]);

test('a live disk is ours by its alias before its serial, and by its serial before its paths', t => {
  const source = `<source file='/pool/${U3}.raw'/>`;
  const serial = `<serial>${U2.replaceAll('-', '')}</serial>`;
  t.deepEqual(found(`${source}${serial}<alias name='ua-${U1}'/>`), [['alias', U1, `/pool/${U3}.raw`]]);
  t.deepEqual(found(`${source}${serial}<alias name='ua-mine'/>`), [['serial', U2, `/pool/${U3}.raw`]]);
  t.deepEqual(found(`${source}<alias name='virtio-disk0'/>`), [['path', U3, `/pool/${U3}.raw`]]);
});

test('of a disk of somebody else, every path counts that it reads from or writes to', t => {
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

test('one disk that several paths name is found once, and one that nothing names is not found', t => {
  const twice = `<source file='/pool/${U1}.snap'/><backingStore><source file='/pool/${U1}.raw'/></backingStore>`;
  t.deepEqual(found(twice), [['path', U1, `/pool/${U1}.snap`]]);
  t.deepEqual(
    found(`<source file='/images/os.qcow2'/><serial>${U1}</serial><alias name='virtio-disk0'/>`),
    [],
  );
  t.deepEqual(found(`<auth username='${U1}'/>`), []);
});

test('what is no domain is not read as one', t => {
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
