// The examples of the API's first document, byte for byte: keys in its order, every value a string.

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

const machine = { node: 'onehost-2.lal.in2p3.fr', vm_id: '722' };
export const machineDisks = { ...machine, uuid: [NEW_DISK, DISK] };
export const pluggedDisk = { ...machine, target: 'vda', uuid: [NEW_DISK, DISK] };
