import test from 'ava';
import fc from 'fast-check';
import { classifyPlugRefusal } from '../../src/hypervisor/classify.ts';
import { diskElement } from '../../src/hypervisor/disk-xml.ts';
import { findDisk, hostUuidOf, ourDisks, parseDomainXml } from '../../src/hypervisor/domain-xml.ts';
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
  t.deepEqual(parseDomainXml(domain('')), { active: true, disks: [] });
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
  t.false(parseDomainXml(domain('', '')).active);
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
