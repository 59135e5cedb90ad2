// The examples of the user's document (docs/api-contract.md, part 1), byte for byte and in its order of keys.

/** What an administrator has confirmed without proof. */
export const VOUCHED = 'that the VM is gone: the host burnt down on Sunday';

export const DISK = 'eb198dec-3560-4a9a-b3b4-5f043410a3dd';
export const NEW_DISK = 'a00539f7-d40d-4d8d-95c0-5b0c9713c92e';

const simpleDisk = {
  users: '0',
  created: '2011/07/28 15:01:40',
  visibility: 'private',
  tag: 'a simple disk',
  owner: 'test',
  uuid: DISK,
  size: '2',
};

export const disks = [
  simpleDisk,
  {
    users: '0',
    created: '2011/07/28 15:01:54',
    visibility: 'public',
    tag: 'a public disk',
    owner: 'test',
    uuid: '7d409aed-3207-4dd1-85f3-3bca3605b1fb',
    size: '1',
  },
];

export const usedDisk = { ...simpleDisk, users: '1' };

export const vmName = { node: 'onehost-2.lal.in2p3.fr', vm_id: '722' };
export const vmDisks = { ...vmName, uuid: [NEW_DISK, DISK] };
export const pluggedDisk = { ...vmName, target: 'vda', uuid: [NEW_DISK, DISK] };

/** The element for a VM that is to be launched; the volume is a file. */
export const element = `<disk type="file" device="disk">
  <driver name="qemu" type="raw" cache="none" io="threads" discard="unmap"/>
  <source file="/var/lib/pdisk/pool/${DISK}.raw"/>
  <target dev="vdb" bus="virtio"/>
  <serial>${DISK.replaceAll('-', '')}</serial>
  <alias name="ua-${DISK}"/>
</disk>
`;

/** The used disk in the view `full`. */
export const details = {
  uuid: DISK,
  tag: 'a simple disk',
  owner: 'test',
  visibility: 'private',
  size: 2,
  created: '2011-07-28T15:01:40.000Z',
  state: 'hot-attached',
  reason: null,
  limit: 2,
  users: 1,
  remaining: 1,
  attachments: [
    {
      id: 'V1StGXR8_Z5jdHi6B-myT',
      state: 'hot-attached',
      mode: 'hot',
      ...vmName,
      domain: '4dea22b3-1d52-4f8e-a5a1-0f7d0f0c5a3c',
      target: 'vda',
      since: '2011-07-28T15:20:00.000Z',
      by: 'test',
      away: false,
      doubt: null,
      diverted: null,
    },
  ],
  waiting: [],
  wiped: null,
};
